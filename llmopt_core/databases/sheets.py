"""CSV and XLSX files as rows of texts. Runs in a process of its own: files are foreign."""

from __future__ import annotations

import csv
import datetime
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from llmopt_core.errors import BadInput

Row = list[str | None]

_FIELD_CHARACTERS = 10_000_000
# In the order of the more usual: of two that divide equally well the first is taken.
_DELIMITERS = ",;\t|"
_SAMPLE_LINES = 50


def read_csv(path: Path) -> Iterator[Row]:
    """The rows of a text table, with comma, semicolon, tab or bar between cells. An empty cell is None.

    Raises:
        BadInput: It is no text, or no table.
    """
    text = _decode(path)
    delimiter = _delimiter(text)
    if text[:4].lower() == "sep=":
        delimiter, text = text[4:5], text.partition("\n")[2]
    # Python's own limit refuses articles kept in one cell.
    csv.field_size_limit(_FIELD_CHARACTERS)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield [cell.replace("\x00", "") if cell.strip() else None for cell in row]
    except csv.Error as error:
        raise BadInput(
            f"{path.name}, line {reader.line_num}: it is no table ({error}); save it again as CSV."
        ) from error


def _decode(path: Path) -> str:
    data = path.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if b"\x00" in data[:4096]:
        raise BadInput(f"{path.name} is no text table: it holds NUL bytes; save it as CSV with UTF-8.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        import cchardet

        # The beginning tells, and the whole may be large.
        guess = str(cchardet.detect(data[:200_000]).get("encoding") or "cp1252")
        # What is said to be GB2312 or GBK is often their successor, which holds both.
        guess = "gb18030" if guess.lower() in ("gb2312", "gbk") else guess
        try:
            return data.decode(guess)
        except (UnicodeDecodeError, LookupError):
            return data.decode("cp1252", "replace")


def _delimiter(text: str) -> str:
    lines = list(islice((line for line in text[:200_000].splitlines() if line.strip()), _SAMPLE_LINES))
    sample = "\n".join(lines)

    def worth(delimiter: str) -> tuple[float, int]:
        widths = Counter(len(row) for row in csv.reader(io.StringIO(sample), delimiter=delimiter) if row)
        width, count = widths.most_common(1)[0] if widths else (1, 0)
        # A character that divides nothing makes all rows equally wide, too.
        return (count / max(1, len(lines)), width) if width > 1 else (0.0, 1)

    return max(_DELIMITERS, key=worth)


def read_xlsx(path: Path) -> Iterator[tuple[str, Iterator[Row], list[set[str]]]]:
    """The sheets of a workbook: title, rows as texts, and for each column the kinds of its cells.

    The kinds grow while the rows are read: a text that looks like a number stays a text. Formulas give the value that
    was saved with them; one without, an error such as #DIV/0! and an empty cell are None.

    Raises:
        BadInput: It is no workbook.
    """
    import zipfile

    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise BadInput(f"{path.name} is damaged or no workbook: open it in its program and save it as XLSX.") from error
    with closing(book):
        for sheet in book.worksheets:
            kinds: list[set[str]] = []
            yield str(sheet.title), _sheet_rows(sheet, kinds), kinds


def _sheet_rows(sheet: Any, kinds: list[set[str]]) -> Iterator[Row]:
    # What a program wrote as the size may be wrong.
    sheet.reset_dimensions()
    is_header = True
    for cells in sheet.iter_rows():
        values = [None if cell.data_type == "e" else cell.value for cell in cells]
        row = [_cell_text(value) for value in values]
        while row and row[-1] is None:
            row.pop()
        if not row:
            continue
        if not is_header:
            _note_kinds(values[: len(row)], kinds)
        is_header = False
        yield row


def _note_kinds(values: Iterable[Any], kinds: list[set[str]]) -> None:
    for place, value in enumerate(values):
        if place == len(kinds):
            kinds.append(set())
        if value is not None and value != "":
            kinds[place].add("text" if isinstance(value, str) else "value")


def _cell_text(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat(sep=" ") if isinstance(value, datetime.datetime) else value.isoformat()
    if isinstance(value, float):
        # Excel has no integers.
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)
