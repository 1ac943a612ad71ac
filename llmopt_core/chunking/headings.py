"""Headings of Markdown text, and the path of headings above any place."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from llmopt_core.chunking.matches import code_points

_MARKS = re.compile(r"(#{1,6})[ \t]")
_FENCE = re.compile(r"(`{3,}|~{3,})")
_UNDERLINE = re.compile(r"(=+|-+)[ \t]*$")
_STARTS = ("#", "```", "~~~", "===", "---")
_IS_MARK = np.isin(np.arange(128), [ord(start[0]) for start in _STARTS])
_NEWLINE = ord("\n")
_BLOCK = 4_000_000
SEPARATOR = " > "


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading line: where it begins, its level from 1 to 6, and the titles down to it."""

    start: int
    level: int
    path: tuple[str, ...]


class Headings:
    """All headings of a text: lines that begin with `#`, or are underlined. Lines inside code fences are none."""

    def __init__(self, text: str) -> None:
        self.all: list[Heading] = list(_headings(text))
        self._starts = [heading.start for heading in self.all]
        self._paths = [SEPARATOR.join(heading.path) for heading in self.all]

    def path_at(self, offset: int) -> str:
        """Titles above the character at `offset`, joined by ` > `; empty before the first heading."""
        index = bisect_right(self._starts, offset)
        return self._paths[index - 1] if index else ""


def _headings(text: str) -> Iterator[Heading]:
    above: dict[int, str] = {}
    for start, level, title in _titles(text):
        above = {depth: name for depth, name in above.items() if depth < level}
        above[level] = title
        yield Heading(start, level, tuple(above.values()))


def _titles(text: str) -> Iterator[tuple[int, int, str]]:
    fence = ""
    for start in _candidates(text):
        end = text.find("\n", start)
        line = text[start : end if end >= 0 else len(text)]
        mark = _FENCE.match(line)
        if mark:
            if not fence:
                fence = mark[1]
            elif mark[1].startswith(fence) and not line[mark.end() :].strip():
                fence = ""
        elif not fence:
            found = _title(text, start, line)
            if found:
                yield found


def _candidates(text: str) -> list[int]:
    """Starts of the lines that may be headings, underlines or fences, found without a step per line."""
    found = [0] if text.startswith(_STARTS) else []
    for at in range(0, len(text), _BLOCK):
        codes = code_points(text[at : at + _BLOCK + 1])
        lines = np.flatnonzero(codes[:-1] == _NEWLINE) + 1
        found += (lines[_IS_MARK[np.minimum(codes[lines], 127)]] + at).tolist()
    return [start for start in found if text.startswith(_STARTS, start)]


def _title(text: str, start: int, line: str) -> tuple[int, int, str] | None:
    match = _MARKS.match(line)
    if match:
        # By hand, because a pattern for it tries every way to divide a long run of spaces.
        title = line[match.end() :].strip(" \t").rstrip("#").rstrip(" \t")
        return (start, len(match[1]), title) if title else None
    if not _UNDERLINE.match(line) or start < 2:
        return None
    above = text.rfind("\n", 0, start - 1) + 1
    title = text[above : start - 1].strip()
    # A rule or the front matter's end has no single line of text between itself and a blank line.
    blank = above == 0 or text[max(0, above - 2) : above] == "\n\n"
    if not title or not blank or title.startswith(("#", "-", "*", ">", "|", "=")):
        return None
    return above, 1 if line[0] == "=" else 2, title
