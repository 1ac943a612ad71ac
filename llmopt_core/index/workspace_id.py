"""What a server knows a workspace by."""

from __future__ import annotations

import contextlib
import uuid
from pathlib import Path

from filelock import FileLock

_FILE = ".workspace"
# Where the id was made. In a file of its own, as earlier versions take all of the other one for the id.
_HOME = ".workspace.home"


def workspace_id(indexes: Path, *, make: bool = True) -> str:
    """The id in a workspace's folder of indexes, made where there is none; empty where it shall not be made.

    A workspace that is moved keeps its id. A copy beside its original gets one of its own: with the same, the one that
    is deleted would take away the collections of both.
    """
    identifier = _read(indexes / _FILE)
    if not make or (identifier and _is_settled(indexes, identifier)):
        return identifier
    try:
        indexes.mkdir(parents=True, exist_ok=True)
        # Locked and not linked: not every file system has hard links. Only the first of several processes makes it.
        with FileLock(indexes / f"{_FILE}.lock"):
            _settle(indexes)
    except OSError:
        # One that cannot be written goes on under the id that it has.
        if not identifier:
            raise
    # Read and not remembered: another process may have been the first.
    return _read(indexes / _FILE)


def _settle(indexes: Path) -> None:
    identifier = _read(indexes / _FILE)
    if not identifier or _is_copy(indexes, identifier):
        # The id before its place: a process that reads in between finds an id that no other folder has.
        _write(indexes / _FILE, uuid.uuid4().hex)
    elif _is_settled(indexes, identifier):
        return
    _write(indexes / _HOME, str(indexes.resolve()))


def _is_settled(indexes: Path, found: str) -> bool:
    return bool(_read(indexes / _HOME)) and not _is_copy(indexes, found)


def _is_copy(indexes: Path, found: str) -> bool:
    """Whether the folder that the id was made in is still there, has the same id, and is another one."""
    home = _read(indexes / _HOME)
    original = Path(home) / _FILE
    with contextlib.suppress(OSError):
        # One folder may have several paths, as where it is mounted twice.
        return bool(home) and _read(original) == found and not original.samefile(indexes / _FILE)
    return False


def _read(file: Path) -> str:
    with contextlib.suppress(OSError, ValueError):
        return file.read_text(encoding="utf-8").strip()
    return ""


def _write(file: Path, text: str) -> None:
    # Written whole under another name first, so that no process reads half of it.
    draft = file.with_name(f"{file.name}-{uuid.uuid4().hex}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(file)
