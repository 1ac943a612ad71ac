"""What changed between two texts, word by word."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Literal

from rapidfuzz.distance import Indel

from llmopt_core.text.scripts import CJK

Op = Literal["equal", "delete", "insert"]

# A word with the white space after it; Chinese and Japanese characters one by one.
_PIECE = re.compile(rf"[{CJK}]\s*|\w[^\W{CJK}]*\s*|[^\w\s]\s*|\s+")
_SIGNS = str.maketrans({" ": "·", "\t": "⇥", "\n": "↵", "\r": "␍"})

# The time grows with the product of both lengths; this many words take a moment, ten times as many would not.
MAX_WORDS = 20_000
ONLY_SPACE = "Only white space differs: · stands for a space, ↵ for a line break."


def word_diff(old: str, new: str) -> list[tuple[Op, str]]:
    """The shortest way from one text to the other.

    What is equal or deleted, joined, is the old text; what is equal or inserted, the new one. A word stays equal where
    only the white space after it changes. Texts of more than 20,000 words are compared line by line.
    """
    before, after = _PIECE.findall(old), _PIECE.findall(new)
    if max(len(before), len(after)) > MAX_WORDS:
        before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    pieces: list[tuple[Op, str]] = []
    # Without the white space: a paragraph that was only wrapped anew has all its words.
    for step in Indel.opcodes([one.rstrip() for one in before], [one.rstrip() for one in after]):
        old_pieces, new_pieces = before[step.src_start : step.src_end], after[step.dest_start : step.dest_end]
        if step.tag == "equal":
            pieces.extend(_diff_spaces(old_pieces, new_pieces))
        elif step.tag == "delete":
            pieces.append(("delete", "".join(old_pieces)))
        else:
            pieces.append(("insert", "".join(new_pieces)))
    return _tidy(pieces)


def only_space(pieces: Iterable[tuple[Op, str]]) -> bool:
    """Whether two texts differ, and in nothing but white space."""
    changes = [text for op, text in pieces if op != "equal"]
    return bool(changes) and not any(text.strip() for text in changes)


def visible_text(op: Op, text: str) -> str:
    """A piece as people see it: white space that alone was deleted or inserted, by signs."""
    if op == "equal" or text.strip():
        return text
    signs = text.translate(_SIGNS)
    return signs.replace("↵", "↵\n") if op == "insert" else signs


def _diff_spaces(before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[Op, str]]:
    """Equal words, with what has changed of the white space after each."""
    for old, new in zip(before, after, strict=True):
        if old == new:
            yield "equal", old
            continue
        # The beginning that both have is equal; of the rest only white space is left.
        length = next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
        parts: tuple[tuple[Op, str], ...] = (
            ("equal", old[:length]), ("delete", old[length:]), ("insert", new[length:])
        )  # fmt: skip
        yield from (part for part in parts if part[1])


def _tidy(pieces: list[tuple[Op, str]]) -> list[tuple[Op, str]]:
    """Changes that touch each other as one deletion and one insertion."""
    result: list[tuple[Op, str]] = []
    for is_equal, group in groupby(pieces, key=lambda piece: piece[0] == "equal"):
        run = list(group)
        if is_equal:
            result.append(("equal", "".join(map(itemgetter(1), run))))
            continue
        # First what went, then what came, as people read it.
        for op in ("delete", "insert"):
            text = "".join(part for kind, part in run if kind == op)
            if text:
                result.append((op, text))
    return result
