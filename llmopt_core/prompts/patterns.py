"""Regular expressions written by users, over text written by models: checked first, and stopped when they run away."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import regex

from llmopt_core.errors import BadInput
from llmopt_core.execution.isolation import IsolationError, Limits, run_in_child

# Expressions come from people and files, and some take exponential time.
SECONDS = 1.0
# Steps. `(a{1000}){1000}` is fifteen characters, and a million steps once compiled.
MAX_EXPANSION = 100_000
MAX_LENGTH = 20_000
# Bytes beyond what the new process holds: enough for any real search, little enough for a laptop.
_MOST_MEMORY = 400_000_000
# A new process is there in less; a machine with much to do takes longer.
_START_SECONDS = 5.0

# Groups that call themselves or others, and approximate matching.
_BEYOND_LIMITS = re.compile(r"\(\?(?:R|[+-]?\d|&|P>)|\{[^{}]*[eids][^{}]*\}")

# An escape, a character class, a group's bracket, the least number of a repeat, or any other character.
_PART = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[()]|\{(\d+)(?:,\d*)?\}|.", re.DOTALL)


def compile_pattern(pattern: str, ignore_case: bool = False) -> Any:
    """The compiled expression (Python's syntax and that of the `regex` package).

    Raises:
        BadInput: It is not a regular expression, or it is very long, by itself or by its repeats.
    """
    if len(pattern) > MAX_LENGTH:
        raise BadInput(f"{pattern[:200]!r} is too large: an expression has at most {MAX_LENGTH:,} characters.")
    if _expansion_length(pattern) > MAX_EXPANSION:
        raise BadInput(f"{pattern[:200]!r} is too large: its repeats make more than {MAX_EXPANSION:,} steps.")
    try:
        return regex.compile(pattern, regex.IGNORECASE if ignore_case else 0)
    except regex.error as error:
        raise BadInput(f"{pattern!r} is not a regular expression: {error}.") from error


def _expansion_length(pattern: str) -> int:
    """About how long the expression is with its repeats written out, as compiling does it."""
    outer: list[int] = []
    total = last = 0
    for part in _PART.finditer(pattern):
        if part[0] == "(":
            outer.append(total)
            total = last = 0
        elif part[0] == ")" and outer:
            last = total
            total += outer.pop()
        elif part[1] is not None:
            # Twelve digits are enough to be too many; `int` of thousands of them would take long itself.
            total += last * (int(part[1][:12]) - 1) if int(part[1][:12]) else 0
        else:
            last = 1
            total += 1
    return total


@dataclass(frozen=True, slots=True)
class Match:
    """A text that a pattern matched, with its named groups."""

    text: str
    groups: Mapping[str, str | None]


def ends_of_matches(
    pattern: str, text: str, *, ignore_case: bool = False, seconds: float = SECONDS
) -> tuple[Match, Match] | None:
    """The first and the last match of the pattern in the text; None where there is none.

    Raises:
        BadInput: The pattern is wrong, or takes longer than `seconds` or too much memory on this text.
    """
    compile_pattern(pattern, ignore_case)
    try:
        if _BEYOND_LIMITS.search(pattern):
            # Handing it to a process takes longer than most searches, so only for expressions that need it.
            return _apart(pattern, text, ignore_case, seconds)
        return search_here(pattern, text, ignore_case, seconds)
    # One sentence for all three: they mean the same to whoever wrote the expression.
    except (TimeoutError, MemoryError, IsolationError) as error:
        raise BadInput(
            f"The regular expression {pattern[:200]!r} takes more than {round(seconds, 1):g} s on a text of "
            f"{len(text):,} characters; look for nested repeats such as `(a+)+`, and for groups that call themselves."
        ) from error


def search_here(
    pattern: str, text: str, ignore_case: bool, seconds: float, _on_part: object = None
) -> tuple[Match, Match] | None:
    """`ends_of_matches` in this process."""
    first = last = None
    # `concurrent` lets other threads go on while this one searches.
    for last in compile_pattern(pattern, ignore_case).finditer(text, timeout=seconds, concurrent=True):
        # First and last alone: a pattern that matches at each character would fill memory.
        first = first or last
    return None if first is None or last is None else (_match(first), _match(last))


def _match(match: Any) -> Match:
    return Match(match.group(), match.groupdict())


def _apart(pattern: str, text: str, ignore_case: bool, seconds: float) -> tuple[Match, Match] | None:
    """In a process that can be stopped: inside such expressions the package looks at no clock and takes any memory."""
    limits = Limits(_MOST_MEMORY, seconds, seconds + _START_SECONDS)
    matches: tuple[Match, Match] | None = run_in_child(
        search_here, (pattern, text, ignore_case, seconds), limits, on_part=lambda *_: None, heartbeat=lambda: None
    )
    return matches


def extract_answer(pattern: str, text: str) -> str | None:
    """The group `answer` of the pattern's last match in the text, trimmed; None where there is no match.

    An empty pattern takes the whole text. The dot matches line breaks only where the pattern says so.

    Raises:
        BadInput: The pattern is wrong or runs away.
    """
    if not pattern:
        return text.strip()
    matches = ends_of_matches(pattern, text)
    # The last match, as models write their answer at the end; a group that took no part is None.
    return (matches[1].groups["answer"] or "").strip() if matches else None


def check_pattern(pattern: str) -> str:
    """The pattern itself.

    Raises:
        ValueError: It is not a regular expression with a group named `answer`; empty is allowed.
    """
    if not pattern:
        return pattern
    try:
        groups = compile_pattern(pattern).groupindex
    except BadInput as error:
        raise ValueError(str(error)) from error
    if "answer" not in groups:
        raise ValueError(f"{pattern!r} needs a named group `(?P<answer>...)` that says which part is the answer")
    return pattern
