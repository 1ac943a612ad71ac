"""Headings of Markdown text, and the path of headings above any place."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from llmopt_core.chunking.matches import code_points

# One to six hashes and white space: `#hashtag` and `#######` are none.
_MARKS = re.compile(r"(#{1,6})[ \t]")
# Three or more backticks or tildes begin a block of code.
_FENCE = re.compile(r"(`{3,}|~{3,})")
# Only `=` or only `-` and white space to the end. Possessive, so that a long rule is read once.
_UNDERLINE = re.compile(r"^(=++|-++)[ \t]*+$")
# What begins a block of HTML in which nothing is a heading, and what ends it.
_RAW = {"<!--": "-->", "<pre": "</pre>", "<script": "</script>", "<style": "</style>", "<textarea": "</textarea>"}
_STARTS = ("#", "```", "~~~", "=", "--", *_RAW)
# Up to three spaces may stand before a mark; with four it is code.
# A table for the first characters: one look per line, where most lines of a document are settled.
_IS_MARK = np.isin(np.arange(128), [ord(start[0]) for start in (*_STARTS, " ")])
_INDENT = "   "
# Front matter is metadata; a block longer than this is text between two rules.
_FRONT_MATTER = 20_000
_NEWLINE = ord("\n")
# Characters looked at together: bounds the memory of arrays as large as the text.
_BLOCK = 4_000_000
# As it stands before chunks and in traces.
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
        # A heading ends all deeper ones and those of its own level.
        above = {depth: name for depth, name in above.items() if depth < level}
        above[level] = title
        yield Heading(start, level, tuple(above.values()))


def _titles(text: str) -> Iterator[tuple[int, int, str]]:
    fence = ""
    hidden_end = _front_matter_end(text)
    for start in _candidates(text):
        # Comments and `pre` hide what looks like a heading in them.
        if start < hidden_end:
            continue
        end = text.find("\n", start)
        line = text[start : end if end >= 0 else len(text)].lstrip(" ")
        mark = _FENCE.match(line)
        if mark:
            after = line[mark.end() :]
            if not fence:
                # A backtick after the fence makes it code inside a line.
                fence = mark[1] if mark[1][0] == "~" or "`" not in after else ""
            elif mark[1].startswith(fence) and not after.strip():
                # The same mark, at least as long, and nothing behind it: a block that shows three backticks is fenced
                # by four.
                fence = ""
        elif line.startswith(tuple(_RAW)) and not fence:
            # What is never closed hides nothing.
            # The first that fits: no beginning is the beginning of another.
            end_mark = next(end_mark for begin, end_mark in _RAW.items() if line.startswith(begin))
            # `find` gives -1 for what never ends, which hides nothing.
            hidden_end = max(hidden_end, text.find(end_mark, start))
        elif not fence:
            title = _title(text, start, line)
            if title:
                yield title


def _front_matter_end(text: str) -> int:
    """Where the front matter ends, settings at the very beginning between two lines of `---` or `+++`; 0 without."""
    # An empty line behind it: a rule above text, and not settings.
    if not text.startswith(("---\n", "+++\n")) or text[4:5] == "\n":
        return 0
    end = text.find(f"\n{text[:3]}\n", 3, _FRONT_MATTER)
    return end + 5 if end >= 0 else 0  # 5: a line break, three signs, a line break


def _candidates(text: str) -> list[int]:
    """Starts of the lines that may be headings, underlines or fences, found without a step per line."""
    starts = [0]  # the first line follows no line break
    for at in range(0, len(text), _BLOCK):
        # One more character than the block, so that its last line break has a next one.
        codes = code_points(text[at : at + _BLOCK + 1])
        lines = np.flatnonzero(codes[:-1] == _NEWLINE) + 1
        # Other characters than ASCII begin no mark; as 127 they are looked up in the same table.
        starts += (lines[_IS_MARK[np.minimum(codes[lines], 127)]] + at).tolist()
    return [start for start in starts if text.startswith(_STARTS, start + _indent(text, start))]


def _indent(text: str, start: int) -> int:
    # At most three: four spaces make it code.
    count = 0
    while count < len(_INDENT) and text.startswith(" ", start + count):
        count += 1
    return count


def _title(text: str, start: int, line: str) -> tuple[int, int, str] | None:
    match = _MARKS.match(line)
    if match:
        # By hand, because a pattern for it tries every way to divide a long run of spaces.
        title = line[match.end() :].strip(" \t")
        bare = title.rstrip("#")
        # Hashes at the end close the heading only after a space: `C#` is a name.
        title = bare.rstrip(" \t") if not bare or bare[-1] in " \t" else title
        return (start, len(match[1]), " ".join(title.split())) if title else None
    # An underline needs at least a character and a line break before it.
    if not _UNDERLINE.match(line) or start < 2:
        return None
    above = text.rfind("\n", 0, start - 1) + 1
    title = text[above : start - 1].strip()
    # A rule or the front matter's end has no single line of text between itself and a blank line.
    blank = above == 0 or text[max(0, above - 2) : above] == "\n\n"
    # A list, a quotation or a table above dashes has a rule behind it, and no title.
    if not title or not blank or title.startswith(("#", "-", "*", ">", "|", "=")):
        return None
    return above, 1 if line[0] == "=" else 2, title
