"""Headings of Markdown text, and the path of headings above any place."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

_LINE = re.compile(r"[ ]{0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$")
_FENCE = re.compile(r"[ ]{0,3}(`{3,}|~{3,})")
_UNDERLINE = re.compile(r"(=+|-+)[ \t]*$")
_STARTS = ("#", " #", "  #", "   #", "```", "~~~", " ```", "===", "---")
SEPARATOR = " > "


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading line: where it begins, its level from 1 to 6, and the titles down to it."""

    start: int
    level: int
    path: tuple[str, ...]


class Headings:
    """All headings of a text. Lines inside code fences are none."""

    def __init__(self, text: str) -> None:
        self.all: list[Heading] = list(_headings(text))
        self._starts = [heading.start for heading in self.all]

    def path_at(self, offset: int) -> str:
        """Titles above the character at `offset`, joined by ` > `; empty before the first heading."""
        index = bisect_right(self._starts, offset)
        return SEPARATOR.join(self.all[index - 1].path) if index else ""


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
    """Starts of the lines that may be headings or fences, found without looking at every line."""
    found = [0] if text.startswith(_STARTS) else []
    for begin in _STARTS:
        at = text.find("\n" + begin)
        while at >= 0:
            found.append(at + 1)
            at = text.find("\n" + begin, at + 1)
    return sorted(found)


def _title(text: str, start: int, line: str) -> tuple[int, int, str] | None:
    match = _LINE.match(line)
    if match:
        return (start, len(match[1]), match[2]) if match[2] else None
    if not _UNDERLINE.match(line) or start < 2:
        return None
    above = text.rfind("\n", 0, start - 1) + 1
    title = text[above : start - 1].strip()
    # A rule or the front matter's end has no single line of text between itself and a blank line.
    blank = above == 0 or text[max(0, above - 2) : above] == "\n\n"
    if not title or not blank or title.startswith(("#", "-", "*", ">", "|", "=")):
        return None
    return above, 1 if line[0] == "=" else 2, title
