"""Chunks -> an index on disk, built once per content and never changed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path

import numpy as np
from filelock import FileLock

from llmopt_core.cache import Cache
from llmopt_core.errors import LlmOptError, StorageError
from llmopt_core.index import open_indexes
from llmopt_core.index.bm25 import Bm25
from llmopt_core.index.embedding_cache import OnProgress, encode_with_cache
from llmopt_core.index.folder import CHROMA, FORMAT, Contents, DamagedIndex, read_contents, write_contents
from llmopt_core.index.index import Index
from llmopt_core.index.index_inventory import release_orphans
from llmopt_core.index.plan import IndexPlan, plan_index
from llmopt_core.index.shared_collections import SharedCollections, collection_name
from llmopt_core.index.vector_store import (
    COLLECTION,
    VectorStore,
    fill,
    is_whole,
    local_client,
    mask_password,
    server_client,
)
from llmopt_core.models.base import Embedder, EmbeddingSpec, Vectors
from llmopt_core.settings import Settings
from llmopt_core.types import Chunk, Document


def build_index(
    chunks: Sequence[Chunk],
    embedding: EmbeddingSpec,
    embedder: Embedder,
    settings: Settings,
    cache: Cache,
    *,
    texts: Sequence[str] | None = None,
    documents: Sequence[Document] = (),
    on_progress: OnProgress | None = None,
) -> Index:
    """Open the index of these chunks; build it first where no process has.

    The folder `indexes/<fingerprint>` in the workspace is written by one process under a lock, in a temporary folder
    that is renamed into place when it is whole. A process killed on the way leaves nothing that is ever opened.

    Args:
        chunks: All chunks of the project; their texts and ids are part of the index's fingerprint.
        embedding: Which model, and what of a chunk it embeds; part of the fingerprint.
        embedder: That model.
        settings: Where the workspace is, and the Chroma server where there is one.
        cache: Vectors known from earlier indexes.
        texts: What is embedded of each chunk where that is not its text; by default the text, or for
            `embedding.of == "heading"` the heading path and the text.
        documents: Give their metadata to filters, and the text of parents to small-to-big chunks.
        on_progress: Called with the number of distinct texts embedded and their total.

    Raises:
        BadInput: There are no chunks, or `texts` are needed and missing or of another number.
        EndpointError: The embedder failed.
        StorageError: The workspace cannot be written, or the Chroma server does not answer.
    """
    # The order of what follows: what is free (open already), what is cheap (on disk), and only then the work.
    plan = plan_index(chunks, embedding, embedder, settings, texts, documents)
    # A lost one is in memory but not on its server: it has to be stored there again.
    if (index := open_indexes.get(plan.folder)) is not None and not index.is_lost:
        return index
    open_indexes.drop(plan.folder)
    with _storage_errors(plan.folder):
        index = _open_existing(plan) or _build_under_lock(plan, embedder, cache, on_progress)
    return open_indexes.put(plan.folder, index)


def index_to_read(
    chunks: Sequence[Chunk],
    embedding: EmbeddingSpec,
    embedder: Embedder,
    settings: Settings,
    documents: Sequence[Document] = (),
) -> Index | None:
    """The index of these chunks where it is on disk, without a look at its vector database; None where it is not.

    For what needs chunks, vectors and words alone. Arguments as in `build_index`, of which the embedder's name is used.
    """
    plan = plan_index(chunks, embedding, embedder, settings, None, documents)
    if (index := open_indexes.get(plan.folder)) is not None:
        return index
    try:
        # The vector database is opened at the first search only, so nothing of it is loaded here.
        return Index(read_contents(plan.folder, plan.word_texts), _store(plan))
    except DamagedIndex:
        return None


def _open_existing(plan: IndexPlan) -> Index | None:
    """The index that is there; None where nothing whole is."""
    # Looked at without Chroma, which cannot open a folder again in a process where it failed once.
    if not plan.settings.chroma_url and not is_whole(plan.folder / CHROMA):
        return None
    try:
        contents = read_contents(plan.folder, plan.word_texts)
    except DamagedIndex:
        return None
    if plan.settings.chroma_url:
        # Said before the look, so that the last user elsewhere does not remove it in between.
        with _collections(plan) as collections:
            collections.use(plan.fingerprint)
    store = _store(plan)
    # Another number of vectors: it was stored in part, or somebody changed it. Built again.
    return Index(contents, store) if store.count() == len(contents.chunks) else None


def _build_under_lock(plan: IndexPlan, embedder: Embedder, cache: Cache, on_progress: OnProgress | None) -> Index:
    plan.folder.parent.mkdir(parents=True, exist_ok=True)  # a lock needs its folder
    # The lock is beside the folder, not in it: the folder is made by renaming another.
    with FileLock(plan.folder.parent / f".{plan.folder.name}.lock"):
        # Again under the lock: whoever waited finds what the other process built.
        index = _open_existing(plan) or _restore(plan, on_progress)
        if index is None:
            _build(plan, embedder, cache, on_progress)
            index = Index(read_contents(plan.folder, plan.word_texts), _store(plan))
    # After the lock and never in the way: what could not be tidied up today is tidied up with the next index.
    with suppress(LlmOptError):
        release_orphans(plan.settings)
    return index


def _restore(plan: IndexPlan, on_progress: OnProgress | None) -> Index | None:
    """The index whose collection vanished from its server, from the vectors that are here; None where none are."""
    if not plan.settings.chroma_url:
        return None
    # The files here hold all vectors, so nothing is embedded and nothing paid for.
    try:
        contents = read_contents(plan.folder, plan.word_texts)
    except DamagedIndex:
        return None
    _store_on_server(plan, lambda: np.asarray(contents.vectors), on_progress)
    return Index(contents, _store(plan))


def _store_on_server(plan: IndexPlan, encode: Callable[[], Vectors], on_progress: OnProgress | None) -> Vectors:
    """The vectors, which are on the server then."""

    def on_wait() -> None:
        if on_progress is not None:
            # Tells of no progress but is a place where the job can be cancelled while another process builds.
            on_progress(0, len(plan.texts))

    with _collections(plan) as collections:
        return collections.ensure(plan.fingerprint, [chunk.document for chunk in plan.chunks], encode, on_wait)


def _collections(plan: IndexPlan) -> AbstractContextManager[SharedCollections]:
    return closing(SharedCollections(plan.settings.chroma_url, plan.folder.parent))


def _build(plan: IndexPlan, embedder: Embedder, cache: Cache, on_progress: OnProgress | None) -> None:
    """Write the index, called under its lock. What is left of killed builds is removed first."""
    prefix = f".{plan.folder.name}.part-"
    # Under the lock no other build of this index is alive, so every `.part-` is of a dead one.
    for folder in (plan.folder, *plan.folder.parent.glob(prefix + "*")):
        shutil.rmtree(folder, ignore_errors=True)
    # Beside its later place: only within a file system is a rename one step.
    part = Path(tempfile.mkdtemp(prefix=prefix, dir=plan.folder.parent))
    try:
        _write(plan, part, embedder, cache, on_progress)
        # The one step that makes it exist: before it nobody sees anything, after it everything is there.
        part.rename(plan.folder)
    except BaseException:
        # Also for a cancelled job or Ctrl-C, which are no `Exception`.
        shutil.rmtree(part, ignore_errors=True)
        raise


def _write(plan: IndexPlan, folder: Path, embedder: Embedder, cache: Cache, on_progress: OnProgress | None) -> None:
    if plan.settings.chroma_url:
        vectors = _store_on_server(
            plan, lambda: encode_with_cache(plan.texts, embedder, cache, on_progress), on_progress
        )
    else:
        vectors = encode_with_cache(plan.texts, embedder, cache, on_progress)
        names = [chunk.document for chunk in plan.chunks]
        fill(local_client(folder / CHROMA), COLLECTION, vectors, names)
    manifest = {
        "format": FORMAT,
        "fingerprint": plan.fingerprint,
        "embedder": embedder.name,
        "dimension": embedder.dimension,
        "chunks": len(plan.chunks),
    }
    # After the vectors: embedding may fail and costs most, counting words cannot.
    words = Bm25.of(plan.word_texts())
    if plan.settings.chroma_url:
        # Without its password, because the file may be copied or shown.
        manifest["server"] = mask_password(plan.settings.chroma_url)
    write_contents(folder, Contents(manifest, tuple(plan.chunks), plan.documents, plan.parents, vectors, lambda: words))


def _store(plan: IndexPlan) -> VectorStore:
    if plan.settings.chroma_url:
        return VectorStore(
            # Connected at the first search.
            lambda: server_client(plan.settings.chroma_url),
            collection_name(plan.fingerprint),
            remote=True,
        )
    return VectorStore(lambda: local_client(plan.folder / CHROMA))


@contextmanager
def _storage_errors(folder: Path) -> Iterator[None]:
    # Imported here, as the database is slow to load.
    from chromadb.errors import ChromaError

    try:
        yield
    except LlmOptError:
        raise  # told in words for users already
    except (OSError, ChromaError) as error:
        # `strerror` has no path in it; the sentence names the folder.
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise StorageError(
            f"The index could not be written to {folder.parent} ({reason}); free disk space or check its rights."
        ) from error
