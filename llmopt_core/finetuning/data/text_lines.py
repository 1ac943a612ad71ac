"""The lines of a training file, as text: unpacked, decoded, no longer than memory allows."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from llmopt_core.errors import BadInput

# 32 MB: far more than any service trains on in one example, and little enough to be held. A binary file without line
# breaks would be read whole otherwise.
MAX_LINE_BYTES = 32_000_000
# How files begin that people take for a training file; a plain message names what they chose.
_MARKS = {
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"PK\x03\x04": "a zip archive or an Office file",
    b"\x1f\x8b": "a gzip archive",
    b"%PDF": "a PDF",
}


def open_training_file(source: Path | bytes, name: str) -> BinaryIO:
    """A stream of the bytes of a training file.

    Raises:
        BadInput: There is no such file, or it is no file on disk that can be read.
    """
    if isinstance(source, bytes):
        return io.BytesIO(source)
    try:
        # Opening a pipe waits for somebody who writes to it; O_NONBLOCK makes it return at once, so that it can be
        # refused. The stream is asked, not the path, which could be another file by then.
        stream = os.fdopen(os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
        if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            return stream
        stream.close()
        raise BadInput(f"{name}: it is a folder, pipe or device, not a file on disk; save its content to a file.")
    except FileNotFoundError:
        # `from None`: the message says all, and a chain of tracebacks would hide it in logs.
        raise BadInput(f"{source}: there is no such file; check the path.") from None
    except OSError as error:
        raise BadInput(f"{name}: it cannot be read ({error.strerror}).") from None


def text_lines(stream: BinaryIO, name: str, on_read: Callable[[int], None] | None) -> Iterator[tuple[int, str]]:
    """Numbered lines of text, the byte order mark removed."""
    has_text, byte_count = False, 0
    for number, raw in enumerate(_byte_lines(stream, name), 1):
        # Of the first line alone: marks stand at the start.
        if number == 1:
            _refuse_binary(raw, name)
        byte_count += len(raw)
        if on_read:
            on_read(byte_count)
        # A file of blank lines is as empty as one of no bytes.
        has_text = has_text or bool(raw.strip())
        try:
            # Editors on Windows put a byte order mark before the first line, which JSON does not know.
            yield number, raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise BadInput(
                f"{name}, line {number}: byte {error.start + 1} is not UTF-8; save the file as UTF-8 and try again."
            ) from None
    if not has_text:
        raise BadInput(f"{name}: the file is empty; it needs one training example per line.")


def _byte_lines(stream: BinaryIO, name: str) -> Iterator[bytes]:
    number = 0
    # One byte more than allowed tells a line that is too long from one that just fits, without reading it whole.
    while raw := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(raw) > MAX_LINE_BYTES:
            raise BadInput(
                f"{name}, line {number}: longer than {MAX_LINE_BYTES // 1_000_000} MB; expected one example per line "
                "(JSON Lines)."
            )
        yield raw


def _refuse_binary(first: bytes, name: str) -> None:
    for mark, kind in _MARKS.items():
        if first.startswith(mark):
            raise BadInput(f"{name}: this is {kind}; expected a UTF-8 text file, JSON Lines or CSV.")
    # UTF-16 without a mark, a database, a model: UTF-8 text never has a zero byte.
    if b"\x00" in first:
        raise BadInput(f"{name}: this is a binary file; expected a UTF-8 text file, JSON Lines or CSV.")
