"""The indexes in a workspace: what is there, how large, and removing it. All can be built again from the documents."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from llmopt_core.errors import LlmOptError
from llmopt_core.index import open_indexes
from llmopt_core.index.folder import MANIFEST
from llmopt_core.index.shared_collections import SharedCollections
from llmopt_core.index.vector_store import mask_password
from llmopt_core.settings import Settings

SERVER_ENDING = "-server"
"""How the folder of an index ends whose vectors are on a server."""


@dataclass(frozen=True, slots=True)
class IndexSummary:
    """One index on disk.

    Attributes:
        name: Of its folder.
        embedder: The embedding model that made its vectors.
        chunks: How many it holds.
        documents: Names of their documents.
        size: Bytes on disk; vectors on a Chroma server not counted.
        built_at: Seconds since 1970.
    """

    name: str
    embedder: str
    chunks: int
    documents: frozenset[str]
    size: int
    built_at: float


def list_indexes(settings: Settings) -> list[IndexSummary]:
    """All whole indexes of the workspace, the newest first."""
    return sorted(_read_all(settings.home / "indexes"), key=lambda index: -index.built_at)


def delete_index(settings: Settings, name: str) -> bool:
    """Remove one; false where it is not there. Whoever has it open in this process keeps what it has read."""
    folder = settings.home / "indexes" / name
    # A name with a slash or `..` in it would remove another folder of this machine.
    if name != folder.name or not (folder / MANIFEST).exists():
        return False
    # Before the files go, so that no search in this process opens them in between.
    open_indexes.drop(folder)
    # The lock of its builder: an index that is being written is not removed under its hands.
    with FileLock(folder.parent / f".{name}.lock"):
        # Read before the files are gone.
        facts = _facts(folder)
        shutil.rmtree(folder, ignore_errors=True)
        if name.endswith(SERVER_ENDING):
            _release(folder.parent, _server_of(facts, settings), str(facts.get("fingerprint", "")))
    return True


def release_orphans(settings: Settings) -> int:
    """Let go of collections on the server whose index is here no more, such as after a server could not be reached.

    Returns:
        How many.
    """
    indexes = settings.home / "indexes"
    if not settings.chroma_url:
        return 0
    count = 0
    with closing(SharedCollections(settings.chroma_url, indexes)) as collections:
        for key in collections.list_keys():
            folder = indexes / f"{key}{SERVER_ENDING}"
            # A first look without the lock, which costs a file for each key.
            if (folder / MANIFEST).exists():
                continue
            # Not waited for: whoever holds the lock is building, so the collection has its use.
            with suppress(Timeout), FileLock(indexes / f".{folder.name}.lock", timeout=0):
                # Under the lock of its builder: what is being built has no folder yet.
                if not (folder / MANIFEST).exists():
                    collections.release(key)
                    count += 1
        collections.sweep()
    return count


def _release(indexes: Path, url: str, key: str) -> None:
    """Let go of one collection. Where its server does not answer, the next index that is stored there does it."""
    if url and key:
        with suppress(LlmOptError), closing(SharedCollections(url, indexes)) as collections:
            collections.release(key)


def _server_of(facts: dict[str, Any], settings: Settings) -> str:
    """The server an index was built on, which need not be the one that is set today."""
    server = str(facts.get("server") or "")
    # The facts are without a password: where it is the same server, the one that is set has it.
    return settings.chroma_url if server in ("", mask_password(settings.chroma_url)) else server


def _facts(folder: Path) -> dict[str, Any]:
    # Damaged or missing facts are empty ones: what there is can be removed all the same.
    with suppress(OSError, ValueError):
        facts = json.loads((folder / MANIFEST).read_text(encoding="ascii"))
        if isinstance(facts, dict):
            return facts
    return {}


def list_pieces(settings: Settings, index: IndexSummary) -> Iterator[tuple[str, int, int, str]]:
    """Document, start, end and text of every chunk of an index."""
    with (settings.home / "indexes" / index.name / "chunks.jsonl").open(encoding="ascii") as lines:
        for line in lines:
            document, start, end, text, *_ = json.loads(line)
            yield document, start, end, text


def _read_all(folder: Path) -> Iterator[IndexSummary]:
    for manifest in folder.glob(f"*/{MANIFEST}"):
        whole = manifest.parent
        # `.KEY.part-…`: being built, or left by a build that was killed.
        if whole.name.startswith("."):
            continue
        # It may be damaged, or removed by another process at this moment.
        with suppress(OSError, ValueError, KeyError, IndexError):
            facts = json.loads(manifest.read_text(encoding="ascii"))
            with (whole / "documents.jsonl").open(encoding="ascii") as lines:
                names = frozenset(json.loads(line)[0] for line in lines)
            size = sum(path.stat().st_size for path in whole.rglob("*") if path.is_file())
            yield IndexSummary(whole.name, facts["embedder"], facts["chunks"], names, size, manifest.stat().st_mtime)
