"""Zip files, and Office files, which are zip files too: checked before anything is unpacked."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import PurePosixPath

from llmopt_core.documents import limits
from llmopt_core.errors import BadInput

# The mark before each entry of a zip's table of contents.
_ENTRY = b"PK\x01\x02"
# A zip begins with its first file, or where it is empty with its end.
_STARTS, _END = (b"PK\x03\x04", b"PK\x05\x06"), b"PK\x05\x06"
# Length of the end record of a zip without a comment, by the ZIP format.
_END_BYTES = 22
# What a server or a mail program put before a file.
_BEFORE = 1024
# Names of streams are UTF-16 there.
_ENCRYPTION_SIGN = "EncryptedPackage".encode("utf-16-le")
# The longest path that Linux takes.
_LONGEST_PATH = 4096
# Two bytes per Chinese character, or ASCII; other bytes are of another code page.
_GB2312 = re.compile(rb"(?:[\x20-\x7e]|[\xa1-\xf7][\xa1-\xfe])+")


def open_office(name: str, data: bytes, main_part: str = "") -> zipfile.ZipFile:
    """An Office file whose parts are small enough to parse.

    Args:
        name: For messages.
        data: The whole file.
        main_part: A part that must be there, such as `word/document.xml`.

    Raises:
        BadInput: Encrypted, old format, damaged, another kind of file, or a zip bomb.
    """
    # The mark of OLE containers: formats before 2007, and also the cover around an encrypted file of today.
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        if _ENCRYPTION_SIGN in data:
            raise BadInput(f"{name} is encrypted with a password: save a copy without one.")
        # Told apart, since the remedy is another.
        raise BadInput(f"{name} is in the format before 2007, whatever its ending: save it in today's format.")
    archive = open_zip(name, data)
    check_unpacked_size(name, archive, limits.OFFICE_UNPACKED_BYTES)
    # A DOCX renamed to .xlsx is a valid zip all the same.
    if main_part and main_part not in archive.namelist():
        raise BadInput(f"{name} is not the kind of file its ending says: {main_part} is missing inside.")
    for part in archive.infolist():
        # Whatever its name: the container's own tables say what is parsed, and they may name any part.
        if part.file_size > limits.OFFICE_PART_BYTES:
            raise BadInput(
                f"{name} holds a part of {limits.megabytes(part.file_size)} uncompressed, more than "
                f"{limits.megabytes(limits.OFFICE_PART_BYTES)}: split the document."
            )
    return archive


def open_zip(name: str, data: bytes) -> zipfile.ZipFile:
    """Raises BadInput where the bytes are no readable zip."""
    if not any(start in data[:_BEFORE] for start in _STARTS):
        raise BadInput(f"{name} is not the kind of file its ending says: its content is no zip container.")
    # The whole table of contents is held in memory before a file in it can be counted.
    # A bomb of millions of empty names; ten times, as the four bytes may also stand inside packed data.
    if data.count(_ENTRY) > 10 * limits.ZIP_FILES:
        raise BadInput(f"{name} holds more than {limits.ZIP_FILES:,} files: split it.")
    try:
        return zipfile.ZipFile(io.BytesIO(_without_padding(data)))
    except Exception as error:  # a damaged archive can break the reader in any way
        reason = "its table of contents, which stands at the end, is missing" if _END not in data else str(error)
        raise BadInput(f"{name} is cut off or damaged ({reason}): download or save it again.") from error


def _without_padding(data: bytes) -> bytes:
    """Without what stands behind the end, such as the zeros of a disk: the end is looked for in the last 64 kB only."""
    # `rfind`: a stored zip inside this one has an end of its own before it.
    end = data.rfind(_END)
    is_far = 0 <= end < len(data) - 65_000
    # The record's last two bytes say how long a comment follows; what is behind is no comment.
    return data[: end + _END_BYTES - 2] + b"\0\0" if is_far else data


def check_unpacked_size(name: str, archive: zipfile.ZipFile, most: int) -> None:
    """Refuse by what the archive declares. Reading never yields more than declared: `zipfile` stops there.

    Raises:
        BadInput: Too many files, too large together, or packed too densely to be documents.
    """
    parts = archive.infolist()
    if len(parts) > limits.ZIP_FILES:
        raise BadInput(f"{name} holds {len(parts):,} files, more than {limits.ZIP_FILES:,}: split it.")
    size = sum(part.file_size for part in parts)
    # An archive of empty files has no packed bytes.
    packed_size = max(1, sum(part.compress_size for part in parts))
    if size > most:
        raise BadInput(f"{name} would unpack to {limits.megabytes(size)}, more than {limits.megabytes(most)}.")
    # Below 10 MB a dense file does no harm: a sheet of zeros packs a thousand times.
    if size > 10 * limits.MEGABYTE and size > limits.ZIP_RATIO * packed_size:
        raise BadInput(
            f"{name} would unpack to {size // packed_size:,} times its size: that is a zip bomb, not a document."
        )
    if any(part.flag_bits & 1 for part in parts):
        raise BadInput(f"{name} is encrypted: save it without a password.")
    # Other methods let the file say how much memory its unpacking takes.
    if any(part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for part in parts):
        raise BadInput(f"{name} is packed by a method that is not read: pack it again as an ordinary zip (Deflate).")


def read_member(name: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes:
    """One file of an archive, refused while unpacking as soon as it holds more than `most` bytes."""
    try:
        with archive.open(member) as stream:
            # One byte more than allowed tells that there is more, without unpacking it.
            data = stream.read(most + 1)
    except Exception as error:  # a damaged archive can break the unpacker in any way
        raise BadInput(f"{name} is damaged at {member.filename} ({error}): pack it again.") from error
    if len(data) > most:
        raise BadInput(f"{name} holds {member.filename} of more than {limits.megabytes(most)}.")
    return data


def member_name(member: zipfile.ZipInfo) -> str:
    """The file name as its author saw it: names not marked as UTF-8 may be UTF-8 or GB18030 all the same."""
    # Bit 11 of the flags: the name is UTF-8 (ZIP specification, appendix D).
    if member.flag_bits & 0x800:
        return member.filename
    try:
        # `zipfile` reads unmarked names as cp437, the code page of the first zips; this gives back the bytes.
        raw = member.filename.encode("cp437")
    except UnicodeEncodeError:
        return member.filename
    try:
        # UTF-8 first: text of another encoding hardly ever is valid UTF-8.
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        # Chinese Windows writes names in its own code page, without telling.
        return raw.decode("gb18030") if _GB2312.fullmatch(raw) else member.filename


def list_files(name: str, archive: zipfile.ZipFile) -> list[tuple[str, zipfile.ZipInfo]]:
    """The files of an archive, each with its path as its author saw it; folders are left out.

    Raises:
        BadInput: One of the paths points outside the archive.
    """
    # Windows parts names by backslashes.
    members = [(member_name(member).replace("\\", "/"), member) for member in archive.infolist()]
    # By the path: `ZipInfo.is_dir` fails at an empty name.
    files = [(path, member) for path, member in members if not path.endswith("/")]
    for path, _ in files:
        check_path(name, path)
    return files


def name_fault(path: str) -> str:
    """Why a file of an archive cannot go by its path, as words for the user; empty where it can."""
    # Such as `.`, which names the archive itself.
    if not PurePosixPath(path).parts:
        return f"a file has no name but {path!r}"
    return f"the name of {path[:80]}... has {len(path):,} characters" if len(path) > _LONGEST_PATH else ""


def check_path(name: str, member: str) -> None:
    """Refuse names that point outside the archive.

    Raises:
        BadInput: The name is absolute, has a drive or a `..`.
    """
    # Windows parts names by backslashes; a name safe here could be none there.
    path = PurePosixPath(member.replace("\\", "/"))
    first = path.parts[0] if path.parts else ""
    # `C:` names a drive, or a stream of a file; control characters would break messages and lists.
    if path.is_absolute() or ".." in path.parts or ":" in first or any(ord(c) < 32 for c in member):
        raise BadInput(f"{name} holds the unsafe file name {member!r}: nothing was read.")
