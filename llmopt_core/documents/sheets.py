"""XLSX -> text: every sheet under its name, one block per row."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

from llmopt_core.documents.number_formats import NumberFormat, plain_number
from llmopt_core.documents.package import (
    Package,
    Relation,
    attribute,
    child,
    descendants,
    local,
    whole_number,
)
from llmopt_core.documents.sheet_extras import SheetExtras
from llmopt_core.documents.table_rows import Row
from llmopt_core.documents.tables import table_blocks
from llmopt_core.documents.text import Extraction, normalise
from llmopt_core.documents.workbook_parts import number_formats, rich_text, shared_texts
from llmopt_core.errors import BadInput

_FIRST_ROWS = 5
# More digits are in no number that a spreadsheet keeps.
_LONGEST = 300
# What a cell is made of: parts of it are read with their row, and must not be cleared or counted before.
_CELL_PARTS = frozenset(("c", "v", "f", "is", "t", "r"))


def read_xlsx(name: str, data: bytes) -> Extraction:
    """All sheets, each under its name as a heading; rows as `column: value` lines, numbers as their formats show them.

    Titles above a table, several tables in a sheet, merged cells, text boxes and titles of charts are kept. A formula
    without a stored value stands there as it is, and a warning says so, as it does of comments and what else is left
    out.

    Raises:
        BadInput: Encrypted, damaged, or too large unpacked.
    """
    book = _Book(name, Package(name, data, "xl/workbook.xml"))
    return Extraction(normalise("\n\n".join(book.blocks())), (), tuple(book.warnings()))


class _Book:
    def __init__(self, name: str, package: Package) -> None:
        self._name, self._package = name, package
        self._root = package.main_xml()
        self._relations = package.relations(package.main)
        # Texts of cells stand once in a table of their own, and cells have their numbers.
        self._strings = shared_texts(package.find_target(package.main, "sharedStrings"))
        self._formats = number_formats(package.find_target(package.main, "styles"))
        self._general = NumberFormat("General")
        properties = child(self._root, "workbookPr")
        # Workbooks of old Macs count days from 1904: the same number is another date there.
        self._from_1904 = properties is not None and attribute(properties, "date1904") in ("1", "true")
        self._formulas: list[str] = []
        self._extras = SheetExtras(package)
        self._unread: list[str] = []
        self._nameless: list[str] = []

    def blocks(self) -> Iterator[str]:
        # Sheets of the workbook itself; a chart in it may have an element of this name too.
        sheets = [item for item in descendants(self._root, "sheet") if local(item.getparent()) == "sheets"]
        # A workbook without a list of sheets is damaged, not empty.
        if child(self._root, "sheets") is None:
            raise BadInput(f"{self._name} is damaged: its workbook names no sheets; open and save it again.")
        count = 0
        for number, sheet in enumerate(sheets, 1):
            title = attribute(sheet, "name")
            relation = self._relation(sheet, number)
            self._extras.sheet(sheet)
            if relation is not None and relation.kind == "chartsheet":
                charts = list(self._extras.chart_sheet(relation.target))
                yield from [f"# {title}", *charts] if charts else []
                continue
            data = self._package.data(relation.target) if relation is not None else None
            # Told and passed over: the other sheets can be read.
            if relation is None or data is None:
                self._unread.append(f"{title} is missing")
                continue
            try:
                blocks = [
                    *table_blocks(self._rows(title, data, relation.target), self._name),
                    *self._extras.beside(relation.target),
                ]
            except SyntaxError as error:
                self._unread.append(f"{title} is damaged ({str(error)[:80]})")
                continue
            count += 1
            if blocks:
                yield f"# {title}"
                yield from blocks
        # Some sheets of which nothing can be read are a warning; if that is all of them, there is no document.
        if not count and self._unread:
            raise BadInput(f"{self._name}: no sheet can be read; {self._unread[0]}: open and save it again.")

    def _relation(self, sheet: Any, number: int) -> Relation | None:
        if self._relations:
            return self._relations.get(attribute(sheet, "id"))
        # They are lost themselves.
        return Relation("worksheet", f"xl/worksheets/sheet{number}.xml")

    def warnings(self) -> Iterator[str]:
        yield from self._package.flaws()
        if self._unread:
            yield f"Sheets that cannot be read: {', '.join(self._unread)}."
        if self._nameless:
            count = len(self._nameless)
            yield (
                f"{count:,} cell{'s' if count > 1 else ''} whose text the file does not hold, left empty "
                f"({_first(self._nameless)}): open the file in a spreadsheet program and look at them."
            )
        if self._formulas:
            count = len(self._formulas)
            yield (
                f"{count:,} formula{'s' if count > 1 else ''} without a stored value, taken as written "
                f"({_first(self._formulas)}): open the file in a spreadsheet program and save it."
            )
        yield from self._extras.warnings()

    def _rows(self, title: str, data: bytes, part: str) -> Iterator[Row]:
        """Rows as the file has them, however far apart; of a damaged sheet those before the damage at least.

        Raises:
            SyntaxError: Damaged before its first row.
        """
        from lxml import etree

        # By number: a row may come in two pieces, or out of order.
        rows: dict[int, Row] = {}
        merged_ranges: list[str] = []
        number = 0
        # Piece by piece: a sheet of 100 MB as one tree would take several times as much. `recover`: what stands before
        # damage is read.
        elements = etree.iterparse(
            io.BytesIO(data), events=("end",), resolve_entities=False, no_network=True, recover=True
        )
        for _, element in elements:
            tag = local(element)
            if tag == "row":
                place = element.get("r", "")
                number = whole_number(place, number + 1)
                # Without a number a row follows the one before it, as the standard says.
                row = rows.setdefault(number, Row())
                self._fill(row, element, title, number)
                self._extras.see(tag, element)
                # Row and all before it are thrown away, or the tree grows to the size of the sheet all the same.
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]
            elif tag == "mergeCell":
                merged_ranges.append(element.get("ref", ""))
            elif tag not in _CELL_PARTS:
                self._extras.see(tag, element)
        if fault := _fault(elements.error_log):
            if not rows:
                raise SyntaxError(fault)
            self._package.faults[part] = fault
        # After all rows, as merged cells stand behind them in the file.
        _spread(rows, merged_ranges)
        last = 0
        for number, row in sorted(rows.items()):
            if number > last + 1:
                # Rows that are not in the file are empty: one of them is enough to part two tables.
                yield Row()
            last = number
            yield row.in_order()

    def _fill(self, row: Row, element: Any, title: str, number: int) -> None:
        column = 0
        for cell in element:
            if local(cell) != "c":
                continue
            # A cell without a place follows the one before it.
            column = _column(cell.get("r", "")) or column + 1
            value = self._value(cell)
            if value is None:
                self._nameless.append(f"{title}!{cell.get('r') or f'row {number}'}")
            if not value:
                formula = child(cell, "f")
                # An empty text is what the formula gave, not a missing value.
                if formula is not None and child(cell, "v") is not None and cell.get("t") == "str":
                    continue
                if formula is not None:
                    self._formulas.append(f"{title}!{cell.get('r') or f'row {number}'}")
                    # A part of a formula shared by several cells has no text of its own.
                    value = f"={formula.text}" if formula.text else "(formula)"
            if value and value.strip():
                row[column] = value

    def _value(self, cell: Any) -> str | None:
        """What a cell shows; None where its text is not among those of the file."""
        kind, value = cell.get("t", "n"), child(cell, "v")
        text = (value.text or "") if value is not None else ""
        if kind == "inlineStr":
            # Text in the cell itself, as programs write that keep no table of texts.
            return rich_text(child(cell, "is"))
        if kind == "s":
            at = whole_number(text, -1) if text else None
            # A number beyond the table: told by None, and not as an empty cell.
            return "" if at is None else self._strings[at] if 0 <= at < len(self._strings) else None
        if kind == "b":
            return {"1": "TRUE", "0": "FALSE"}.get(text, text)
        return self._number(text, cell.get("s", "")) if kind == "n" else text

    def _number(self, text: str, style: str) -> str:
        from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900, from_excel

        try:
            number = float(text)
        except ValueError:
            return text
        # Whole numbers stay whole: a double would change account numbers of more than 15 digits.
        value: Any = int(text) if len(text) < _LONGEST and text.lstrip("-").isdecimal() else number
        at = whole_number(style, -1)
        # A style that is not there shows the number as it is.
        shape = self._formats[at] if 0 <= at < len(self._formats) else self._general
        if not shape.is_date:
            return shape.show(value) if shape is not self._general else plain_number(value)
        epoch = CALENDAR_MAC_1904 if self._from_1904 else CALENDAR_WINDOWS_1900
        try:
            moment = from_excel(number, epoch, timedelta=shape.is_duration)
        except (OverflowError, ValueError):
            # A number too large for a date is a number.
            return plain_number(value)
        return shape.show(value if moment is None else moment)


def _first(places: list[str]) -> str:
    return ", ".join(places[:_FIRST_ROWS]) + (" ..." if len(places) > _FIRST_ROWS else "")


def _fault(log: Any) -> str:
    """The first of what the parser had to get over; empty where the XML is well-formed."""
    from lxml import etree

    # Warnings, such as of a namespace, are no damage.
    first = next((entry for entry in log if entry.level >= etree.ErrorLevels.ERROR), None)
    if first is None:
        return ""
    if first.type == etree.ErrorTypes.ERR_NO_MEMORY:
        raise MemoryError
    return f"{first.message[:80]}, line {first.line}, column {first.column}"


def _spread(rows: dict[int, Row], references: list[str]) -> None:
    """The value of a merged cell stands in each row that it covers; how far it reaches to the right is noted."""
    from openpyxl.utils.cell import range_boundaries

    numbers = sorted(rows)
    for reference in references:
        try:
            left, top, right, bottom = range_boundaries(reference)
        except (ValueError, TypeError):
            continue
        # Without its first cell there is nothing to spread.
        if None in (left, top, right, bottom) or top not in rows or left not in rows[top]:
            continue
        if right > left:
            rows[top].spans[left] = right
        for number in _between(numbers, top, bottom):
            # Down only: to the right the same words again would be columns of their own.
            rows[number].setdefault(left, rows[top][left])


def _between(numbers: list[int], top: int, bottom: int) -> list[int]:
    return numbers[bisect_right(numbers, top) : bisect_right(numbers, bottom)]


def _column(reference: str) -> int:
    column = 0
    for letter in reference.upper():
        if not "A" <= letter <= "Z":
            break
        # `A1`: letters tell the column, base 26 without a zero.
        column = column * 26 + ord(letter) - 64
    return column
