"""Logs of Inspect AI (`.eval`): zip files, of newer versions compressed in a way that Python 3.11 cannot read."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, Protocol

from llmopt_core.errors import BadInput
from llmopt_core.text.json_text import parse_json

# Number of the method in zip files; Python reads it from 3.14 on.
_ZSTANDARD = 93
# Far more than logs have: a sample with its messages has some tens of kilobytes.
_MOST_ENTRIES = 200_000
_MOST_ENTRY = 256 * 2**20
_MOST_BYTES = 2 * 2**30
# Signature, versions, flags, sizes: what stands before the name of an entry in front of its data.
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_SIGNATURE = b"PK\x03\x04"
_ENCRYPTED = 0x1
_PIECE = 2**20


def is_zip(data: bytes) -> bool:
    """Whether bytes begin as a zip file does."""
    return data.startswith(_SIGNATURE)


def read_packed_log(name: str, data: bytes) -> tuple[dict[str, Any], list[str]]:
    """The JSON values of a log by the names of its files, and what could not be read.

    Raises:
        BadInput: It is no such log, or would unpack to more than any log has.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise BadInput(f"{name} is a damaged zip file: {error}.") from error
    infos = [info for info in archive.infolist() if _is_wanted(info.filename)]
    if not any(info.filename in ("header.json", "_journal/start.json") for info in infos):
        raise BadInput(f"{name} is a zip file, but no log of Inspect AI; unpack it and give the files inside.")
    if len(infos) > _MOST_ENTRIES:
        raise BadInput(f"{name} has {len(infos):,} files inside; no log of Inspect AI has.")
    values: dict[str, Any] = {}
    problems: list[str] = []
    left = _MOST_BYTES
    for info in infos:
        try:
            text = _read_entry(data, archive, info, min(_MOST_ENTRY, left))
            values[info.filename] = parse_json(text.decode("utf-8"))
        except _TooLarge as error:
            raise BadInput(f"{name} would unpack to more than any log has; nothing of it was read.") from error
        except (ValueError, OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
            problems.append(f"{name}, {info.filename}: not readable ({error})")
            continue
        left -= len(text)
    return values, problems


class SupportsRead(Protocol):
    """What gives bytes piece by piece."""

    def read(self, size: int, /) -> bytes:
        """The next bytes; none at the end."""
        ...


class _TooLarge(Exception):
    """It unpacks to more than is read."""


def _is_wanted(name: str) -> bool:
    # The journal's summaries repeat what stands in the samples.
    return name.endswith(".json") and (
        name.startswith("samples/") or name in ("header.json", "_journal/start.json", "reductions.json")
    )


def _read_entry(data: bytes, archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    if info.flag_bits & _ENCRYPTED:
        raise ValueError("it is encrypted")
    # What the directory says costs nothing to check; what really comes out is counted as well.
    if info.file_size > most:
        raise _TooLarge
    if info.compress_type == _ZSTANDARD:
        return _read_zstandard(data, info, most)
    with archive.open(info) as entry:
        return _read(entry, most)


def _read_zstandard(data: bytes, info: zipfile.ZipInfo, most: int) -> bytes:
    import zstandard

    try:
        signature, name_length, extra_length = _LOCAL_HEADER.unpack_from(data, info.header_offset)
        start = info.header_offset + _LOCAL_HEADER.size + name_length + extra_length
        packed = data[start : start + info.compress_size]
        unpacker = zstandard.ZstdDecompressor(max_window_size=_MOST_ENTRY)
        unpacked = _read(unpacker.stream_reader(packed, read_across_frames=True), most)
    except (struct.error, zstandard.ZstdError) as error:
        raise ValueError(str(error)) from error
    if signature != _SIGNATURE:
        raise ValueError("its place in the file is wrong")
    return unpacked


def _read(entry: SupportsRead, most: int) -> bytes:
    def pieces() -> Iterator[bytes]:
        total = 0
        while piece := entry.read(_PIECE):
            total += len(piece)
            if total > most:
                raise _TooLarge
            yield piece

    return b"".join(pieces())
