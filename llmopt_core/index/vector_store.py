"""The vectors of one index in Chroma: embedded in a folder, or a collection on a server.

A folder is written by the one process that builds it and only read afterwards, because two processes that write one
Chroma folder lose vectors without an error.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from llmopt_core.errors import BadInput, StorageFailed
from llmopt_core.index.exact import Found
from llmopt_core.models.base import Vectors

COLLECTION = "chunks"
# Recall of 10 against exact search, 0.99 and more at 10,000 chunks of real embeddings: see benchmarks/retrieval.py.
HNSW = {"space": "cosine", "ef_construction": 200, "ef_search": 200, "max_neighbors": 16}
# Below Chroma's own limit of 5461. What a batch leaves under the sync threshold is read again at each opening.
_BATCH = 5000


class VectorStore:
    """A Chroma collection that is opened when first searched. Safe to share between threads.

    Args:
        connect: Makes the Chroma client.
        collection: Name of the collection.
    """

    def __init__(self, connect: Callable[[], Any], collection: str = COLLECTION) -> None:
        self._connect = connect
        self._name = collection
        self._lock = threading.Lock()
        self._collection: Any = None

    def search(self, queries: Vectors, k: int) -> list[list[Found]]:
        """Per query the `k` nearest positions with their cosine similarity, best first."""
        if not len(queries) or k <= 0:
            return [[] for _ in queries]
        found = self._opened().query(query_embeddings=queries, n_results=k, include=["distances"])
        return [_sorted(ids, distances) for ids, distances in zip(found["ids"], found["distances"], strict=True)]

    def count(self) -> int:
        """Number of vectors; 0 where the collection is not there."""
        from chromadb.errors import NotFoundError

        try:
            return int(self._opened().count())
        except NotFoundError:
            return 0

    def _opened(self) -> Any:
        with self._lock:
            if self._collection is None:
                client = self._connect()
                try:
                    self._collection = client.get_collection(self._name, embedding_function=None)
                except BaseException:
                    client.close()
                    raise
                weakref.finalize(self, client.close)
            return self._collection


def fill(client: Any, collection: str, vectors: Vectors, documents: Sequence[str]) -> None:
    """Write a whole collection; ids are positions. A collection of that name is replaced.

    Args:
        client: A Chroma client; closed at the end.
        collection: Name of the new collection.
        vectors: Unit vectors, shape (n, dimension).
        documents: Per vector the name of its document, kept for whoever looks into the database by other ways.
    """
    from chromadb.errors import NotFoundError

    try:
        with contextlib.suppress(NotFoundError, ValueError):
            client.delete_collection(collection)
        made = client.create_collection(collection, embedding_function=None, configuration={"hnsw": HNSW})
        for start in range(0, len(vectors), _BATCH):
            part = range(start, min(start + _BATCH, len(vectors)))
            made.add(
                ids=[str(position) for position in part],
                embeddings=vectors[start : part.stop],
                metadatas=[{"document": documents[position]} for position in part],
            )
    finally:
        client.close()


def embedded_client(folder: Path) -> Any:
    """Chroma inside this process, on a folder."""
    import chromadb
    from chromadb.config import Settings as ChromaSettings

    return chromadb.PersistentClient(str(folder), settings=ChromaSettings(anonymized_telemetry=False))


def server_client(url: str) -> Any:
    """Chroma on a server.

    Raises:
        BadInput: The URL has no host.
        StorageFailed: Nothing answers there.
    """
    import chromadb
    from chromadb.config import Settings as ChromaSettings

    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput(f"LLMOPT_CHROMA_URL is {url!r}; it must look like http://host:8000.")
    secure = parts.scheme == "https"
    settings = ChromaSettings(anonymized_telemetry=False)
    try:
        return chromadb.HttpClient(
            host=parts.hostname, port=parts.port or (443 if secure else 8000), ssl=secure, settings=settings
        )
    except Exception as error:
        raise StorageFailed(
            f"The Chroma server at {url} does not answer; start it or unset LLMOPT_CHROMA_URL."
        ) from error


def _sorted(ids: Sequence[str], distances: Sequence[float]) -> list[Found]:
    similarities = np.clip(1.0 - np.asarray(distances, dtype=np.float32), -1.0, 1.0)
    found = [(int(position), float(score)) for position, score in zip(ids, similarities, strict=True)]
    return sorted(found, key=lambda item: (-item[1], item[0]))
