"""The indexes in a workspace: what is there, how large, and removing it. All can be built again from the documents."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from llmopt_core.index import opened
from llmopt_core.index.folder import MANIFEST
from llmopt_core.settings import Settings


@dataclass(frozen=True, slots=True)
class StoredIndex:
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


def stored_indexes(settings: Settings) -> list[StoredIndex]:
    """All whole indexes of the workspace, the newest first."""
    return sorted(_read_all(settings.home / "indexes"), key=lambda index: -index.built_at)


def delete_index(settings: Settings, name: str) -> bool:
    """Remove one; false where it is not there. Whoever has it open in this process keeps what it has read."""
    folder = settings.home / "indexes" / name
    if name != folder.name or not (folder / MANIFEST).exists():
        return False
    opened.drop(folder)
    with FileLock(folder.parent / f".{name}.lock"):
        shutil.rmtree(folder, ignore_errors=True)
    return True


def indexed_pieces(settings: Settings, index: StoredIndex) -> Iterator[tuple[str, int, int, str]]:
    """Document, start, end and text of every chunk of an index."""
    with (settings.home / "indexes" / index.name / "chunks.jsonl").open(encoding="ascii") as lines:
        for line in lines:
            document, start, end, text, *_ = json.loads(line)
            yield document, start, end, text


def _read_all(folder: Path) -> Iterator[StoredIndex]:
    for manifest in folder.glob(f"*/{MANIFEST}"):
        whole = manifest.parent
        if whole.name.startswith("."):
            continue
        try:
            facts = json.loads(manifest.read_text(encoding="ascii"))
            with (whole / "documents.jsonl").open(encoding="ascii") as lines:
                names = frozenset(json.loads(line)[0] for line in lines)
            size = sum(path.stat().st_size for path in whole.rglob("*") if path.is_file())
            yield StoredIndex(whole.name, facts["embedder"], facts["chunks"], names, size, manifest.stat().st_mtime)
        except (OSError, ValueError, KeyError, IndexError):
            # Damaged, or removed by another process at this moment.
            continue
