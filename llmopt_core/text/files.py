"""Files that users name."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from llmopt_core.errors import BadInput


def open_regular_file(path: Path) -> BinaryIO:
    """A file on disk, open to be read. A pipe, a socket or a device may never end, so it is none.

    Raises:
        BadInput: It is missing, no ordinary file, or cannot be opened.
    """
    try:
        # Opening a pipe would wait for its writer.
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    # A NUL in the name.
    except ValueError as error:
        raise BadInput(f"{path!r} is no file name.") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}.") from error
    # Asked of what was opened: asked of the name before, it could be exchanged in between.
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise BadInput(f"{path} is a folder, pipe or device, not a file on disk: save its content to a file.")
    return file


def read_regular_file(path: Path, check_size: Callable[[int], None]) -> bytes:
    """The bytes of a file on disk.

    Args:
        path: The file.
        check_size: Called with its size in bytes before it is read; raises where that is too large.

    Raises:
        BadInput: It is missing, no ordinary file, or cannot be read.
    """
    with open_regular_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        check_size(size)
        try:
            # One byte more tells whether the file has grown past what was checked.
            data = file.read(size + 1)
        except OSError as error:
            raise BadInput(f"{path} cannot be read: {error.strerror or error}.") from error
    if len(data) > size:
        raise BadInput(f"{path} grows while it is read: wait until it is written.")
    return data
