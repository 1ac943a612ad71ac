"""PDF -> text, page by page."""

from __future__ import annotations

import io
import logging
from typing import Any

from llmopt_core.documents import limits
from llmopt_core.documents.progress import OnPart, silent_parts
from llmopt_core.documents.text import Extracted, join_pages, normalise, numbers_in_words
from llmopt_core.errors import BadInput

_END = b"%%EOF"


def read_pdf(name: str, data: bytes, on_part: OnPart = silent_parts) -> Extracted:
    """The text layer of a PDF; pages begin at `page_starts`.

    Args:
        name: For messages.
        data: The whole file.
        on_part: Told after each page.

    Raises:
        BadInput: Not a PDF, cut off, encrypted, too many pages, or no page holds text.
    """
    if b"%PDF-" not in data[:1024]:
        raise BadInput(f"{name} is not a PDF: it does not begin with %PDF.")
    if _END not in data[-2048:]:
        raise BadInput(f"{name} is cut off: the end mark of a PDF is missing; download or export it again.")
    pages = [normalise(text) for text in _page_texts(name, data, on_part)]
    silent = [number for number, text in enumerate(pages, 1) if not text.strip()]
    if len(silent) == len(pages):
        raise BadInput(
            f"{name} has no text on its {len(pages):,} page{'s' if len(pages) > 1 else ''}: it is probably scanned; "
            "run text recognition (OCR) first."
        )
    text, starts = join_pages(pages)
    warnings = (f"No text on page {numbers_in_words(silent)}: blank or scanned.",) if silent else ()
    return Extracted(text, starts, warnings, {"pages": len(pages)})


def _page_texts(name: str, data: bytes, on_part: OnPart) -> list[str]:
    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = PdfReader(io.BytesIO(data))
        _unlock(reader, name)
        count = len(reader.pages)
    except BadInput:
        raise
    except Exception as error:  # a damaged file can break pypdf in any way
        raise _damaged(name, error) from error
    if count == 0:
        raise BadInput(f"{name} has no pages.")
    if count > limits.PDF_PAGES:
        raise BadInput(f"{name} has {count:,} pages, more than {limits.PDF_PAGES:,}: split it.")
    return _extract(reader, name, on_part)


def _unlock(reader: Any, name: str) -> None:
    """Open a PDF that is encrypted with an empty password, as printing restrictions do."""
    if reader.is_encrypted and not reader.decrypt(""):
        raise BadInput(f"{name} is encrypted with a password: save a copy without one.")


def _extract(reader: Any, name: str, on_part: OnPart) -> list[str]:
    texts: list[str] = []
    count = len(reader.pages)
    for number, page in enumerate(reader.pages, 1):
        try:
            texts.append(page.extract_text())
        except Exception as error:
            raise _damaged(name, error, f" on page {number}") from error
        on_part(number, count, "page")
    return texts


def _damaged(name: str, error: Exception, where: str = "") -> BadInput:
    reason = str(error).split("\n", 1)[0][:120] or type(error).__name__
    return BadInput(f"{name} is a damaged PDF{where} ({reason}): open it in a viewer and export it again.")
