"""What a server knows a workspace by."""

from __future__ import annotations

import contextlib
import uuid
from pathlib import Path

from filelock import FileLock

_FILE = ".workspace"


def workspace_id(indexes: Path, *, make: bool = True) -> str:
    """The id in a workspace's folder of indexes, made where there is none; empty where it shall not be made."""
    file = indexes / _FILE
    with contextlib.suppress(OSError):
        # What is there is never changed: a workspace that is copied takes its id along.
        return file.read_text(encoding="ascii").strip()
    if not make:
        return ""
    indexes.mkdir(parents=True, exist_ok=True)
    # Locked and not linked: not every file system has hard links. Only the first of several processes makes it.
    with FileLock(indexes / f"{_FILE}.lock"):
        if not file.exists():
            # Written whole under another name first, so that no process reads half an id.
            draft = indexes / f"{_FILE}-{uuid.uuid4().hex}"
            draft.write_text(uuid.uuid4().hex, encoding="ascii")
            draft.replace(file)
    # Read and not remembered: another process may have been the first.
    return file.read_text(encoding="ascii").strip()
