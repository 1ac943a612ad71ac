"""One page of a PDF -> text: lines in reading order, and rows of tables with bars between their cells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from llmopt_core.documents.pdf_cells import Cell, join_rows, paragraphs
from llmopt_core.documents.pdf_grids import Grid, grids_of
from llmopt_core.documents.pdf_prose import Line, is_even, join_prose
from llmopt_core.documents.table_rows import is_number
from llmopt_core.documents.tables import cells_line, rows_with_names

# Of the height of a line: between words stands less than half of it, between the cells of a table about all of it.
_CELL_GAP = 0.8
# Lines of prose in two or three columns are longer than the cells of most tables, and there are more of them.
_PROSE_CHARACTERS, _PROSE_LINES, _PROSE_COLUMNS = 24, 4, 3
# pdfium ends lines as Windows does.
_LINE_END = re.compile(r"\r\n?|\n")
_WORD = re.compile(r"\S++")
# U+FFFE: where pdfium took out a hyphen at a line end.
_WORD_BREAK = re.compile(r"(?<!\w)(\w++)\ufffe(\w++)")
# Words that the document itself writes with a hyphen.
_HYPHEN_BREAK = re.compile(r"(?<!\w)\w++-\w++")
# What stands for nothing; tabs, line breaks and form feeds stay.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f\ufffe\uffff]")


def page_text(words: Any, page: Any = None, names: list[str] | None = None) -> str:
    """Text of a pdfium text page; parts of words that a line end divides are marked with U+FFFE between them.

    Args:
        words: The text page.
        page: The page, for the lines that are drawn on it.
        names: The column names of the table with which the page before ended; those of this page come in their place.
    """
    text: str = words.get_text_range()
    # Characters beyond 16 bits are counted twice by one and once by the other.
    # Places could not be told then: the text alone is kept, without columns.
    if len(text) != words.count_chars():
        return _LINE_END.sub("\n", text)
    blocks: list[str | list[str]] = []
    for part in _parts(words, text, grids_of(page) if page is not None else []):
        if isinstance(part, Grid):
            blocks.append([cells_line(row) for row in part.rows()])
        else:
            blocks += _blocks(part)
    _go_on(blocks, names if names is not None else [])
    texts = (rows_with_names(block) if isinstance(block, list) else block for block in blocks)
    return "\n\n".join(block for block in texts if block.strip())


def _go_on(blocks: list[str | list[str]], names: list[str]) -> None:
    """Give a table that goes on at the top of a page the names that it has on the page before; note those of the last.

    Above and below it may stand a line, such as the title of the page and its number.
    """
    # Among the first two blocks: above it may stand the title of the page.
    first = next((block for block in blocks[:2] if isinstance(block, list)), [])
    header = [cell.strip() for cell in names[0].split("|")] if names else []
    rows = [[cell.strip() for cell in line.split("|")] for line in first[:3]]
    # Names hold no numbers: a first row of numbers has no names above it.
    is_table = rows and all(len(row) == len(header) for row in rows) and not any(map(is_number, header))
    # Rows begin with data where the page goes on; a header that is printed again needs none.
    if is_table and any(map(is_number, rows[0])):
        first.insert(0, names[0])
    # In place: the caller gives the same list to the next page.
    names[:] = next(([block[0]] for block in reversed(blocks[-2:]) if isinstance(block, list) and block), [])


def _parts(words: Any, text: str, grids: list[Grid]) -> Iterator[Grid | list[list[Cell]]]:
    """Tables with drawn lines, and the lines of text between them."""
    between: list[list[Cell]] = []
    inside = _in_grids(words, text, grids) if grids else {}
    known_grids: list[Grid] = []
    # Prose before tables: justified lines have gaps as wide as those of cells.
    for line in join_prose(list(_lines(words, text, set(inside)))):
        # In the order of the text, which is that in which a reader meets the tables.
        line_grids = [
            grid for place, grid in inside.items() if line.start <= place < line.end and grid not in known_grids
        ]
        # By identity: two tables of equal words are two.
        for grid in dict.fromkeys(map(id, line_grids)):
            yield between
            between = []
            known_grids.append(next(one for one in line_grids if id(one) == grid))
            yield known_grids[-1]
        # A line that stood in a table alone leaves no empty line behind.
        if line.cells or not line_grids:
            between.append(line.cells)
    yield between


def _in_grids(words: Any, text: str, grids: list[Grid]) -> dict[int, Grid]:
    """The places of words that stand in a table, which are put into its cells; tables of one column are none."""
    grid_by_place: dict[int, Grid] = {}
    for word in _WORD.finditer(text):
        left, bottom, right, top = words.get_charbox(word.start())
        for grid in grids:
            # By its middle: a word may touch the border.
            place = grid.place((left + right) / 2, (bottom + top) / 2)
            if place is not None:
                grid.cells.setdefault(place, []).append(word[0])
                grid_by_place[word.start()] = grid
                break
    # Two rows with more than one cell: frames around texts are no tables.
    tables = [grid for grid in grids if sum(sum(map(bool, row)) > 1 for row in grid.rows()) > 1]
    return {place: grid for place, grid in grid_by_place.items() if any(grid is one for one in tables)}


def _blocks(lines: list[list[Cell]]) -> Iterator[str | list[str]]:
    """Tables and paragraphs, one after the other."""
    prose: list[list[Cell]] = []
    for is_row, group in groupby(join_rows(lines), key=lambda row: len(row) > 1):
        rows = list(group)
        # One row alone is a line with a wide gap, such as a date at the right.
        if is_row and len(rows) > 1:
            yield from paragraphs(prose)
            prose = []
            yield _table(rows)
        else:
            prose += rows
    yield from paragraphs(prose)


def uncertain_characters(page: Any) -> float:
    """The share of a page's characters of which its fonts do not say what letters they are, 0 to 1."""
    from pypdfium2 import raw

    count = page.count_chars()
    # pdfium's own verdict by character, as no mapping can be told from the text.
    bad = sum(raw.FPDFText_HasUnicodeMapError(page, i) == 1 for i in range(count))
    return bad / count if count else 0.0


def picture_share(page: Any) -> float:
    """The share of a page that its largest picture covers, 0 to 1."""
    from pypdfium2 import raw

    area = page.get_width() * page.get_height()
    boxes = [item.get_bounds() for item in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE])]
    return max(((right - left) * (top - bottom) / area for left, bottom, right, top in boxes), default=0.0)


def join_words(text: str) -> str:
    """Words divided at a line end in one piece; with a hyphen where the document writes the same word with one."""
    hyphen_words = set(_HYPHEN_BREAK.findall(text))

    def whole(match: re.Match[str]) -> str:
        first, second = match.groups()
        compound = f"{first}-{second}"
        # A name (`Saint-Denis`), a number (`1914-18`), or a word that stands with its hyphen elsewhere.
        has_hyphen = compound in hyphen_words or not second[0].islower() or first[-1].isdigit()
        return compound if has_hyphen else first + second

    # Twice, since a word may be divided at both its ends.
    return _CONTROLS.sub("", _WORD_BREAK.sub(whole, _WORD_BREAK.sub(whole, text)))


def _lines(words: Any, text: str, without: set[int]) -> Iterator[Line]:
    """The lines of a page, `without` the words that begin at these places."""
    at = 0
    for end in [*_LINE_END.finditer(text), None]:
        stop = end.start() if end else len(text)
        # Words that are in a table are not read again with the lines.
        places = [word.span() for word in _WORD.finditer(text, at, stop) if word.start() not in without]
        cells = list(_cells(words, text, places))
        yield Line(at, stop, cells, len(cells) > 1 and is_even(words, text, places))
        at = end.end() if end else stop


def _cells(words: Any, text: str, spans: list[tuple[int, int]]) -> Iterator[Cell]:
    """The words of a line between its wide gaps."""
    start, right_edge, box = 0, 0.0, (0.0, 0.0, 0.0, 0.0)
    before = 0
    is_dotted = False
    for first, stop in spans:
        # `loose`: boxes of the font's height, the same for `a` and `A`; tight ones would give each letter another line.
        here = words.get_charbox(first, loose=True)
        # By the lower of the two: a large initial letter must not make gaps small.
        wide = here[0] - right_edge > _CELL_GAP * max(1.0, min(box[3] - box[1], here[3] - here[1]))
        # The dots that lead from a title to its page belong to both.
        was_dotted, is_dotted = is_dotted, not text[first:stop].strip(".")
        wide = wide and not is_dotted and not was_dotted
        if before and wide:
            yield _cell(words, text, start, before, box)
        if not before or wide:
            start, box = first, here
        right_edge, before = words.get_charbox(stop - 1, loose=True)[2], stop
    if before:
        yield _cell(words, text, start, before, box)


def _cell(words: Any, text: str, start: int, stop: int, box: tuple[float, float, float, float]) -> Cell:
    # Tight to the left and right, where columns are compared by their edges.
    left, right = words.get_charbox(start)[0], words.get_charbox(stop - 1)[2]
    return Cell(text[start:stop], left, right, box[1], box[3])


def _table(lines: list[list[Cell]]) -> str | list[str]:
    """Neighbouring lines as a table, each cell in the column that it stands in; prose in columns as prose."""
    columns: list[tuple[float, float]] = []
    for _, left, right, *_ in sorted((cell for line in lines for cell in line), key=lambda cell: cell.left):
        if columns and left < columns[-1][1]:
            # What overlaps a column belongs to it and makes it wider.
            columns[-1] = (columns[-1][0], max(columns[-1][1], right))
        else:
            columns.append((left, right))
    if len(columns) < max(map(len, lines)):
        # What spans columns hides where they are.
        return "\n".join(cells_line(cell.text for cell in line) for line in lines)
    rows = []
    for line in lines:
        row = [""] * len(columns)
        for text, left, *_ in line:
            place = next(i for i, (a, b) in enumerate(columns) if a <= left <= b)
            # Two pieces of a line in one column: a gap inside a cell.
            row[place] = f"{row[place]} {text}".strip()
        rows.append(row)
    if _is_prose(rows):
        # Column by column: side by side each line would mix the columns.
        return "\n".join(cell for column in zip(*rows, strict=True) for cell in column if cell)
    return [cells_line(row) for row in rows]


def _is_prose(rows: list[list[str]]) -> bool:
    cells = [cell for row in rows for cell in row]
    long = sum(len(cell) >= _PROSE_CHARACTERS for cell in cells)
    # Four fifths of the cells are long: numbers and names are not.
    return len(rows) >= _PROSE_LINES and len(rows[0]) <= _PROSE_COLUMNS and long > 0.8 * len(cells)
