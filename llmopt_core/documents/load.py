"""Files, folders and uploads -> documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from zipfile import ZipFile, ZipInfo

from llmopt_core.documents import limits
from llmopt_core.documents.container import check_unpacked_size, list_files, name_fault, open_zip, read_member
from llmopt_core.documents.guard import Heartbeat, no_heartbeat, read_within_limits
from llmopt_core.documents.progress import OnPart, ignore_parts
from llmopt_core.documents.readers import SUFFIXES, most_bytes, suffix_of
from llmopt_core.documents.reading_options import ReadingOptions
from llmopt_core.documents.text import OMISSION_PREFIX
from llmopt_core.errors import BadInput
from llmopt_core.text.files import read_regular_file
from llmopt_core.types import Document


def load_documents(
    paths: Sequence[Path], *, root: Path | None = None, encoding: str = "", main_only: bool = False
) -> list[Document]:
    """Read files and folders; in folders every readable file, hidden ones left out, sorted by name.

    Args:
        paths: Files or folders.
        root: Names are relative to it; by default to the given folder, and a file goes by its own name.
        encoding: Of the files that are text, such as `windows-1250`; empty to find it out for each.
        main_only: Whether of web pages only the main text is read, without menus, headers and footers.

    Raises:
        BadInput: A path is missing or unreadable, a folder holds nothing readable, or two documents have one name.
    """
    options = ReadingOptions(encoding, main_only)
    documents = [document for path in paths for document in _load_path(Path(path), root, options)]
    check_names(documents, "rename one, or give their common parent folder")
    return documents


def check_names(documents: Sequence[Document], advice: str = "rename one") -> None:
    """Refuse two documents of one name.

    Args:
        documents: As they were read.
        advice: What to do about it, for the message.

    Raises:
        BadInput: Two have one name.
    """
    names: set[str] = set()
    for document in documents:
        # The name is how references and chunks point at a document: two of a name would be mixed up.
        if document.name in names:
            raise BadInput(f"Two documents are named {document.name}: {advice}.")
        names.add(document.name)


def load_bytes(
    name: str,
    data: bytes,
    on_part: OnPart = ignore_parts,
    heartbeat: Heartbeat = no_heartbeat,
    *,
    encoding: str = "",
    main_only: bool = False,
) -> list[Document]:
    """The documents in one upload: a zip and a JSONL give several, everything else one.

    A file inside a zip that cannot be read is left out and named in the warnings of the first document.

    Args:
        name: Of the file; its ending says what it is.
        data: The whole file.
        on_part: Told after each page of a PDF and each file of a zip.
        heartbeat: Called some times a second while a file is read; what it raises ends the reading.
        encoding: Of a file that is text, such as `windows-1250`; empty to find it out.
        main_only: Whether of a web page only the main text is read, without menus, headers and footers.

    Raises:
        BadInput: One sentence: what is wrong with which file, and what to do.
    """
    return _load(name, data, ReadingOptions(encoding, main_only), on_part, heartbeat)


def _load(name: str, data: bytes, how: ReadingOptions, on_part: OnPart, heartbeat: Heartbeat) -> list[Document]:
    check_size(name, len(data))
    # NULs too: a file that was lost in a crash has its length and nothing in it.
    if not data.strip(b" \t\r\n\0"):
        raise BadInput(f"{name} is empty.")
    if suffix_of(name) == ".zip":
        return _load_zip(name, data, how, on_part, heartbeat)
    return read_within_limits(name, data, on_part, heartbeat, how)


def check_size(name: str, size: int) -> None:
    """Refuse a file by its size in bytes, before it is read.

    Raises:
        BadInput: It is larger than what its kind may have.
    """
    most = most_bytes(name)
    if size > most:
        raise BadInput(
            f"{name} has {limits.megabytes(size)}, more than the {limits.megabytes(most)} that are read: "
            "split it or export its text."
        )


def _load_path(path: Path, root: Path | None, how: ReadingOptions) -> list[Document]:
    if path.is_dir():
        files = _list_files(path)
        if not files:
            raise BadInput(f"The folder {path} holds no file that can be read.")
        # Names relative to the folder, so that it may be moved without changing them.
        return [document for file in files for document in _load_file(file, root or path, how)]
    if not path.exists():
        raise BadInput(f"There is no file or folder {path}.")
    return _load_file(path, root or path.parent, how)


def _list_files(folder: Path) -> list[Path]:
    paths = []
    for path in folder.rglob("*"):
        inside = path.relative_to(folder)
        # `.git`, `.venv` and the like are no documents; nor are what editors keep beside them.
        if path.suffix.lower() in SUFFIXES and path.is_file() and not any(p.startswith(".") for p in inside.parts):
            paths.append(path)
    # By name: the order of a file system differs between machines, and the version of the documents would too.
    return sorted(paths, key=lambda path: path.relative_to(folder).as_posix())


def _load_file(path: Path, root: Path, how: ReadingOptions) -> list[Document]:
    # A file outside of the root goes by its own name.
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
    # A file name that is no UTF-8 can be neither printed nor stored.
    name = name.encode("utf-8", "replace").decode("utf-8")
    data = read_regular_file(path, lambda size: check_size(name, size))
    return _load(name, data, how, ignore_parts, no_heartbeat)


def _load_zip(name: str, data: bytes, how: ReadingOptions, on_part: OnPart, heartbeat: Heartbeat) -> list[Document]:
    archive = open_zip(name, data)
    # By what is declared, before a byte is unpacked.
    check_unpacked_size(name, archive, limits.ZIP_UNPACKED_BYTES)
    # All names first: an archive with one unsafe name is refused before anything of it is read.
    members = list_files(name, archive)
    documents: dict[str, Document] = {}
    omissions: list[str] = []
    for number, (inside, member) in enumerate(members, 1):
        on_part(number - 1, len(members), "file")
        # `__MACOSX` holds what macOS notes about files, under the files' own names.
        if any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(inside).parts):
            continue
        try:
            for document in _load_member(name, inside, archive, member, heartbeat, how):
                # The first one stays: an archive that was added to may hold an old and a new file of a name.
                if documents.setdefault(document.name, document) is not document:
                    omissions.append(f"{document.name} is in the archive twice")
        except BadInput as error:
            omissions.append(str(error).rstrip("."))
    return _note_omissions(name, list(documents.values()), omissions)


def _load_member(  # noqa: PLR0917
    name: str, inside: str, archive: ZipFile, member: ZipInfo, heartbeat: Heartbeat, how: ReadingOptions
) -> list[Document]:
    if fault := name_fault(inside):
        raise BadInput(fault)
    # Archives in archives are how a small file unfolds without end.
    if suffix_of(inside) == ".zip":
        raise BadInput(f"{inside} is an archive inside the archive")
    data = read_member(name, archive, member, most_bytes(inside))
    # The zip tells its own progress; pages of its files would mix with it.
    return _load(inside, data, how, ignore_parts, heartbeat)


def _note_omissions(name: str, documents: list[Document], reasons: list[str]) -> list[Document]:
    if not documents:
        raise BadInput(f"{name} holds no document that can be read" + (f": {reasons[0]}." if reasons else "."))
    if reasons:
        first = documents[0]
        notes = tuple(f"{OMISSION_PREFIX} {name}: {reason}." for reason in reasons)
        documents[0] = replace(first, warnings=first.warnings + notes)
    return documents
