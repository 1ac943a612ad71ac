"""DOCX -> text with Markdown headings."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

from llmopt_core.documents.container import open_office
from llmopt_core.documents.tables import cells_line
from llmopt_core.documents.text import Extracted, normalise
from llmopt_core.errors import BadInput

_HEADING = re.compile(r"heading (\d)", re.IGNORECASE)


def read_docx(name: str, data: bytes) -> Extracted:
    """Paragraphs, lists and tables of a DOCX in reading order; heading styles become `#` lines.

    Headers, footers, comments and text boxes are left out.

    Raises:
        BadInput: Encrypted, damaged, too large unpacked, or without text.
    """
    open_office(name, data, "word/document.xml")
    try:
        import docx

        blocks = [block for block in _blocks(docx.Document(io.BytesIO(data))) if block.strip()]
    except Exception as error:  # a damaged file can break the parser in any way
        raise BadInput(f"{name} is damaged and cannot be read as DOCX: open it in Word and save it again.") from error
    return Extracted(normalise("\n\n".join(blocks)))


def _blocks(document: Any) -> Iterator[str]:
    styles: dict[Any, str] = {}
    for item in document.iter_inner_content():
        if hasattr(item, "rows"):
            yield _table(item)
            continue
        style = item._p.style
        if style not in styles:
            styles[style] = (item.style.name if item.style is not None else "") or ""
        yield _prefix(styles[style]) + item.text.strip() if item.text.strip() else ""


def _prefix(style: str) -> str:
    heading = _HEADING.fullmatch(style)
    if heading:
        return "#" * max(1, min(6, int(heading[1]))) + " "
    if style == "Title":
        return "# "
    return "- " if style.startswith("List ") else ""


def _table(table: Any) -> str:
    return "\n".join(filter(None, map(cells_line, _rows(table))))


def _rows(table: Any) -> Iterator[list[str]]:
    """Texts of the cells of each row, each cell once, however many columns it spans; one merged downwards in each row.

    Not by python-docx's rows, which hold a cell as often as it has columns: a file may say a billion.
    """
    from docx.table import _Cell

    above: dict[int, Any] = {}
    for row in table._tbl.tr_lst:
        here: dict[int, Any] = {}
        at = row.grid_before
        for cell in row.tc_lst:
            # What goes on below an odd place stands for itself.
            here[at] = above.get(at, cell) if cell.vMerge == "continue" else cell
            at += max(1, cell.grid_span)
        yield [_Cell(cell, table).text for cell in dict.fromkeys(here.values())]
        above = here
