"""The workspace is its owner's alone: documents, answers and endpoints in it may be confidential."""

from __future__ import annotations

import io
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from typing import IO

from llmopt_core.errors import StorageError
from llmopt_core.text.drafts import replacing

_OTHERS = 0o077  # All rights of group and others.
_FOLDER, _FILE = 0o700, 0o600
# What this program puts into a workspace. A folder that holds anything else is somebody's own, such as a home folder.
_OURS = (
    "llmopt.db*", "endpoints.yaml", "trusted_hosts.yaml", "endpoint_parameters.json", "endpoint_models.json", "*.lock",
    "indexes", "models", "adapters", "embeddings", "finetuning", "data_sources",
)  # fmt: skip
_usual_umask: int | None = None


def keep_private() -> None:
    """From now on this process and its children make files that only their owner can read.

    For programs, at their start; a notebook that imports the core keeps its own umask.
    """
    global _usual_umask  # noqa: PLW0603
    # Only once: the second call would read our own umask back as the user's.
    if _usual_umask is None:
        _usual_umask = os.umask(_OTHERS)


def make_folder(folder: Path) -> None:
    """Create a folder of the workspace, for its owner only.

    Raises:
        StorageError: It cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=_FOLDER)
    except OSError as error:
        raise StorageError(
            f"{folder} cannot be created ({error.strerror}); set LLMOPT_HOME to a folder you own."
        ) from error


def make_workspace(home: Path) -> None:
    """Create a workspace, or take the rights of others from one that an earlier version made readable for them.

    Raises:
        StorageError: It cannot be created.
    """
    make_folder(home)
    # The usual case, and a start looks at no further file.
    if not home.stat().st_mode & _OTHERS:
        return
    # Where the folder holds somebody's own files, only ours are touched: rights of a home folder are not ours to take.
    ours = {path for pattern in _OURS for path in home.glob(pattern)}
    if set(home.iterdir()) <= ours:
        _restrict(home)
    for path in ours:
        _restrict(path)
        for inner in path.rglob("*"):
            _restrict(inner)


def write_output(path: Path, data: str | bytes | IO[bytes]) -> int:
    """Write a file that the user named, such as a report, with the rights that the user's other files have.

    What stood there before stays where the new one cannot be written whole, as on a full disk. Of a file, what is left
    to read is copied piece by piece.

    Returns:
        Its size in bytes.

    Raises:
        StorageError: The file cannot be written.
    """
    # A report with half a character in it is better than none.
    text = data.encode("utf-8", "replace") if isinstance(data, str) else data
    content = io.BytesIO(text) if isinstance(text, bytes) else text
    begin = content.tell()
    try:
        # Such as `/dev/stdout`.
        if path.is_symlink() or (path.exists() and not path.is_file()):
            # A pipe or a device cannot be replaced, and a link is to stay one.
            _copy(content, path)
        else:
            _replace_output(path, content)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}.") from error
    # Asked of the source: a pipe cannot tell how much went into it.
    return content.tell() - begin


def _copy(content: IO[bytes], path: Path) -> None:
    with path.open("wb") as file:
        shutil.copyfileobj(content, file)


def _replace_output(path: Path, content: IO[bytes]) -> None:
    with replacing(path) as draft:
        _copy(content, draft)
        if path.exists():
            # Whoever could read the old report can read the new one.
            shutil.copymode(path, draft)
        elif _usual_umask is not None:
            # The program's own umask would make a report that its reader cannot open on a shared drive.
            draft.chmod(0o666 & ~_usual_umask)


def _restrict(path: Path) -> None:
    # It may be gone in the meantime, or on a file system without rights: there is nothing to take away.
    with suppress(OSError):
        status = path.lstat()
        # Files of others cannot be changed, and a link's rights are those of a file elsewhere.
        if status.st_uid == os.getuid() and not stat.S_ISLNK(status.st_mode):
            path.chmod(_FOLDER if stat.S_ISDIR(status.st_mode) else _FILE)
