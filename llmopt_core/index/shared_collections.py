"""Collections on a Chroma server that several workspaces and machines use: built once, removed with their last user.

The server knows all of it. A collection is named by its content (`llmopt-KEY`), so whoever has the same chunks under
the same embedding model shares it. It is built under another name, which the server gives to one builder only, and
renamed when it is whole: what is found under its own name is never half of it. Who uses it stands in the collection
`llmopt-users`, one record for each workspace.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from llmopt_core.errors import LlmOptError, StorageError
from llmopt_core.index.builder import Claim, Watch, is_gone, process_values
from llmopt_core.index.vector_store import HNSW, add_all, mask_password, server_client
from llmopt_core.index.workspace_id import workspace_id
from llmopt_core.models.base import Vectors

_USERS = "llmopt-users"
_PREFIX, _PART, _TRASH = "llmopt-", ".part", "llmopt-trash-"
# Between two looks at another's building: half a second is little beside an embedding, and no load for a server.
_WAIT_SECONDS = 0.5
# Others may still read a collection that was just put aside.
_TRASH_SECONDS = 3600.0
# Vectors per answer: 1,000 of 1,536 numbers are some 30 MB as JSON; a proxy may refuse more.
_READ = 1000
_ATTEMPTS = 3  # a name that a killed process left can vanish between two steps


def collection_name(key: str) -> str:
    """Name of the whole collection of an index."""
    return _PREFIX + key


class SharedCollections:
    """What one workspace does with collections on one server.

    Args:
        url: Of the server.
        indexes: The workspace's folder of indexes.
    """

    def __init__(self, url: str, indexes: Path) -> None:
        self._url, self._indexes = url, indexes
        # Stands in a file of the workspace, so that the same workspace is known again from any process.
        self._workspace = workspace_id(indexes)
        self._client: Any = None

    def use(self, key: str) -> None:
        """Say that this workspace uses a collection; before it is looked for, so that nobody removes it meanwhile."""
        # Host and home let other processes on that machine see that a workspace is gone.
        facts = {"collection": key, "workspace": self._workspace, "home": str(self._indexes), **process_values()}
        with self._explain_errors() as client:
            # `upsert`: using it twice is one use. The vector says nothing, but every record of Chroma needs one.
            _users(client).upsert(ids=[self._user(key)], embeddings=[[1.0]], metadatas=[facts])

    def ensure(
        self,
        key: str,
        documents: Sequence[str],
        encode: Callable[[], Vectors],
        on_wait: Callable[[], None],
    ) -> Vectors:
        """The vectors of a collection that is there and whole; built by this process where no other does.

        Args:
            key: Names the content.
            documents: Per vector the name of its document.
            encode: Makes the vectors; called where the server has none.
            on_wait: Called now and then while another process builds; what it raises ends the waiting.
        """
        self.use(key)
        watch = Watch()
        # Ends by what it finds: whole, built here, or taken over from a builder that died.
        while True:
            if (vectors := self._whole(key, len(documents))) is not None:
                return vectors
            claim = self._claim(key)
            if claim is None:
                self._wait(key, watch, on_wait)
            elif (vectors := self._build(key, claim, documents, encode)) is not None:
                return vectors

    def release(self, key: str) -> None:
        """This workspace uses the collection no more; the last to say so removes it."""
        with self._explain_errors() as client:
            # Its own use first: of two that leave at once the later one sees no user then, and removes it.
            _users(client).delete(ids=[self._user(key)])
            _remove_orphan(client, key)

    def list_keys(self) -> list[str]:
        """The collections that this workspace is said to use."""
        with self._explain_errors() as client:
            rows = _users(client).get(where={"workspace": self._workspace}, include=["metadatas"])
            return [str(facts["collection"]) for facts in rows["metadatas"] or ()]

    def sweep(self) -> None:
        """Remove what processes left that were killed on the way, and users whose workspace is gone."""
        with self._explain_errors() as client:
            # Of other machines nothing is known: their users stay.
            for facts in _users(client).get(include=["metadatas"])["metadatas"] or ():
                if _has_moved_out(facts):
                    _users(client).delete(ids=[f"{facts['collection']}/{facts['workspace']}"])
                    _remove_orphan(client, facts["collection"])
            for each in client.list_collections():
                old = time.time() - float((each.metadata or {}).get("at", 0)) > _TRASH_SECONDS
                half = each.name.startswith(_PREFIX) and each.name.endswith(_PART)
                # Half of a collection whose builder is gone, or one that was put aside long ago.
                if (half and is_gone(each.metadata or {})) or (each.name.startswith(_TRASH) and old):
                    _delete(client, _throw_away(each))

    def _whole(self, key: str, count: int) -> Vectors | None:
        """The vectors of the whole collection; None where there is none."""
        with self._explain_errors() as client:
            collection = _find(client, collection_name(key))
            if collection is None:
                return None
            # The count is the cheapest sign of a whole collection; its name says that the content is the right one.
            if collection.count() == count:
                return _vectors(collection, count)
            # Half built by a version that did not rename, or damaged.
            _delete(client, _throw_away(collection))
            return None

    def _claim(self, key: str) -> Claim | None:
        """The right to build; None where another process has it, or has done it."""
        name = collection_name(key) + _PART
        claim = Claim({"content": key, "workspace": self._workspace})
        with self._explain_errors() as client:
            # The name can be taken and given free between two questions; more than a few times it is another fault.
            for attempt in range(_ATTEMPTS):
                try:
                    # The server makes one collection of a name.
                    claim.collection = client.create_collection(
                        name, embedding_function=None, configuration={"hnsw": HNSW}, metadata=claim.facts
                    )
                except Exception:  # each version of the server says in other words that the name is taken
                    # Taken by another builder, or whole already: then this is no failure.
                    if _find(client, name) is not None or _find(client, collection_name(key)) is not None:
                        break
                    if attempt + 1 == _ATTEMPTS:
                        claim.end()  # else the token would count as working for as long as this process lives
                        raise
                else:
                    return claim
        claim.end()
        return None

    def _build(self, key: str, claim: Claim, documents: Sequence[str], encode: Callable[[], Vectors]) -> Vectors | None:
        """Fill a claimed collection and give it its name; None where another process was faster, or took it over."""
        try:
            # Signs of life through all of it: embedding may take an hour, and the others wait no longer than 45 s
            # without one.
            with claim.beating():
                vectors = encode()
                with self._explain_errors():
                    add_all(claim.collection, vectors, documents)
            # After the last sign: a late one would write back the metadata of a builder.
            with self._explain_errors():
                # The new name makes it exist for all others, in one step on the server.
                claim.collection.modify(name=collection_name(key), metadata={**claim.facts, "at": time.time()})
        except StorageError:
            # Another may have thought this one dead: its collection is under the name then, and good for both.
            if self._is_lost(key, claim):
                return None
            raise
        except BaseException:
            # Cancelled or failed: the name is given free at once, instead of after 45 s of silence.
            with contextlib.suppress(StorageError):
                self._is_lost(key, claim)
            raise
        finally:
            claim.end()
        return vectors

    def _is_lost(self, key: str, claim: Claim) -> bool:
        """Whether what was claimed is another's now, or stands there whole. What is left of it is removed."""
        with self._explain_errors() as client:
            part = _find(client, collection_name(key) + _PART)
            # By token: under the same name another builder may be at work by now, whose collection must stay.
            if part is None or (part.metadata or {}).get("token") != claim.facts["token"]:
                return True
            _delete(client, _throw_away(part))
            return _find(client, collection_name(key)) is not None

    def _wait(self, key: str, watch: Watch, on_wait: Callable[[], None]) -> None:
        """Some time of another's building; takes it over where that one gives no sign of life."""
        with self._explain_errors() as client:
            part = _find(client, collection_name(key) + _PART)
            if part is not None and watch.is_dead(part.metadata or {}):
                # A new name first, then deletion: of two that find it dead only one gets hold of it.
                _delete(client, _throw_away(part))
                return
        # Outside the block: a cancellation that `on_wait` raises must not be told as a failure of the server.
        on_wait()
        time.sleep(_WAIT_SECONDS)

    def _user(self, key: str) -> str:
        return f"{key}/{self._workspace}"

    @contextlib.contextmanager
    def _explain_errors(self) -> Iterator[Any]:
        """The client; whatever fails is told in one sentence."""
        try:
            if self._client is None:
                self._client = server_client(self._url)
            yield self._client
        except LlmOptError:
            raise  # told in words for users already
        except Exception as error:  # its answers pass through proxies and may be anything
            # One line of 200 characters: proxies answer with whole pages of HTML.
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise StorageError(
                f"The Chroma server at {mask_password(self._url)} failed ({reason}); check that it runs, then try "
                "again: what is stored only half is stored anew."
            ) from error

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None


def _users(client: Any) -> Any:
    # No function that embeds: Chroma would load its own model for it.
    return client.get_or_create_collection(_USERS, embedding_function=None)


def _has_users(client: Any, key: str) -> bool:
    return bool(_users(client).get(where={"collection": key}, limit=1, include=[])["ids"])


def _remove_orphan(client: Any, key: str) -> None:
    collection: Any = None if _has_users(client, key) else _find(client, collection_name(key))
    # Taken from its name before the second look: whoever comes now does not find it and builds anew.
    trash = _throw_away(collection) if collection is not None else ""
    if trash and _has_users(client, key):
        # Somebody came between the look and the new name; where the old name is taken by now, it is not missed.
        with contextlib.suppress(Exception):
            collection.modify(name=collection_name(key))
            return
    _delete(client, trash)


def _has_moved_out(facts: dict[str, Any]) -> bool:
    """Whether a workspace of this machine is gone, or another now."""
    if facts.get("host") != process_values()["host"]:
        return False
    home = Path(str(facts.get("home", "")))
    # The folder can be there again with another id: another workspace in the same place.
    return not home.is_dir() or workspace_id(home, make=False) != facts.get("workspace")


def _find(client: Any, name: str) -> Any:
    from chromadb.errors import NotFoundError

    try:
        return client.get_collection(name, embedding_function=None)
    except NotFoundError:
        return None


def _throw_away(collection: Any) -> str:
    """Take a collection's name from it, by its id: one that another process made under the same name stays."""
    from chromadb.errors import NotFoundError

    # A number of its own, since two processes may put the same name aside.
    name = _TRASH + uuid.uuid4().hex
    try:
        collection.modify(name=name, metadata={**(collection.metadata or {}), "at": time.time()})
    except NotFoundError:
        return ""
    return name


def _delete(client: Any, name: str) -> None:
    from chromadb.errors import NotFoundError

    if name:
        with contextlib.suppress(NotFoundError):
            client.delete_collection(name)


def _vectors(collection: Any, count: int) -> Vectors:
    parts = []
    # By ids, not by pages: the server gives them in an order of its own.
    for start in range(0, count, _READ):
        ids = [str(position) for position in range(start, min(start + _READ, count))]
        batch = collection.get(ids=ids, include=["embeddings"])
        # Asked for in order, answered in any.
        rows = dict(zip(batch["ids"], batch["embeddings"], strict=True))
        parts.append(np.asarray([rows[each] for each in ids], dtype=np.float32))
    return np.concatenate(parts) if parts else np.zeros((0, 0), dtype=np.float32)
