"""Speed and exactness of search over 10,000 chunks, and which search ranks best.

1. Dense + BM25 + fusion over `--chunks` overlapping windows of the documents, after the question's embedding: p50.
2. Recall of the best 10 of the approximate search against exact search on the same vectors.
3. Late interaction on 30 candidates, with and without kept token vectors: p50.
4. Dense, BM25, both fusions and late interaction on the questions: hit rate of the first chunk, recall of the first
   three, MRR of ten, with the paired difference to dense search.
5. With `--llm N` the same on N questions for every query transform and LLM reranker with the built-in chat model.

    python benchmarks/retrieval.py [--chunks 10000] [--llm 0] [--documents DIR] [--questions FILE] [--home DIR]

With `--home` vectors and calls are kept there, and a second run is fast.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from llmopt_core.settings import Settings, silence_telemetry  # noqa: E402

silence_telemetry()

from llmopt_core.cache import Cache, MemoryCache  # noqa: E402
from llmopt_core.chunking.chunk import chunk_documents  # noqa: E402
from llmopt_core.chunking.spec import ChunkingSpec  # noqa: E402
from llmopt_core.documents.load import load_documents  # noqa: E402
from llmopt_core.documents.questions import load_questions  # noqa: E402
from llmopt_core.index.build import build_index  # noqa: E402
from llmopt_core.index.embedding_cache import encode_with_cache  # noqa: E402
from llmopt_core.index.exact import exact_search  # noqa: E402
from llmopt_core.index.index import Index  # noqa: E402
from llmopt_core.models.base import EmbeddingSpec  # noqa: E402
from llmopt_core.models.registry import Models  # noqa: E402
from llmopt_core.retrieval.metrics import span_measures  # noqa: E402
from llmopt_core.retrieval.retrieve import Retriever  # noqa: E402
from llmopt_core.retrieval.spec import RerankSpec, RetrievalSpec, SearchSpec, TransformSpec  # noqa: E402
from llmopt_core.runs.store import Store  # noqa: E402
from llmopt_core.statistics.intervals import summarize  # noqa: E402
from llmopt_core.statistics.paired_comparison import compare_pairs  # noqa: E402
from llmopt_core.types import Chunk, Document, Example  # noqa: E402

EMBEDDING = EmbeddingSpec()
HYBRID = SearchSpec(method="hybrid")
LATE = RerankSpec(method="late-interaction")
WAYS = {
    "dense": RetrievalSpec(search=SearchSpec(method="dense"), top_k=10),
    "bm25": RetrievalSpec(search=SearchSpec(method="bm25"), top_k=10),
    "hybrid, by ranks": RetrievalSpec(search=HYBRID, top_k=10),
    "hybrid, by scores": RetrievalSpec(search=SearchSpec(method="hybrid", fusion="weighted"), top_k=10),
    "dense + late interaction": RetrievalSpec(search=SearchSpec(method="dense"), rerank=LATE, top_k=10),
    "hybrid + late interaction": RetrievalSpec(search=HYBRID, rerank=LATE, top_k=10),
}

DENSE = SearchSpec(method="dense")
LLM_WAYS = {
    "dense": WAYS["dense"],
    **{
        f"{method}, {n} texts": RetrievalSpec(search=DENSE, transform=TransformSpec(method=method, n=n), top_k=10)
        for method, n in (("hyde", 1), ("hyde", 3), ("multi-query", 3), ("decompose", 3), ("step-back", 1))
    },
    **{
        method: RetrievalSpec(search=DENSE, rerank=RerankSpec(method=method, candidates=10), top_k=10)
        for method in ("llm-likelihood", "llm-yes-no", "llm-listwise")
    },
}


def windows(documents: Sequence[Document], wanted: int, words: int = 45) -> list[Chunk]:
    """So many overlapping windows of words, over all documents."""
    total = sum(len(document.text.split()) for document in documents)
    step = max(1, total // wanted)
    matches = []
    for document in documents:
        places = [match.span() for match in re.finditer(r"\S+", document.text)]
        for first in range(0, len(places), step):
            start, end = places[first][0], places[min(first + words, len(places)) - 1][1]
            matches.append(Chunk(document.name, start, end, document.text[start:end]))
    return matches[:wanted]


async def speed(index: Index, questions: Sequence[str], models: Models, cache: Cache) -> None:
    encode_with_cache(questions, models.embedder(EMBEDDING), cache)
    retriever = Retriever(RetrievalSpec(search=HYBRID, top_k=10), index, models, cache)
    await retriever.retrieve(questions[0])
    stages, whole = [], []
    for question in questions:
        start = time.perf_counter()
        retrieval = await retriever.retrieve(question)
        whole.append(time.perf_counter() - start)
        stages.append(sum(stage.seconds for stage in retrieval.trace if stage.stage != "embed"))
    print(f"dense + BM25 + fusion over {len(index.chunks)} chunks: p50 {_p50(stages)} (under 30 ms wanted)")
    print(f"the whole call with its embedding cached: p50 {_p50(whole)}")


def exactness(index: Index, vectors: np.ndarray) -> None:
    exact = exact_search(index.matrix, vectors, 10)
    result = index.search_dense(vectors, 10)
    # Windows may have equal vectors: what is as near as the tenth counts as found.
    shares = [
        np.mean([hit.score >= best[-1][1] - 1e-5 for hit in hits]) for hits, best in zip(result, exact, strict=True)
    ]
    print(f"recall@10 against exact search, {len(vectors)} questions: {np.mean(shares):.4f} (at least 0.99 wanted)")


async def reranking(index: Index, questions: Sequence[str], models: Models) -> None:
    spec = RetrievalSpec(search=SearchSpec(candidates=30), rerank=LATE, top_k=10)
    cache = MemoryCache()
    for name in ("token vectors made on the way", "token vectors kept"):
        # The scores of the first round must not answer the second.
        kept = _Without(cache, "rerank")
        retriever = Retriever(spec, index, models, kept)
        await retriever.retrieve(questions[0])
        retrieval = (
            await retriever.retrieve_many(questions)
            if "way" in name
            else [await retriever.retrieve(question) for question in questions]
        )
        seconds = [stage.seconds for one in retrieval for stage in one.trace if stage.stage == "rerank"]
        print(f"late interaction on 30 candidates, {name}: p50 {_p50(seconds)}")


class _Without:
    """A cache that forgets one stage."""

    def __init__(self, inner: Cache, stage: str) -> None:
        self._inner, self._stage = inner, stage

    def get_many(self, stage: str, keys: Sequence[str]) -> dict[str, bytes]:
        """Nothing of that stage."""
        return {} if stage == self._stage else self._inner.get_many(stage, keys)

    def put_many(self, stage: str, values: dict[str, bytes]) -> None:
        """Nothing of that stage."""
        if stage != self._stage:
            self._inner.put_many(stage, values)


async def quality(
    ways: Mapping[str, RetrievalSpec], index: Index, examples: Sequence[Example], models: Models, cache: Cache
) -> None:
    print(f"\n{len(examples)} questions, {len(index.chunks)} chunks   first   of three   MRR of ten   against dense")
    base: list[float] = []
    for name, spec in ways.items():
        retriever = await Retriever(spec, index, models, cache).retrieve_many(
            [example.question for example in examples]
        )
        spans = [[hit.chunk.span for hit in one.hits] for one in retriever]
        rows = list(zip(spans, (example.references for example in examples), strict=True))
        first, third = (np.mean([span_measures(s, r, k)["recall"] for s, r in rows]) for k in (1, 3))
        mrr = [span_measures(s, r, 10)["mrr"] for s, r in rows]
        base = base or mrr
        warned = sum(bool(one.warnings) for one in retriever)
        note = f"  ({warned} fell back)" if warned else ""
        print(f"{name:28s} {first:8.3f} {third:9.3f}   {_interval(mrr)}   {_difference(mrr, base)}{note}", flush=True)


def _interval(values: Sequence[float]) -> str:
    result = summarize(list(values))
    return f"{result.mean:.3f} [{result.low:.3f}, {result.high:.3f}]"


def _difference(values: Sequence[float], base: Sequence[float]) -> str:
    if values is base:
        return ""
    comparison = compare_pairs(list(base), list(values))
    return f"{comparison.difference:+.3f} [{comparison.low:+.3f}, {comparison.high:+.3f}] {comparison.verdict}"


def _p50(seconds: Sequence[float]) -> str:
    return f"{1000 * statistics.median(seconds):.1f} ms"


async def run(arguments: argparse.Namespace, home: Path) -> None:
    settings = Settings(home=home)
    cache = Store.open(settings).cache
    documents = load_documents([arguments.documents])
    examples = list(load_questions(arguments.questions, arguments.questions.name, documents).examples)
    questions = [example.question for example in examples]
    async with Models(settings, cache, {}) as models:
        embedder = models.embedder(EMBEDDING)
        if arguments.chunks:
            chunks = windows(documents, arguments.chunks)
            big = build_index(chunks, EMBEDDING, embedder, settings, cache)
            await speed(big, questions, models, cache)
            exactness(big, encode_with_cache(questions, embedder, cache))
            await reranking(big, questions[:20], models)
        chunks = chunk_documents(documents, ChunkingSpec(method="recursive", size=arguments.size))
        index = build_index(chunks, EMBEDDING, embedder, settings, cache)
        await quality(WAYS, index, examples, models, cache)
        if arguments.llm:
            some = random.Random(0).sample(examples, min(arguments.llm, len(examples)))
            await quality(LLM_WAYS, index, some, models, cache)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--chunks", type=int, default=10_000, help="0 leaves the first three parts out")
    parser.add_argument("--llm", type=int, default=0, help="questions for the part with the built-in chat model")
    parser.add_argument("--size", type=int, default=80, help="tokens per chunk of the last part")
    parser.add_argument("--documents", type=Path, default=ROOT / "sample_data" / "documents")
    parser.add_argument("--questions", type=Path, default=ROOT / "sample_data" / "questions.jsonl")
    parser.add_argument("--home", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(arguments, arguments.home or Path(folder)))


if __name__ == "__main__":
    main()
