"""Chunks -> an index on disk, built once per content and never changed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from llmopt_core.cache import Cache
from llmopt_core.errors import BadInput, LlmOptError, StorageError
from llmopt_core.index import open_indexes
from llmopt_core.index.bm25 import Bm25
from llmopt_core.index.embedding_cache import OnProgress, encode_with_cache
from llmopt_core.index.folder import CHROMA, FORMAT, Contents, DamagedIndex, read_contents, write_contents
from llmopt_core.index.index import Index
from llmopt_core.index.index_inventory import SERVER_ENDING, release_orphans
from llmopt_core.index.shared_collections import SharedCollections, collection_name
from llmopt_core.index.vector_store import (
    COLLECTION,
    HNSW,
    VectorStore,
    fill,
    is_whole,
    local_client,
    mask_password,
    server_client,
)
from llmopt_core.models.base import Embedder, EmbeddingSpec, Vectors
from llmopt_core.settings import Settings
from llmopt_core.types import Chunk, Document, Span, fingerprint


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
    plan = _plan(chunks, embedding, embedder, settings, texts, documents)
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
    plan = _plan(chunks, embedding, embedder, settings, None, documents)
    if (index := open_indexes.get(plan.folder)) is not None:
        return index
    try:
        # The vector database is opened at the first search only, so nothing of it is loaded here.
        return Index(read_contents(plan.folder, plan.word_texts), _store(plan))
    except DamagedIndex:
        return None


# The version of the terms when they were part of the fingerprint. Now the folder of an index holds words of several
# versions (`word_files`), and its fingerprint stays, so that no vector is made or paid for again.
_FIRST_TERMS = 2


@dataclass(frozen=True, slots=True)
class _Plan:
    chunks: Sequence[Chunk]
    texts: Sequence[str]
    documents: dict[str, dict[str, Any]]
    parents: dict[Span, str]
    fingerprint: str
    folder: Path
    settings: Settings

    def word_texts(self) -> list[str]:
        """What is searched by words of each chunk: its text, with its heading where that is embedded."""
        # Of a summary that a model wrote only the vector is made: its words would answer for words that are not in the
        # text.
        pairs = zip(self.chunks, self.texts, strict=True)
        return [text if chunk.text in text else chunk.text for chunk, text in pairs]


def _plan(  # noqa: PLR0917
    chunks: Sequence[Chunk],
    embedding: EmbeddingSpec,
    embedder: Embedder,
    settings: Settings,
    texts: Sequence[str] | None,
    documents: Sequence[Document],
) -> _Plan:
    if not chunks:
        raise BadInput("There is no text to index; add a document that has some.")
    texts = _texts_to_embed(chunks, embedding) if texts is None else texts
    if len(texts) != len(chunks):
        raise BadInput(f"There are {len(chunks)} chunks but {len(texts)} texts to embed for them.")
    # Only the documents of these chunks: metadata of others must not make this another index.
    names = {chunk.document for chunk in chunks}
    by_name = {document.name: document for document in documents}
    # Sorted, because the order belongs to the fingerprint below and says nothing.
    metadata = {name: dict(by_name[name].metadata) if name in by_name else {} for name in sorted(names)}
    parents = _parent_texts(chunks, by_name)
    rows = [[chunk.id, chunk.text, chunk.heading, text] for chunk, text in zip(chunks, texts, strict=True)]
    spans = [[s.document, s.start, s.end, text] for s, text in parents.items()]
    # All that changes what a search by meaning finds. Not the server's address: the same content is the same index
    # everywhere.
    key = fingerprint(
        "index", FORMAT, _FIRST_TERMS, HNSW, rows, [_parent_id(c) for c in chunks], spans, metadata,
        embedding.model_dump(mode="json"), embedder.name,
    )  # fmt: skip
    # A folder of its own for vectors on a server: it has no database, and must not be taken for one that lost it.
    folder = settings.home / "indexes" / (f"{key}{SERVER_ENDING}" if settings.chroma_url else key)
    return _Plan(chunks, texts, metadata, parents, key, folder, settings)


def text_to_embed(chunk: Chunk, of: str) -> str:
    """What is embedded of a chunk, by `EmbeddingSpec.of`; where that is a written text, the chunk's own."""
    # `full_text` has the names of the columns where a chunk begins below a table's header.
    return f"{chunk.heading}\n{chunk.text}" if of == "heading" and chunk.heading else chunk.full_text


def _texts_to_embed(chunks: Sequence[Chunk], embedding: EmbeddingSpec) -> list[str]:
    if embedding.of in ("text", "heading"):
        return [text_to_embed(chunk, embedding.of) for chunk in chunks]
    raise BadInput(f"To embed the {embedding.of} of each chunk, it must be written first and given as texts.")


def _parent_texts(chunks: Sequence[Chunk], documents: dict[str, Document]) -> dict[Span, str]:
    # Each larger piece once, in the order of the chunks; the pieces of a document that was not given stay unknown.
    spans = dict.fromkeys(chunk.parent for chunk in chunks if chunk.parent and chunk.parent.document in documents)
    return {span: documents[span.document].text[span.start : span.end] for span in spans if span}


def _parent_id(chunk: Chunk) -> list[int] | None:
    return [chunk.parent.start, chunk.parent.end] if chunk.parent else None


def _open_existing(plan: _Plan) -> Index | None:
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


def _build_under_lock(plan: _Plan, embedder: Embedder, cache: Cache, on_progress: OnProgress | None) -> Index:
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


def _restore(plan: _Plan, on_progress: OnProgress | None) -> Index | None:
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


def _store_on_server(plan: _Plan, encode: Callable[[], Vectors], on_progress: OnProgress | None) -> Vectors:
    """The vectors, which are on the server then."""

    def on_wait() -> None:
        if on_progress is not None:
            # Tells of no progress but is a place where the job can be cancelled while another process builds.
            on_progress(0, len(plan.texts))

    with _collections(plan) as collections:
        return collections.ensure(plan.fingerprint, [chunk.document for chunk in plan.chunks], encode, on_wait)


def _collections(plan: _Plan) -> AbstractContextManager[SharedCollections]:
    return closing(SharedCollections(plan.settings.chroma_url, plan.folder.parent))


def _build(plan: _Plan, embedder: Embedder, cache: Cache, on_progress: OnProgress | None) -> None:
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


def _write(plan: _Plan, folder: Path, embedder: Embedder, cache: Cache, on_progress: OnProgress | None) -> None:
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


def _store(plan: _Plan) -> VectorStore:
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
