"""PPTX -> text, slide by slide."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from llmopt_core.documents.container import open_office
from llmopt_core.documents.tables import cells_line
from llmopt_core.documents.text import Extracted, join_pages, normalise, numbers_in_words
from llmopt_core.errors import BadInput


def read_pptx(name: str, data: bytes) -> Extracted:
    """Titles (as `##` lines), texts, tables and notes of each slide; slides are the pages.

    Raises:
        BadInput: Encrypted, damaged, too large unpacked, or without text.
    """
    open_office(name, data, "ppt/presentation.xml")
    try:
        from pptx import Presentation

        pages = [normalise("\n".join(_lines(slide))) for slide in Presentation(io.BytesIO(data)).slides]
    except Exception as error:  # a damaged file can break the parser in any way
        raise BadInput(f"{name} is damaged and cannot be read as PPTX: open and save it again.") from error
    silent = [number for number, page in enumerate(pages, 1) if not page]
    text, starts = join_pages(pages, "\n\n")
    warnings = (f"No text on slide {numbers_in_words(silent)}.",) if silent else ()
    return Extracted(text, starts, warnings, {"pages": len(pages)})


def _lines(slide: Any) -> Iterator[str]:
    title = slide.shapes.title
    if title is not None and title.text_frame.text.strip():
        yield "## " + " ".join(title.text_frame.text.split())
    for shape in _flat(slide.shapes):
        if title is None or shape.shape_id != title.shape_id:
            yield from _shape(shape)
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        notes = slide.notes_slide.notes_text_frame.text.strip()
        if notes:
            yield f"Notes: {notes}"


def _flat(shapes: Any) -> Iterator[Any]:
    for shape in shapes:
        if hasattr(shape, "shapes"):
            yield from _flat(shape.shapes)
        else:
            yield shape


def _shape(shape: Any) -> Iterator[str]:
    if shape.has_text_frame:
        yield from (p.text.replace("\v", "\n").strip() for p in shape.text_frame.paragraphs if p.text.strip())
    if getattr(shape, "has_table", False):
        yield from filter(None, (cells_line([cell.text for cell in row.cells]) for row in shape.table.rows))
