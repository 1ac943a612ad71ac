"""One page of a PDF -> text: lines in reading order, and rows of tables with bars between their cells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any, NamedTuple

from llmopt_core.documents.tables import cells_line, named_rows

# Of the height of a line: between words stands less than half of it, between the cells of a table about all of it.
_CELL_GAP = 0.8
# Lines of prose in two or three columns are longer than the cells of most tables, and there are more of them.
_PROSE_CHARACTERS, _PROSE_LINES, _PROSE_COLUMNS = 24, 4, 3
_LINE_END = re.compile(r"\r\n?|\n")
_WORD_BREAK = re.compile(r"(?<!\w)(\w++)\ufffe(\w++)")
_HYPHENED = re.compile(r"(?<!\w)\w++-\w++")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f\ufffe\uffff]")


class _Cell(NamedTuple):
    text: str
    left: float
    right: float


def page_text(page: Any) -> str:
    """Text of a pdfium text page; parts of words that a line end divides are marked with U+FFFE between them."""
    text: str = page.get_text_range()
    # Characters beyond 16 bits are counted twice by one and once by the other.
    if len(text) != page.count_chars():
        return _LINE_END.sub("\n", text)
    lines = list(_lines(page, text))
    out: list[str] = []
    for is_row, group in groupby(lines, key=lambda line: len(line) > 1):
        found = list(group)
        if is_row and len(found) > 1:
            out += ["", _table(found), ""]
        else:
            out += [" ".join(cell.text for cell in line) for line in found]
    return "\n".join(out).strip("\n")


def uncertain_characters(page: Any) -> float:
    """The share of a page's characters of which its fonts do not say what letters they are, 0 to 1."""
    from pypdfium2 import raw

    count = page.count_chars()
    bad = sum(raw.FPDFText_HasUnicodeMapError(page, i) == 1 for i in range(count))
    return bad / count if count else 0.0


def join_words(text: str) -> str:
    """Words divided at a line end in one piece; with a hyphen where the document writes the same word with one."""
    written = set(_HYPHENED.findall(text))

    def whole(match: re.Match[str]) -> str:
        first, second = match.groups()
        hyphened = f"{first}-{second}"
        keep = hyphened in written or not second[0].islower() or first[-1].isdigit()
        return hyphened if keep else first + second

    # Twice, since a word may be divided at both its ends.
    return _CONTROLS.sub("", _WORD_BREAK.sub(whole, _WORD_BREAK.sub(whole, text)))


def _lines(page: Any, text: str) -> Iterator[list[_Cell]]:
    at = 0
    for end in [*_LINE_END.finditer(text), None]:
        stop = end.start() if end else len(text)
        yield list(_cells(page, text, at, stop))
        at = end.end() if end else stop


def _cells(page: Any, text: str, start: int, stop: int) -> Iterator[_Cell]:
    """The parts of a line between its wide gaps."""
    while start < stop and text[start].isspace():
        start += 1
    while stop > start and text[stop - 1].isspace():
        stop -= 1
    if start == stop:
        yield _Cell("", 0, 0)
        return
    first = start
    for space in re.compile(r"\s+").finditer(text, start, stop):
        left, right = space.start() - 1, space.end()
        box, after = page.get_charbox(left, loose=True), page.get_charbox(right, loose=True)
        if after[0] - box[2] > _CELL_GAP * max(1.0, min(box[3] - box[1], after[3] - after[1])):
            yield _Cell(text[first : space.start()], page.get_charbox(first)[0], box[2])
            first = right
    yield _Cell(text[first:stop], page.get_charbox(first)[0], page.get_charbox(stop - 1)[2])


def _table(lines: list[list[_Cell]]) -> str:
    """Neighbouring lines as a table, each cell in the column that it stands in; prose in columns as prose."""
    columns: list[tuple[float, float]] = []
    for _, left, right in sorted((cell for line in lines for cell in line), key=lambda cell: cell.left):
        if columns and left < columns[-1][1]:
            columns[-1] = (columns[-1][0], max(columns[-1][1], right))
        else:
            columns.append((left, right))
    if len(columns) < max(map(len, lines)):
        # What spans columns hides where they are.
        return "\n".join(cells_line(cell.text for cell in line) for line in lines)
    rows = []
    for line in lines:
        row = [""] * len(columns)
        for text, left, _ in line:
            place = next(i for i, (a, b) in enumerate(columns) if a <= left <= b)
            row[place] = f"{row[place]} {text}".strip()
        rows.append(row)
    if _is_prose(rows):
        return "\n".join(cell for column in zip(*rows, strict=True) for cell in column if cell)
    return named_rows([cells_line(row) for row in rows])


def _is_prose(rows: list[list[str]]) -> bool:
    cells = [cell for row in rows for cell in row]
    long = sum(len(cell) >= _PROSE_CHARACTERS for cell in cells)
    return len(rows) >= _PROSE_LINES and len(rows[0]) <= _PROSE_COLUMNS and long > 0.8 * len(cells)
