"""What changed between two texts, word by word."""

from __future__ import annotations

import re
from itertools import groupby
from operator import itemgetter
from typing import Literal

from rapidfuzz.distance import Indel

Op = Literal["equal", "delete", "insert"]

# A word with the white space after it; Chinese and Japanese characters one by one.
_CJK = "぀-ヿ㐀-鿿豈-﫿"
_PIECE = re.compile(rf"[{_CJK}]\s*|\w[^\W{_CJK}]*\s*|[^\w\s]\s*|\s+")

MAX_WORDS = 20_000


def word_diff(old: str, new: str) -> list[tuple[Op, str]]:
    """The shortest way from one text to the other.

    What is equal or deleted, joined, is the old text; what is equal or inserted, the new one. Texts of more than
    20,000 words are compared line by line.
    """
    before, after = _PIECE.findall(old), _PIECE.findall(new)
    if max(len(before), len(after)) > MAX_WORDS:
        before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    pieces: list[tuple[Op, str]] = []
    for step in Indel.opcodes(before, after):
        if step.tag == "equal":
            pieces.append(("equal", "".join(before[step.src_start : step.src_end])))
        elif step.tag == "delete":
            pieces.append(("delete", "".join(before[step.src_start : step.src_end])))
        else:
            pieces.append(("insert", "".join(after[step.dest_start : step.dest_end])))
    return _tidied(pieces)


def _tidied(pieces: list[tuple[Op, str]]) -> list[tuple[Op, str]]:
    """Changes that touch each other as one deletion and one insertion."""
    tidy: list[tuple[Op, str]] = []
    for is_equal, group in groupby(pieces, key=lambda piece: piece[0] == "equal"):
        run = list(group)
        if is_equal:
            tidy.append(("equal", "".join(map(itemgetter(1), run))))
            continue
        for op in ("delete", "insert"):
            text = "".join(part for kind, part in run if kind == op)
            if text:
                tidy.append((op, text))
    return tidy
