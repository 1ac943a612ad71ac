"""Chunk, embed and store against the bare SentenceTransformer.encode on the same chunks, in one process.

Both take turns and the best of each counts, since other work on the machine slows whichever runs beside it; the ratio
of processor time tells more on a busy machine. Then a second index that shares most chunks: only its new texts may
reach the model.

    python benchmarks/indexing.py [--chunks 1000] [--rounds 3] [--documents sample_data/documents]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from llmopt_core.settings import Settings, silence_telemetry  # noqa: E402

silence_telemetry()

from llmopt_core.chunking.chunk import chunk_documents  # noqa: E402
from llmopt_core.chunking.spec import ChunkingSpec  # noqa: E402
from llmopt_core.documents.load import load_documents  # noqa: E402
from llmopt_core.index import open_indexes  # noqa: E402
from llmopt_core.index.build import build_index  # noqa: E402
from llmopt_core.models.base import BUILTIN_EMBEDDING, EmbeddingSpec, Vectors  # noqa: E402
from llmopt_core.models.local.embedding import LocalEmbedder, local_embedder  # noqa: E402
from llmopt_core.models.weight_packages import embedding_folder  # noqa: E402
from llmopt_core.runs.store import Store  # noqa: E402
from llmopt_core.types import Chunk, Document  # noqa: E402

EMBEDDING = EmbeddingSpec()


class Counting:
    """The built-in embedder, with the number of texts that reached it."""

    def __init__(self, inner: LocalEmbedder) -> None:
        self._inner = inner
        self.name, self.dimension, self.max_tokens = inner.name, inner.dimension, inner.max_tokens
        self.texts = 0

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Counted."""
        self.texts += len(texts)
        return self._inner.encode(texts)


def chunking(overlap: int) -> ChunkingSpec:
    return ChunkingSpec(method="fixed", size=128, overlap=overlap)


def overlap_for(documents: Sequence[Document], wanted: int) -> int:
    """The least overlap of the ladder that gives so many chunks."""
    ladder = (0, 32, 64, 96, 112, 120, 124, 126)
    return next((o for o in ladder if len(chunk_documents(documents, chunking(o))) >= wanted), ladder[-1])


@dataclass(frozen=True)
class Taken:
    """Seconds on the clock, and of all processor cores."""

    wall: float
    processor: float


class Stopwatch:
    """Started when made."""

    def __init__(self) -> None:
        self._wall, self._processor = time.perf_counter(), time.process_time()

    def taken(self) -> Taken:
        """Since the start."""
        return Taken(time.perf_counter() - self._wall, time.process_time() - self._processor)


def index_whole(documents: Sequence[Document], overlap: int, embedder: LocalEmbedder) -> tuple[Taken, list[Chunk]]:
    """Time for everything from documents to an index, in an empty workspace with its database."""
    settings = Settings(home=Path(tempfile.mkdtemp()))
    store = Store.open(settings)
    watch = Stopwatch()
    chunks = chunk_documents(documents, chunking(overlap))
    build_index(chunks, EMBEDDING, embedder, settings, store.cache, documents=documents)
    taken = watch.taken()
    open_indexes.close_all()
    return taken, chunks


def encode_bare(model: object, texts: Sequence[str]) -> Taken:
    watch = Stopwatch()
    model.encode(list(texts), batch_size=32, normalize_embeddings=True, show_progress_bar=False)  # type: ignore[attr-defined]
    return watch.taken()


def shared(documents: Sequence[Document], overlap: int, embedder: LocalEmbedder) -> tuple[int, int]:
    """Texts of a second index that lacks one document and has one changed, and how many of them were embedded."""
    settings = Settings(home=Path(tempfile.mkdtemp()))
    store = Store.open(settings)
    build_index(chunk_documents(documents, chunking(overlap)), EMBEDDING, embedder, settings, store.cache)
    changed = [Document("new.md", documents[0].text[1000:]), *documents[2:]]
    chunks = chunk_documents(changed, chunking(overlap))
    known = {chunk.text for chunk in chunk_documents(documents, chunking(overlap))}
    counting = Counting(embedder)
    build_index(chunks, EMBEDDING, counting, settings, store.cache)
    assert counting.texts == len({chunk.text for chunk in chunks} - known)
    return len(chunks), counting.texts


def best(rounds: Sequence[Taken]) -> tuple[float, float]:
    return min(taken.wall for taken in rounds), min(taken.processor for taken in rounds)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--chunks", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--documents", type=Path, default=ROOT / "sample_data" / "documents")
    arguments = parser.parse_args()
    from sentence_transformers import SentenceTransformer

    documents = load_documents([arguments.documents])
    overlap = overlap_for(documents, arguments.chunks)
    embedder = local_embedder(BUILTIN_EMBEDDING, Settings.from_environment().threads)
    bare_model = SentenceTransformer(str(embedding_folder()), device="cpu")
    _, chunks = index_whole(documents[:1], overlap, embedder)
    encode_bare(bare_model, [chunk.text for chunk in chunks])
    whole, bare = [], []
    for _ in range(arguments.rounds):
        taken, chunks = index_whole(documents, overlap, embedder)
        whole.append(taken)
        bare.append(encode_bare(bare_model, [chunk.text for chunk in chunks]))
    print(f"{len(chunks)} chunks of 128 tokens, overlap {overlap}")
    for name, rounds in (("chunk + embed + store", whole), ("encode alone", bare)):
        wall, processor = best(rounds)
        print(f"{name:22s} {wall:7.2f} s  {len(chunks) / wall:6.1f} chunks/s  {processor:7.2f} s of processor time")
    ratios = [b / w for b, w in zip(best(bare), best(whole), strict=True)]
    print(
        f"throughput ratio       {ratios[0]:7.2f} by the clock, {ratios[1]:.2f} by processor time (at least 0.9 wanted)"
    )
    total, embedded = shared(documents, overlap, embedder)
    print(f"second index           {total} chunks, {embedded} of them new and embedded")


if __name__ == "__main__":
    main()
