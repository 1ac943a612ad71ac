"""Finding the weights of sentence-transformers models: packaged, in a folder, or on the Hugging Face hub."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from llmopt_core.errors import BadInput, EndpointError, LlmOptError, MissingDependency
from llmopt_core.models import weight_packages
from llmopt_core.models.base import BUILTIN_EMBEDDING
from llmopt_core.models.builtin.files import content_hash
from llmopt_core.models.prefixes import Prefixes, find_window, prefixes_of
from llmopt_core.text.json_text import parse_json

T = TypeVar("T")
M = TypeVar("M")

# PyTorch models are loaded one at a time: the hub's offline switch below is one for the whole process.
LOADING = threading.Lock()
# Without a network the hub's own time limits add up to minutes.
# Longer than a slow connection takes for one small answer, far shorter than the client's own tries.
_HUB_SECONDS = 10.0


def key_of(name: str) -> str:
    """What a loaded model may be kept under: its name, and for a folder the state of its weights too."""
    # The built-in model's full name at the hub is the same model: its packaged weights are used.
    name = name.removeprefix("sentence-transformers/") if name.endswith(f"/{BUILTIN_EMBEDDING}") else name
    folder = Path(name).expanduser()
    if name == BUILTIN_EMBEDDING or not name.strip() or not folder.is_dir():
        return name
    # With its content: a folder that was trained anew is another model.
    return f"{folder.absolute()} {_folder_hash(folder)}"


def identity_of(name: str) -> str | None:
    """The identity that `load` gives for weights on this machine; None where only loading tells.

    Raises:
        BadInput: The folder holds no model weights.
    """
    if key_of(name) == BUILTIN_EMBEDDING:
        return BUILTIN_EMBEDDING
    folder = Path(name).expanduser()
    # Without the path: vectors stay in use where the folder is moved.
    return f"{folder.name}-{_folder_hash(folder)}" if name.strip() and folder.is_dir() else None


def local_prefixes(name: str) -> Prefixes:
    """What a local model wants before questions and passages, from its own files or by its name."""
    # `Path("")` is the current folder, which must not be taken for a model.
    if key_of(name) == BUILTIN_EMBEDDING or not name.strip():
        return Prefixes()
    folder = _folder_of(name)
    is_path = Path(name).expanduser().is_dir()
    # Resolved: `.` and a link tell no model's name.
    return prefixes_of(str(Path(name).expanduser().resolve()) if is_path else name, folder)


def local_window(name: str) -> int | None:
    """Tokens that a local model reads, from its own files or by its name; None where neither tells."""
    if key_of(name) == BUILTIN_EMBEDDING:
        return find_window(BUILTIN_EMBEDDING)
    folder = _folder_of(name)
    try:
        values = parse_json((folder / "sentence_bert_config.json").read_text(encoding="utf-8")) if folder else {}
        # What sentence-transformers cuts at, which may be less than the model could read.
        return int(values["max_seq_length"])
    except (OSError, ValueError, KeyError, TypeError):
        return find_window(name)


def _folder_of(name: str) -> Path | None:
    """Where the files of a model lie, given as a folder or fetched earlier by its hub name."""
    folder = Path(name).expanduser()
    if name.strip() and folder.is_dir():
        return folder
    download = _on_disk(name) if name.strip() else None
    return Path(download) if download else None


def load(name: str, make: Callable[[str, bool], T]) -> tuple[T, str]:
    """Load a model by the name a user gave.

    Args:
        name: `all-MiniLM-L6-v2`, a folder, or a hub name such as `BAAI/bge-small-en-v1.5`.
        make: Loads from a path or hub name; the second argument says whether only local files may be used.

    Returns:
        The model and an identity of its weights.

    Raises:
        BadInput: The folder holds no model, or the hub has none of that name.
        EndpointError: The hub cannot be reached.
        MissingDependency: A package is not installed.
    """
    try:
        return _load(name, make)
    except ImportError as error:
        raise MissingDependency(
            f"Local models need sentence-transformers and torch ({error}); "
            f"install them with: pip install sentence-transformers torch"
        ) from None
    # Ours say it better than the words below.
    except LlmOptError:
        raise
    # Whatever a library raises over somebody's files: none of it is a fault of this program.
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise BadInput(f"The model {name!r} cannot be loaded ({type(error).__name__}: {reason}).") from error


def load_once(models: dict[str, M], name: str, make: Callable[[str, bool], T], wrap: Callable[[T, str], M]) -> M:
    """The process's one copy of a model, loaded at first use.

    Args:
        models: The copies there are; a new one is put in.
        name: As in `load`, as `make` is.
        make: Loads the weights.
        wrap: Makes the model of the weights and their identity.

    Raises:
        LlmOptError: As `load`.
    """
    key = key_of(name)
    # Held while it loads: two threads would load the same gigabyte twice.
    with LOADING:
        if key not in models:
            models[key] = wrap(*load(name, make))
        return models[key]


def _load(name: str, make: Callable[[str, bool], T]) -> tuple[T, str]:
    if not name.strip():
        raise BadInput(f"No model is named; use {BUILTIN_EMBEDDING}, a folder, or a hub name.")
    if key_of(name) == BUILTIN_EMBEDDING:
        return make(str(weight_packages.embedding_folder()), True), BUILTIN_EMBEDDING
    folder = Path(name).expanduser()
    if folder.is_dir():
        identity = f"{folder.name}-{_folder_hash(folder)}"
        return make(str(folder), True), identity
    # It can only be meant as a path, so no hub is asked for it.
    if folder.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
        raise BadInput(f"There is no model folder {folder}; check the path.")
    download = _on_disk(name)
    if download is not None:
        # The folder of a download is named by its revision; twelve digits of it tell revisions apart.
        return make(download, True), f"{name}@{Path(download).name[:12]}"
    _ask_hub(name)
    with _online():
        return make(name, False), f"{name}@{Path(_on_disk(name) or name).name[:12]}"


def _folder_hash(folder: Path) -> str:
    # One level deeper as well: some modules (Dense) have weights in a folder of their own.
    weights = sorted(p for pattern in ("*.safetensors", "*.bin", "*/*.safetensors") for p in folder.glob(pattern))
    if not weights:
        raise BadInput(f"The folder {folder} holds no model weights (*.safetensors or *.bin).")
    return content_hash(weights[0]) if len(weights) == 1 else "-".join(content_hash(p)[:8] for p in weights)


def _on_disk(name: str) -> str | None:
    """The folder of an earlier download."""
    import huggingface_hub

    try:
        return huggingface_hub.snapshot_download(name, local_files_only=True)
    # Whatever it is, nothing is on the disk: the caller goes on to the hub.
    except Exception:
        return None


def _ask_hub(name: str) -> None:
    """One quick question before the hub's own client, which tries for more than a minute where there is no network."""
    import httpx2

    # The same variable as the hub's own client reads, for mirrors.
    hub = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    try:
        status = httpx2.get(f"{hub}/api/models/{name}", timeout=_HUB_SECONDS).status_code
    except httpx2.HTTPError as error:
        raise EndpointError(
            f"The model {name!r} is not on this machine and {hub} cannot be reached ({type(error).__name__}); "
            f"connect, or give a folder.",
            "unreachable",
        ) from None
    # The hub answers 401 for names that do not exist, so as not to tell which private ones do.
    if status in (401, 403, 404):
        raise BadInput(
            f"There is no folder and no public model named {name!r} at {hub} (HTTP {status}); "
            f"check the name, or give a folder."
        )
    if status >= 400:
        raise EndpointError(f"{hub} answered HTTP {status} when asked for {name!r}; try again later.")


@contextmanager
def _online() -> Iterator[None]:
    """Allow the hub for as long as a model that the user named is fetched; the environment keeps it off otherwise."""
    from huggingface_hub import constants

    # The constant and not the variable: the library read that when it was imported.
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = False
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
