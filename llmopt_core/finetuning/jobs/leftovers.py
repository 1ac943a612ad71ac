"""Drafts of files and folders, named so that those of a killed process can be told and removed."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import socket
from pathlib import Path

import psutil

SCRATCH = ".scratch"
"""Where a trainer's libraries put their temporary files, in the folder of its job."""

_DRAFT = re.compile(r"^\..+\.draft-(?P<host>[0-9a-f]{6})-(?P<pid>\d+)-[0-9a-f]{6}$")


def draft_of(target: Path) -> Path:
    """A hidden path beside `target` that belongs to this process, to be renamed to it when it is whole."""
    return target.with_name(f".{target.name}.draft-{_host()}-{os.getpid()}-{secrets.token_hex(3)}")


def remove_leftovers(*folders: Path) -> None:
    """Remove the drafts in these folders whose process is gone; those of other machines stay."""
    for folder in folders:
        for path in folder.glob(".*.draft-*"):
            found = _DRAFT.match(path.name)
            if found and found["host"] == _host() and not psutil.pid_exists(int(found["pid"])):
                remove(path)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there and may be removed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    try:
        path.unlink(missing_ok=True)
    except OSError:
        # What cannot be removed is in nobody's way.
        return


def _host() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:6]
