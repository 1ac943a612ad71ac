"""The vectors of one index in Chroma: embedded in a folder, or a collection on a server.

A folder is written by the one process that builds it and only read afterwards, because two processes that write one
Chroma folder lose vectors without an error.
"""

from __future__ import annotations

import base64
import contextlib
import re
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np

from llmopt_core.errors import BadInput, StorageError
from llmopt_core.index.exact import ScoredPosition
from llmopt_core.models.base import Vectors

COLLECTION = "chunks"  # a name inside the folder: one index, one collection
# Recall of 10 against exact search, 0.99 and more at 10,000 chunks of real embeddings: see benchmarks/retrieval.py.
HNSW = {"space": "cosine", "ef_construction": 200, "ef_search": 200, "max_neighbors": 16}
# Below Chroma's own limit of 5461. What a batch leaves under the sync threshold is read again at each opening.
_BATCH = 5000
# What stands between the scheme of an address, which may be missing, and its host.
_ACCOUNT = re.compile(r"^([\w+.-]*://)?.*@", re.DOTALL)
_AFTER_PATH = re.compile(r"[?#].*", re.DOTALL)
_ESCAPES = ", and in a password / ? # @ : are written as %2F %3F %23 %40 %3A"
# Chroma counts the users of a folder without a lock of its own: one thread's close could end another's client.
_CHROMA = threading.RLock()


class VectorStore:
    """A Chroma collection that is opened when first searched. Safe to share between threads.

    Args:
        connect: Makes the Chroma client.
        collection: Name of the collection.
        remote: Whether it is searched elsewhere than in this process.

    Attributes:
        is_lost: Whether the server has the collection no more; whoever keeps the index open must build it anew.
    """

    def __init__(self, connect: Callable[[], Any], collection: str = COLLECTION, *, remote: bool = False) -> None:
        self.remote, self.is_lost = remote, False
        self._connect = connect
        self._name = collection
        self._lock = threading.Lock()
        self._collection: Any = None

    def search(self, queries: Vectors, k: int) -> list[list[ScoredPosition]]:
        """Per query the `k` nearest positions with their cosine similarity, best first.

        Raises:
            StorageError: The database failed, or its server does not answer any more.
        """
        # Chroma takes no empty list of questions and no zero results.
        if not len(queries) or k <= 0:
            return [[] for _ in queries]
        from chromadb.errors import NotFoundError

        with _database_errors():
            try:
                response = self._open().query(query_embeddings=queries, n_results=k, include=["distances"])
            except NotFoundError as error:
                # Marked, so that `build_index` does not hand out this open index again.
                self.is_lost = True
                raise StorageError(
                    f"The vector database has the collection {self._name} no more; run again and it is stored anew."
                ) from error
        return [_sort(ids, distances) for ids, distances in zip(response["ids"], response["distances"], strict=True)]

    def count(self) -> int:
        """Number of vectors; 0 where the collection is not there."""
        from chromadb.errors import NotFoundError

        with _database_errors():
            try:
                return int(self._open().count())
            except NotFoundError:
                return 0  # not there is not whole: the index is built then

    def _open(self) -> Any:
        with self._lock:
            if self._collection is None:
                with _CHROMA:
                    client = self._connect()
                    # A client that nobody can close would hold the files of the folder until the process ends.
                    try:
                        self._collection = client.get_collection(self._name, embedding_function=None)
                    except BaseException:
                        client.close()
                        raise
                # Closed when the store is collected: whoever still searches in a dropped index can go on.
                weakref.finalize(self, _close, client)
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
        # `ValueError` is what older versions of Chroma raise for a missing collection.
        with contextlib.suppress(NotFoundError, ValueError):
            client.delete_collection(collection)
        new_collection = client.create_collection(collection, embedding_function=None, configuration={"hnsw": HNSW})
        add_all(new_collection, vectors, documents)
    finally:
        _close(client)


def add_all(collection: Any, vectors: Vectors, documents: Sequence[str]) -> None:
    """Write vectors into an empty collection, as `fill` does."""
    for start in range(0, len(vectors), _BATCH):
        part = range(start, min(start + _BATCH, len(vectors)))
        collection.add(
            # Strings, since Chroma knows no others; they are numbers again when hits come back.
            ids=[str(position) for position in part],
            embeddings=vectors[start : part.stop],
            metadatas=[{"document": documents[position]} for position in part],
        )


def _close(client: Any) -> None:
    with _CHROMA:
        client.close()


def local_client(folder: Path) -> Any:
    """Chroma inside this process, on a folder."""
    import chromadb
    from chromadb.config import Settings as ChromaSettings

    with _CHROMA:
        # Chroma reports its use over the network otherwise
        return chromadb.PersistentClient(str(folder), settings=ChromaSettings(anonymized_telemetry=False))


def is_whole(folder: Path) -> bool:
    """Whether the database of an embedded Chroma is there and as long as it says.

    Chroma itself must not find out: after it failed on a folder it cannot open it any more in the same process.
    """
    try:
        with (folder / "chroma.sqlite3").open("rb") as file:
            # The header of an SQLite file: bytes 16-17 the page size, 28-31 the number of pages.
            header = file.read(32)
            size = file.seek(0, 2)
    except OSError:
        return False
    # Page size 1 stands for 65,536, which does not fit into two bytes. A shorter file was cut while it was copied.
    page_size, page_count = int.from_bytes(header[16:18], "big"), int.from_bytes(header[28:32], "big")
    return len(header) == 32 and size >= page_count * (65536 if page_size == 1 else page_size)


def server_client(url: str) -> Any:
    """Chroma on a server.

    Raises:
        BadInput: The URL has no host, or says more than can be sent.
        StorageError: Nothing answers there.
    """
    import chromadb
    from chromadb.config import Settings as ChromaSettings

    address, headers = _server_address(url)
    settings = ChromaSettings(anonymized_telemetry=False)
    secure = address.startswith("https:")
    try:
        # Chroma takes a whole address as host, and sends what comes after the port only then.
        return chromadb.HttpClient(host=address, ssl=secure, headers=headers, settings=settings)
    except Exception as error:
        # Whatever fails while connecting (names, certificates, versions, answers of a proxy) has the same remedy.
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise StorageError(
            f"The Chroma server at {mask_password(url)} does not answer as one ({reason}); start it, look at its "
            "address, or unset LLMOPT_CHROMA_URL."
        ) from error


def _server_address(url: str) -> tuple[str, dict[str, str]]:
    """The address that requests go to, and the headers that carry the user's name and password."""
    message = f"LLMOPT_CHROMA_URL is {mask_password(url)!r}"
    try:
        parts = urlsplit(url)
        port = parts.port  # raises where the port is no number
    except ValueError:
        # Not its reason, nor in a trace: it may quote a part of a password.
        raise BadInput(f"{message}; it must look like http://host:8000{_ESCAPES}.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput(f"{message}; it must look like http://host:8000.")
    # Chroma sends neither; behind the host an `@` is most probably that of a password with a slash in it.
    if parts.query or parts.fragment or "@" in parts.path:
        raise BadInput(f"{message}; nothing with ?, # or @ may follow the host{_ESCAPES}.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    # 8000 is the port of Chroma; an encrypted one stands behind a proxy at the usual port.
    port = port or (443 if parts.scheme == "https" else 8000)
    # Chroma escapes the path itself.
    address = f"{parts.scheme}://{host}:{port}{unquote(parts.path).rstrip('/')}"
    if parts.username is None:
        return address, {}
    account = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return address, {"Authorization": "Basic " + base64.b64encode(account.encode()).decode("ascii")}


def mask_password(url: str) -> str:
    """The address without a user's name and password, and without `?key=...`; also where it is a wrong one."""
    # To the last `@`: a password may hold one itself, and slashes, which would end it for a parser of addresses.
    return _AFTER_PATH.sub("", _ACCOUNT.sub(r"\1", url))


@contextlib.contextmanager
def _database_errors() -> Iterator[None]:
    import httpx
    from chromadb.errors import ChromaError

    try:
        yield
    except (ChromaError, httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        # ValueError, KeyError and TypeError: what Chroma's client raises where an answer has not the form it expects.
        raise StorageError(
            f"The vector database failed ({error}); check that its server runs, or delete the index to build it again."
        ) from error


def _sort(ids: Sequence[str], distances: Sequence[float]) -> list[ScoredPosition]:
    # Rounding takes a distance a hair below 0 or above 2.
    similarities = np.clip(1.0 - np.asarray(distances, dtype=np.float32), -1.0, 1.0)
    scored_positions = [(int(position), float(score)) for position, score in zip(ids, similarities, strict=True)]
    # Equal vectors come in any order from a graph; by position it is always the same.
    return sorted(scored_positions, key=lambda item: (-item[1], item[0]))
