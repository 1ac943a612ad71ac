"""Which components of retrieval help and which hurt: each against plain dense search on the same questions.

1. For each `--squad NAME=FILE` (SQuAD's JSON: XQuAD, CMRC 2018 ...): BM25, hybrid search, and late interaction over 30
   candidates; recall of 1 and of 5, MRR of 10, the paired difference of MRR, and the milliseconds of a rerank.
2. For `--selqa FILE` (lines with `question`, `candidates`, `answers`): order the candidate sentences of each question.
3. With `--llm N`, on N questions of the first file, the query transforms written by the built-in chat model, and its
   rerankers over the first 10 candidates. `--only-llm` leaves the rest out.

    python benchmarks/retrieval_components.py --squad "XQuAD English=xquad.en.json" --squad "CMRC=cmrc.json" \
        --selqa selqa-ass-dev.jsonl [--questions 200] [--llm 40] [--home DIR]

With `--home` vectors and calls are kept there, and a second run is fast.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from llmopt_core.settings import Settings, silence_telemetry  # noqa: E402

silence_telemetry()

from llmopt_core.cache import Cache, MemoryCache  # noqa: E402
from llmopt_core.chunking.chunk import chunk_documents  # noqa: E402
from llmopt_core.chunking.spec import ChunkingSpec  # noqa: E402
from llmopt_core.index.build import build_index  # noqa: E402
from llmopt_core.index.embedding_cache import encode_with_cache  # noqa: E402
from llmopt_core.index.index import Index  # noqa: E402
from llmopt_core.models.base import EmbeddingSpec, ModelSpec  # noqa: E402
from llmopt_core.models.registry import Models  # noqa: E402
from llmopt_core.retrieval.late_interaction import LateInteractionReranker  # noqa: E402
from llmopt_core.retrieval.metrics import id_measures, span_measures  # noqa: E402
from llmopt_core.retrieval.retrieve import Retriever  # noqa: E402
from llmopt_core.retrieval.spec import RerankSpec, RetrievalSpec, SearchSpec, TransformSpec  # noqa: E402
from llmopt_core.runs.store import Store  # noqa: E402
from llmopt_core.statistics.intervals import summarize  # noqa: E402
from llmopt_core.statistics.paired_comparison import compare_pairs  # noqa: E402
from llmopt_core.types import Document, Example, Span, fingerprint  # noqa: E402

EMBEDDING = EmbeddingSpec()
DENSE = SearchSpec(method="dense")
LATE = RerankSpec(method="late-interaction")
WEIGHTED = SearchSpec(method="hybrid", fusion="weighted")
WAYS = {
    "dense": RetrievalSpec(search=DENSE, top_k=10),
    "BM25 alone": RetrievalSpec(search=SearchSpec(method="bm25"), top_k=10),
    "+ BM25 by ranks": RetrievalSpec(search=SearchSpec(method="hybrid"), top_k=10),
    "+ BM25 by scores": RetrievalSpec(search=WEIGHTED, top_k=10),
    "+ late interaction": RetrievalSpec(search=DENSE, rerank=LATE, top_k=10),
    "+ BM25 by scores + late interaction": RetrievalSpec(search=WEIGHTED, rerank=LATE, top_k=10),
}
WRITER = ModelSpec(max_tokens=48)
TRANSFORMS = {
    "dense": WAYS["dense"],
    **{
        f"+ {name}": RetrievalSpec(search=DENSE, transform=TransformSpec(method=method, n=n, model=WRITER), top_k=10)  # type: ignore[arg-type]
        for name, method, n in (
            ("HyDE, one passage", "hyde", 1),
            ("two other wordings", "multi-query", 2),
            ("sub-questions", "decompose", 2),
            ("step-back", "step-back", 1),
        )
    },
}
READ = 10
"""Candidates that an LLM reranker reads."""
LLM_RERANKERS = {
    f"+ {name}": RetrievalSpec(search=DENSE, rerank=RerankSpec(method=method, llm=model, candidates=READ), top_k=10)  # type: ignore[arg-type]
    for name, method, model in (
        ("LLM: likelihood of the question", "llm-likelihood", ModelSpec()),
        ("LLM: yes or no", "llm-yes-no", ModelSpec()),
        ("LLM: order of all", "llm-listwise", WRITER),
    )
}


def squad(path: Path, questions: int) -> tuple[list[Document], list[Example]]:
    """Every paragraph as a document, and a fixed sample of the questions."""
    documents, examples = [], []
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            name = f"{len(documents):04d}.txt"
            documents.append(Document(name, paragraph["context"]))
            examples += [_example(name, row) for row in paragraph["qas"]]
    usable = [example for example in examples if example is not None]
    return documents, random.Random(0).sample(usable, min(questions, len(usable)))


def _example(document: str, row: Mapping[str, object]) -> Example | None:
    answers = [answer for answer in row["answers"] if answer["answer_start"] >= 0]  # type: ignore[attr-defined]
    spans = {Span(document, a["answer_start"], a["answer_start"] + len(a["text"])) for a in answers}
    return Example(str(row["id"]), str(row["question"]), references=tuple(spans)) if spans else None


async def against_dense(
    ways: Mapping[str, RetrievalSpec], index: Index, examples: Sequence[Example], models: Models, cache: Cache
) -> None:
    """One line per way."""
    base: list[float] = []
    for name, spec in ways.items():
        start = time.perf_counter()
        retriever = await Retriever(spec, index, models, cache).retrieve_many(
            [example.question for example in examples]
        )
        seconds = time.perf_counter() - start
        rows = [
            ([hit.chunk.span for hit in one.hits], e.references) for one, e in zip(retriever, examples, strict=True)
        ]
        recalls = [statistics.mean(span_measures(s, r, k)["recall"] for s, r in rows) for k in (1, 5)]
        mrr = [span_measures(s, r, 10)["mrr"] for s, r in rows]
        base = base or mrr
        _line(name, recalls, mrr, base, seconds / len(rows), sum(bool(one.warnings) for one in retriever))


def _line(
    name: str, recalls: Sequence[float], mrr: Sequence[float], base: Sequence[float], seconds: float, warned: int = 0
) -> None:
    mean = summarize(list(mrr))
    told = ""
    if mrr is not base:
        comparison = compare_pairs(list(base), list(mrr))
        ends = (
            f"[{comparison.low:+.3f}, {comparison.high:+.3f}]"
            if comparison.low is not None and comparison.high is not None
            else ""
        )
        told = f"{comparison.difference:+.3f} {ends} {comparison.verdict}"
    note = f"  ({warned} fell back)" if warned else ""
    shown = "  ".join(f"{value:.3f}" for value in recalls)
    print(f"| {name:36s} | {shown} | {mean.mean:.3f} | {told} | {seconds * 1000:.0f} ms |{note}", flush=True)


async def rerank_time(index: Index, examples: Sequence[Example], models: Models, cache: Cache) -> None:
    """Late interaction on 30 candidates, one question after the other, with the scores not kept."""
    retriever = Retriever(RetrievalSpec(search=DENSE, rerank=LATE, top_k=10), index, models, _NoScores(cache))
    seconds = []
    for example in [examples[0], *examples[:20]]:
        retrieval = await retriever.retrieve(example.question)
        seconds.append(next(stage.seconds for stage in retrieval.trace if stage.stage == "rerank"))
    print(f"rerank of 30 candidates, token vectors kept: p50 {statistics.median(seconds[1:]) * 1000:.1f} ms")


class _NoScores:
    """A cache that knows no rerank scores."""

    def __init__(self, inner: Cache) -> None:
        self._inner = inner

    def get_many(self, stage: str, keys: Sequence[str]) -> dict[str, bytes]:
        """See `Cache.get_many`."""
        return {} if stage == "rerank" else self._inner.get_many(stage, keys)

    def put_many(self, stage: str, values: Mapping[str, bytes]) -> None:
        """See `Cache.put_many`."""
        if stage != "rerank":
            self._inner.put_many(stage, values)


def candidates(path: Path, questions: int) -> list[dict[str, Any]]:
    """A fixed sample of SelQA's questions, each with its candidate sentences and the places of the right ones."""
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row["answers"] and len(row["candidates"]) > 1]
    return random.Random(0).sample(rows, min(questions, len(rows)))


async def sentences(rows: Sequence[dict[str, Any]], models: Models, cache: Cache) -> None:
    """Order the candidate sentences of each question: by meaning, and by late interaction."""
    texts = list(dict.fromkeys(text for row in rows for text in row["candidates"]))
    embedder = models.embedder(EMBEDDING)
    asked = encode_with_cache([row["question"] for row in rows], embedder, cache)
    known = dict(zip(texts, encode_with_cache(texts, embedder, cache), strict=True))
    late = LateInteractionReranker(models.token_embedder(), texts, fingerprint(texts), cache)
    tables: dict[str, list[dict[str, float]]] = {"dense": [], "+ late interaction": []}
    start = time.perf_counter()
    for row, vector in zip(rows, asked, strict=True):
        tables["dense"].append(_ordered(row, [float(known[text] @ vector) for text in row["candidates"]]))
        scores, _ = await late.score(row["question"], row["candidates"])
        tables["+ late interaction"].append(_ordered(row, scores))
    each = (time.perf_counter() - start) / len(rows)
    print(f"\nSelQA: {len(rows)} questions, {len(texts)} candidate sentences, {each * 1000:.1f} ms each")
    base = [one["mrr"] for one in tables["dense"]]
    for name, found in tables.items():
        first = statistics.mean(one["hit_rate_1"] for one in found)
        _line(name, [first], base if name == "dense" else [one["mrr"] for one in found], base, each)


def _ordered(row: Mapping[str, list[int]], scores: Sequence[float]) -> dict[str, float]:
    order = [str(place) for place in sorted(range(len(scores)), key=lambda place: -scores[place])]
    relevant = [str(place) for place in row["answers"]]
    return {
        "mrr": id_measures(order, relevant, len(order))["mrr"],
        "hit_rate_1": id_measures(order, relevant, 1)["hit_rate"],
    }


async def run(arguments: argparse.Namespace, home: Path) -> None:
    """Everything that was asked for; what asks the chat model last."""
    settings = Settings(home=home)
    cache: Cache = Store.open(settings).cache if arguments.home else MemoryCache()
    async with Models(settings, cache, {}) as models:
        first: tuple[str, Index, list[Example]] | None = None
        for named in arguments.squad:
            name, _, path = named.partition("=")
            documents, examples = squad(Path(path), arguments.questions)
            chunks = chunk_documents(documents, ChunkingSpec(size=arguments.size))
            index = build_index(chunks, EMBEDDING, models.embedder(EMBEDDING), settings, cache)
            print(f"\n{name}: {len(examples)} questions, {len(chunks)} chunks of at most {arguments.size} tokens")
            first = first or (name, index, examples)
            if arguments.only_llm:
                break
            print("| | recall of 1, of 5 | MRR of 10 | against dense (MRR) | per question |")
            await against_dense(WAYS, index, examples, models, cache)
            await rerank_time(index, examples, models, cache)
        if arguments.selqa:
            await sentences(candidates(arguments.selqa, arguments.questions), models, cache)
        if arguments.llm and first is not None:
            name, index, examples = first
            print(
                f"\n{name}, {arguments.llm} questions: texts and order of the first {READ} by the built-in chat model"
            )
            await against_dense(TRANSFORMS | LLM_RERANKERS, index, examples[: arguments.llm], models, cache)


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--squad", action="append", default=[], metavar="NAME=FILE", help="may be given several times")
    parser.add_argument("--selqa", type=Path)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--llm", type=int, default=0)
    parser.add_argument("--only-llm", action="store_true")
    parser.add_argument("--size", type=int, default=80, help="tokens per chunk")
    parser.add_argument("--home", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(arguments, arguments.home or Path(folder)))


if __name__ == "__main__":
    main()
