"""What commands print."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self, TextIO

import typer

from llmopt_core.workspace import write_output

if TYPE_CHECKING:
    from llmopt_core.experiments.caveats import RunCaveats
    from llmopt_core.statistics.intervals import Summary
    from llmopt_core.types import Document

# All but tab and line feed: C0 and C1 controls, escape, marks that turn the direction of writing, lone surrogates.
# An answer could else clear the screen, rename the window or make a line read backwards.
# `\x1b[31m` and `\x1b[0m` stay: they are what `red` writes, and colour alone hides nothing.
_STEERING = re.compile(
    "(?!\\x1b\\[(?:31|0)m)[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff]"
)

JsonOption = Annotated[
    str, typer.Option("--json", metavar="[FILE]", help="Write JSON to FILE, or to stdout where none is named.")
]

EncodingOption = Annotated[
    str, typer.Option(help="Encoding of text files, such as windows-1250; found out for each where none is named.")
]

MainOnlyOption = Annotated[
    bool, typer.Option("--main-only", help="Of web pages only the main text, without menus, headers and footers.")
]

QuestionsEncodingOption = Annotated[
    str,
    typer.Option(help="Encoding of the question file, such as windows-1250; found out where none is named."),
]

TrustOption = Annotated[
    bool,
    typer.Option(
        "--trust",
        help="Trust the hosts and key variables that are new here and that the file brings; that is remembered.",
    ),
]


QuestionColumnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="MEANING=NAME",
        help="What a column of the question file means: question, reference, id, category, document or quote, such as "
        "question=Frage; may be given several times.",
    ),
]


MarginOption = Annotated[
    float | None,
    typer.Option(help="Differences below it do not matter: what lies within it is equivalent. 0.05 where none is set."),
]
SplitOption = Annotated[
    str,
    typer.Option(
        metavar="PART",
        help="Which part of the questions: search, confirm, never-seen or all; search where the set is split and none "
        "is named. A set that is not split yet is split by document into 50, 25 and 25 %.",
    ),
]


def pairs(texts: list[str] | None) -> dict[str, str]:
    """What stands before and after the first equals sign.

    Raises:
        BadInput: One has nothing on a side.
    """
    from llmopt_core.errors import BadInput

    result = {}
    for item in texts or []:
        # The first one: a value may hold more of them, such as a header of a file or an expression.
        key, _, value = item.partition("=")
        if not key.strip() or not value.strip():
            raise BadInput(f"{item!r}: expected NAME=VALUE.")
        result[key.strip()] = value.strip()
    return result


def print_error(message: str, *, hint: str = "", code: int = 2) -> int:
    """One line on stderr. Returns the exit code."""
    # Messages of libraries have several lines; a script that reads stderr expects one problem per line.
    line = printable(" ".join(message.split()))
    print(f"llmopt: {line}{hint}", file=sys.stderr, flush=True)
    return code


def note(message: str) -> None:
    """A line on stderr for who is watching."""
    # Flushed: stderr of a pipe is buffered on some systems, and progress that comes at the end is none.
    print(printable(message), file=sys.stderr, flush=True)


def note_losses(documents: Sequence[Document]) -> None:
    """A line on stderr for all that was read with losses, such as pages without text."""
    for document in documents:
        for warning in document.warnings:
            note(f"llmopt: {document.name}: {warning}")


def printable(text: str) -> str:
    r"""Text of users and models for a terminal: signs that would steer it are shown, such as `\x1b`.

    Lines and tabs stay, and the colour of `red`. Marks that turn the direction of writing are shown too: they can hide
    what a line says.
    """
    # Escaped instead of taken out: what stood there can be seen.
    return _STEERING.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), text)


class SafeStream:
    """A stream that shows what would steer a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write text, made safe."""
        return self._stream.write(printable(text))

    def __getattr__(self, name: str) -> Any:
        # The rest is the stream's own (`flush`, `isatty`, `fileno`), which Typer and `print` ask for.
        return getattr(self._stream, name)


class ProgressLine:
    """How far something is, on stderr: one line written anew on a terminal, elsewhere a line now and then.

    Nothing is said of what ends within seconds.

    Args:
        terminal: Whether stderr is one; found out by default.
        clock: Seconds; for tests.
    """

    def __init__(self, *, terminal: bool | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._terminal = sys.stderr.isatty() if terminal is None else terminal
        self._clock = clock
        # Seconds between two lines: a terminal overwrites its own, a log keeps each.
        self._pause = 0.5 if self._terminal else 10.0
        # Seconds of silence first: what ends within them needs no progress.
        self._next = clock() + (1.0 if self._terminal else 5.0)
        self._is_shown = False

    def __call__(self, words: Callable[[], str]) -> None:
        """Say where it stands, where it is time for that."""
        if self._clock() < self._next:
            return
        self._next = self._clock() + self._pause
        self._is_shown = True
        if self._terminal:
            print(f"\r\x1b[K{printable(words())}", end="", file=sys.stderr, flush=True)
        else:
            note(words())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_shown and self._terminal:
            # Erases the line, so that the result does not begin behind it.
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def print_result(text: str, value: Any, target: str) -> None:
    """The result of a command: for people, as JSON where `--json` names a target, or both beside a file."""
    if target:
        write_json(value, target)
    if target != "-":
        print(text)


def write_json(value: Any, target: str) -> None:
    """Write JSON to a file, or to stdout for `-`.

    Raises:
        StorageError: The file cannot be written.
    """
    # Texts as they are read: escapes for every letter with an accent would make the file three times as long.
    # One space of indent: readable, and a diff of two results shows one value per line.
    text = json.dumps(value, ensure_ascii=False, indent=1)
    if target == "-":
        # The data itself stays as it is: what would steer a terminal is written as JSON writes it.
        safe_text = _STEERING.sub(lambda found: f"\\u{ord(found.group()):04x}", text)
        # Lone surrogates from broken files cannot be encoded; a question mark is better than no output at all.
        print(safe_text.encode("utf-8", "replace").decode("utf-8"))
        return
    write_output(Path(target), text + "\n")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Aligned columns; the first to the left, the others to the right."""
    # By characters, not by columns of the screen: wide scripts stand a little off, which a library would be needed for.
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    lines = [_line(header, widths), "  ".join("-" * width for width in widths)]
    return "\n".join([*lines, *(_line(row, widths) for row in rows)])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first = row[0].ljust(widths[0])
    # The empty cells at the end of a row would leave spaces, which mark every line in a diff.
    return "  ".join([first, *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]).rstrip()


def red(text: str) -> str:
    """The text in red where stdout is a terminal that shows colours."""
    # NO_COLOR is the agreed name (no-color.org) for "no colours, please"; any value but an empty one counts.
    has_colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return f"\x1b[31m{text}\x1b[0m" if has_colours else text


def caveat_lines(runs: Sequence[RunCaveats]) -> list[str]:
    """What must be said beside runs that are shown together, line by line."""
    from llmopt_core.experiments.caveats import caveats

    return [red(f"Warning: {caveat.text}") if caveat.severe else f"Note: {caveat.text}" for caveat in caveats(runs)]


def number(value: float | None) -> str:
    """At most three significant digits."""
    # `g` also writes 1e+05: no trailing zeros that promise more than was measured.
    return "-" if value is None else f"{value:.3g}"


def number_with_interval(summary: Summary) -> str:
    """A mean as `number` writes it, with its interval where there is one."""
    between = "" if summary.low is None else f" [{number(summary.low)}, {number(summary.high)}]"
    return f"{number(summary.mean)}{between}"


def one_line(text: str, length: int = 100) -> str:
    """A text cut to one short line."""
    flat = " ".join(text.split())
    # One less, for the sign that says that something was cut.
    return flat if len(flat) <= length else flat[: length - 1] + "…"
