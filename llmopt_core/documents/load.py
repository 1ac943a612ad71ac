"""Files, folders and uploads -> documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from zipfile import ZipFile, ZipInfo

from llmopt_core.documents import limits
from llmopt_core.documents.container import check_path, check_unpacked, member_name, open_zip, read_member
from llmopt_core.documents.encoding import decode
from llmopt_core.documents.jsonl import read_jsonl
from llmopt_core.documents.pdf import read_pdf
from llmopt_core.documents.progress import OnPart, silent_parts
from llmopt_core.documents.slides import read_pptx
from llmopt_core.documents.tables import read_csv, read_xlsx
from llmopt_core.documents.text import Extracted, normalise_file
from llmopt_core.documents.web import read_html
from llmopt_core.documents.word import read_docx
from llmopt_core.errors import BadInput
from llmopt_core.types import Document

Reader = Callable[[str, bytes], Extracted]


def _read_text(name: str, data: bytes) -> Extracted:
    text, warnings = decode(data, name)
    text, more = normalise_file(text, name)
    return Extracted(text, (), warnings + more)


_READERS: Mapping[str, Reader] = {
    **dict.fromkeys((".txt", ".text", ".md", ".markdown", ".rst", ".log"), _read_text),
    **dict.fromkeys((".html", ".htm", ".xhtml"), read_html),
    **dict.fromkeys((".csv", ".tsv"), read_csv),
    ".pdf": read_pdf,
    ".docx": read_docx,
    ".pptx": read_pptx,
    ".xlsx": read_xlsx,
}
LEFT_OUT = "Left out of"
"""So begins a warning about an archive; it stands with the first document that came from it."""
_MANY = (".jsonl", ".ndjson", ".zip")
_FORMATS = {".markdown": "md", ".text": "txt", ".htm": "html", ".xhtml": "html", ".ndjson": "jsonl"}
_LIMITS = {
    ".pdf": limits.PDF_BYTES,
    ".docx": limits.OFFICE_BYTES,
    ".pptx": limits.OFFICE_BYTES,
    ".xlsx": limits.OFFICE_BYTES,
    ".zip": limits.ZIP_BYTES,
}
_OLD = {".doc": "docx", ".ppt": "pptx", ".xls": "xlsx", ".rtf": "docx", ".odt": "docx", ".epub": "html"}

SUFFIXES: tuple[str, ...] = (*_READERS, *_MANY)


def load_documents(paths: Sequence[Path], *, root: Path | None = None) -> list[Document]:
    """Read files and folders; in folders every readable file, hidden ones left out, sorted by name.

    Args:
        paths: Files or folders.
        root: Names are relative to it; by default to the given folder, and a file goes by its own name.

    Raises:
        BadInput: A path is missing or unreadable, a folder holds nothing readable, or two documents have one name.
    """
    documents = [document for path in paths for document in _load_path(Path(path), root)]
    seen: set[str] = set()
    for document in documents:
        if document.name in seen:
            raise BadInput(f"Two documents are named {document.name}: rename one, or give their common parent folder.")
        seen.add(document.name)
    return documents


def load_bytes(name: str, data: bytes, on_part: OnPart = silent_parts) -> list[Document]:
    """The documents in one upload: a zip and a JSONL give several, everything else one.

    A file inside a zip that cannot be read is left out and named in the warnings of the first document.

    Args:
        name: Of the file; its ending says what it is.
        data: The whole file.
        on_part: Told after each page of a PDF and each file of a zip.

    Raises:
        BadInput: One sentence: what is wrong with which file, and what to do.
    """
    suffix = _suffix(name)
    check_size(name, len(data))
    if not data.strip(b" \t\r\n\0"):
        raise BadInput(f"{name} is empty.")
    if suffix == ".zip":
        return _load_zip(name, data, on_part)
    if suffix in _MANY:
        return read_jsonl(name, data)
    read = read_pdf(name, data, on_part) if suffix == ".pdf" else _READERS[suffix](name, data)
    if not read.text.strip():
        raise BadInput(f"{name} holds no text.")
    metadata = {"format": _FORMATS.get(suffix, suffix[1:]), **read.metadata}
    return [Document(name, read.text, metadata, read.page_starts, read.warnings)]


def check_size(name: str, size: int) -> None:
    """Refuse a file by its size in bytes, before it is read.

    Raises:
        BadInput: It is larger than what its kind may have.
    """
    most = _LIMITS.get(_suffix(name), limits.TEXT_BYTES)
    if size > most:
        raise BadInput(
            f"{name} has {limits.megabytes(size)}, more than the {limits.megabytes(most)} that are read: "
            "split it or export its text."
        )


def _suffix(name: str) -> str:
    suffix = PurePosixPath(name.replace("\\", "/")).suffix.lower()
    if suffix in SUFFIXES:
        return suffix
    if suffix in _OLD:
        raise BadInput(f"{name}: {suffix} files are not read; save it as {_OLD[suffix].upper()}.")
    kinds = ", ".join(ending[1:].upper() for ending in SUFFIXES if ending not in _FORMATS)
    raise BadInput(f"{name}: {suffix or 'files without an ending'} cannot be read; use one of {kinds}.")


def _load_path(path: Path, root: Path | None) -> list[Document]:
    if path.is_dir():
        files = _readable_files(path)
        if not files:
            raise BadInput(f"The folder {path} holds no file that can be read.")
        return [document for file in files for document in _load_file(file, root or path)]
    if not path.exists():
        raise BadInput(f"There is no file or folder {path}.")
    return _load_file(path, root or path.parent)


def _readable_files(folder: Path) -> list[Path]:
    found = []
    for path in folder.rglob("*"):
        inside = path.relative_to(folder)
        if path.suffix.lower() in SUFFIXES and path.is_file() and not any(p.startswith(".") for p in inside.parts):
            found.append(path)
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def _load_file(path: Path, root: Path) -> list[Document]:
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
    # A file name that is no UTF-8 can be neither printed nor stored.
    name = name.encode("utf-8", "replace").decode("utf-8")
    try:
        check_size(name, path.stat().st_size)
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}.") from error
    return load_bytes(name, data)


def _load_zip(name: str, data: bytes, on_part: OnPart) -> list[Document]:
    archive = open_zip(name, data)
    check_unpacked(name, archive, limits.ZIP_UNPACKED_BYTES)
    members = [(member_name(m).replace("\\", "/"), m) for m in archive.infolist() if not m.is_dir()]
    for inside, _ in members:
        check_path(name, inside)
    documents: dict[str, Document] = {}
    skipped: list[str] = []
    for number, (inside, member) in enumerate(members, 1):
        on_part(number - 1, len(members), "file")
        if any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(inside).parts):
            continue
        try:
            for document in _load_member(name, inside, archive, member):
                if documents.setdefault(document.name, document) is not document:
                    skipped.append(f"{document.name} is in the archive twice")
        except BadInput as error:
            skipped.append(str(error).rstrip("."))
    return _with_skipped(name, list(documents.values()), skipped)


def _load_member(name: str, inside: str, archive: ZipFile, member: ZipInfo) -> list[Document]:
    suffix = _suffix(inside)
    if suffix == ".zip":
        raise BadInput(f"{inside} is an archive inside the archive")
    most = _LIMITS.get(suffix, limits.TEXT_BYTES)
    return load_bytes(inside, read_member(name, archive, member, most))


def _with_skipped(name: str, documents: list[Document], skipped: list[str]) -> list[Document]:
    if not documents:
        raise BadInput(f"{name} holds no document that can be read" + (f": {skipped[0]}." if skipped else "."))
    if skipped:
        first = documents[0]
        notes = tuple(f"{LEFT_OUT} {name}: {reason}." for reason in skipped)
        documents[0] = replace(first, warnings=first.warnings + notes)
    return documents
