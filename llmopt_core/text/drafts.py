"""Files and folders that appear whole or not at all.

They are written as drafts, named so that those of a killed process can be told and removed.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from llmopt_core.errors import StorageError

# O_EXCL: a link that somebody laid at the draft's name is not followed.
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL
# `.report.html.draft-1a2b3c-4711-9f8e7d`: host, process and a random part.
_DRAFT = re.compile(r"^\..+\.draft-(?P<host>[0-9a-f]{6})-(?P<pid>\d+)-[0-9a-f]{6}$")


def draft_of(target: Path) -> Path:
    """A hidden path beside `target` that belongs to this process, to be renamed to it when it is whole."""
    return target.with_name(f".{target.name}.draft-{_host()}-{os.getpid()}-{secrets.token_hex(3)}")


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A draft to be written inside the block, as a file or a folder; at its end it takes the place of `target`.

    Where the block raises, what was there stays, and nothing is left of the draft.
    """
    draft = draft_of(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        # In the same folder, so it is one step of the file system and never a copy.
        draft.replace(target)
    finally:
        remove(draft)


def replace_file(path: Path, content: str | bytes) -> None:
    """Replace a file of the workspace in one step, for its owner only; what was there stays when the disk is full.

    Raises:
        StorageError: It cannot be written.
    """
    # Before anything is touched: half a character raises here.
    data = content.encode() if isinstance(content, str) else content
    try:
        # The workspace is its owner's alone; see `workspace`.
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with replacing(path) as draft, os.fdopen(os.open(draft, _NEW, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            # Else a loss of power could leave the new name with nothing in it.
            os.fsync(file.fileno())
    except OSError as error:
        raise StorageError(
            f"{path}: cannot be written ({error.strerror or error}); free some space or choose another folder."
        ) from error


def remove_leftovers(*folders: Path) -> None:
    """Remove the drafts in these folders whose process is gone; those of other machines stay."""
    for folder in folders:
        for path in folder.glob(".*.draft-*"):
            match = _DRAFT.match(path.name)
            # A folder on a network drive may hold drafts of another machine, whose processes cannot be asked for here.
            if match and match["host"] == _host() and not psutil.pid_exists(int(match["pid"])):
                remove(path)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there and may be removed."""
    # A link is removed itself, never what it leads to.
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    # What cannot be removed is in nobody's way.
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _host() -> str:
    # A hash: names of machines may hold anything, and this stands in a file's name.
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:6]
