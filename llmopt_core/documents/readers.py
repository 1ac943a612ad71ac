"""The reader of each kind of file, called with the bytes of one file. See `guard` for how they are kept in bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

from llmopt_core.documents import limits
from llmopt_core.documents.csv_files import read_csv
from llmopt_core.documents.encoding import decode
from llmopt_core.documents.jsonl import read_jsonl
from llmopt_core.documents.pdf import read_pdf
from llmopt_core.documents.progress import OnPart
from llmopt_core.documents.reading_options import ReadingOptions
from llmopt_core.documents.sheets import read_xlsx
from llmopt_core.documents.slides import read_pptx
from llmopt_core.documents.text import Extraction, normalise_file
from llmopt_core.documents.web import read_html
from llmopt_core.documents.word import read_docx
from llmopt_core.errors import BadInput
from llmopt_core.types import Document

Reader = Callable[[str, bytes], Extraction]
TextReader = Callable[[str, bytes, str], Extraction]


def _read_text(name: str, data: bytes, encoding: str = "") -> Extraction:
    text, warnings = decode(data, name, encoding)
    text, more = normalise_file(text, name)
    return Extraction(text, (), warnings + more)


# Told apart from other texts, as they may declare their encoding and have parts to be left out.
_PAGES = (".html", ".htm", ".xhtml")
_TEXT_READERS: Mapping[str, TextReader] = {
    **dict.fromkeys((".txt", ".text", ".md", ".markdown", ".rst", ".log"), _read_text),
    **dict.fromkeys(_PAGES, read_html),
    **dict.fromkeys((".csv", ".tsv"), read_csv),
}
_READERS: Mapping[str, Reader] = {
    ".pdf": read_pdf,
    ".docx": read_docx,
    ".pptx": read_pptx,
    ".xlsx": read_xlsx,
}
_LINES = (".jsonl", ".ndjson")
# One name per format, so that filters need no list of endings.
_FORMATS = {".markdown": "md", ".text": "txt", ".htm": "html", ".xhtml": "html", ".ndjson": "jsonl"}
_LIMITS = {
    ".pdf": limits.PDF_BYTES,
    ".docx": limits.OFFICE_BYTES,
    ".pptx": limits.OFFICE_BYTES,
    ".xlsx": limits.OFFICE_BYTES,
    ".zip": limits.ZIP_BYTES,
}
# Told with what to save them as; reading them takes programs that are not here.
_OLD = {".doc": "docx", ".ppt": "pptx", ".xls": "xlsx", ".rtf": "docx", ".odt": "docx", ".epub": "html"}
PLAIN = frozenset((".txt", ".text", ".md", ".markdown", ".rst", ".log", ".csv", ".tsv", *_LINES))
"""Endings of files that are text as they are."""

SUFFIXES: tuple[str, ...] = (*_TEXT_READERS, *_READERS, *_LINES, ".zip")


def read_file(name: str, data: bytes, how: ReadingOptions, on_part: OnPart) -> list[Document]:
    """The documents in one file that is no archive.

    Args:
        name: Its ending says what it is.
        data: The whole file.
        how: What the user says about it.
        on_part: Told after each page of a PDF.

    Raises:
        BadInput: One sentence: what is wrong with which file, and what to do.
    """
    suffix = suffix_of(name)
    if suffix in _LINES:
        return read_jsonl(name, data, how.encoding)
    if suffix in _PAGES:
        extraction = read_html(name, data, how.encoding, main_only=how.main_only)
    elif suffix in _TEXT_READERS:
        extraction = _TEXT_READERS[suffix](name, data, how.encoding)
    else:
        extraction = read_pdf(name, data, on_part) if suffix == ".pdf" else _READERS[suffix](name, data)
    # Merged cells and tables unfold: the text may be far larger than its file.
    if len(extraction.text) > limits.TEXT_BYTES:
        raise BadInput(
            f"{name} unfolds to {len(extraction.text):,} characters, more than {limits.TEXT_BYTES:,}: split it."
        )
    if not extraction.text.strip():
        # With the warnings, which say why there is none.
        raise BadInput(" ".join((f"{name} holds no text.", *extraction.warnings)))
    metadata = {"format": _FORMATS.get(suffix, suffix[1:]), **extraction.metadata}
    return [Document(name, extraction.text, metadata, extraction.page_starts, extraction.warnings)]


def most_bytes(name: str) -> int:
    """How large a file of this ending may be."""
    return _LIMITS.get(suffix_of(name), limits.TEXT_BYTES)


def suffix_of(name: str) -> str:
    """The ending that says what a file is.

    Raises:
        BadInput: Files of that kind are not read.
    """
    # Uploads of Windows bring whole paths.
    suffix = PurePosixPath(name.replace("\\", "/")).suffix.lower()
    if suffix in SUFFIXES:
        return suffix
    if suffix in _OLD:
        raise BadInput(f"{name}: {suffix} files are not read; save it as {_OLD[suffix].upper()}.")
    # Endings that are another name for a format are not listed twice.
    kinds = ", ".join(ending[1:].upper() for ending in SUFFIXES if ending not in _FORMATS)
    raise BadInput(f"{name}: {suffix or 'files without an ending'} cannot be read; use one of {kinds}.")
