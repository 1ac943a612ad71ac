"""Files that users name."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from llmopt_core.errors import BadInput


def read_regular_file(path: Path, check_size: Callable[[int], None]) -> bytes:
    """The bytes of a file on disk. A pipe, a socket or a device may never end, so it is none.

    Args:
        path: The file.
        check_size: Called with its size in bytes before it is read; raises where that is too large.

    Raises:
        BadInput: It is missing, no ordinary file, or cannot be read.
    """
    try:
        # Opening a pipe would wait for its writer.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode):
                raise BadInput(f"{path} is a folder, pipe or device, not a file on disk: save its content to a file.")
            check_size(facts.st_size)
            data = file.read(facts.st_size + 1)
    except ValueError as error:
        raise BadInput(f"{path!r} is no file name.") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}.") from error
    if len(data) > facts.st_size:
        raise BadInput(f"{path} grows while it is read: wait until it is written.")
    return data
