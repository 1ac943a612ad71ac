"""Parts of a workbook that its cells point to: shared texts and number formats."""

from __future__ import annotations

from typing import Any

from llmopt_core.documents.number_formats import NumberFormat
from llmopt_core.documents.package import (
    attribute,
    child,
    children,
    descendants,
    local,
    whole_number,
)


def shared_texts(root: Any) -> list[str]:
    """The texts that cells name by number."""
    return [rich_text(item) for item in children(root) if local(item) == "si"]


def rich_text(item: Any) -> str:
    """The text of a string with or without fonts; how Japanese is pronounced is no part of it."""
    texts = descendants(item, "t") if item is not None else []
    return "".join(t.text or "" for t in texts if local(t.getparent()) != "rPh")


def number_formats(root: Any) -> list[NumberFormat]:
    """The number format of each cell style, by its number."""
    from openpyxl.styles.numbers import BUILTIN_FORMATS

    # Formats of the workbook come before the built-in ones of the same number.
    own = {attribute(item, "numFmtId"): attribute(item, "formatCode") for item in children(child(root, "numFmts"))}
    formats: dict[str, NumberFormat] = {}
    out = []
    for style in children(child(root, "cellXfs")):
        number = attribute(style, "numFmtId")
        code = own.get(number) or BUILTIN_FORMATS.get(whole_number(number, -1)) or "General"
        # A workbook has thousands of styles and few formats.
        if code not in formats:
            formats[code] = NumberFormat(code)
        out.append(formats[code])
    return out
