"""A sweep of 24 settings against the bare encoding of its distinct texts, in one process.

The data folder holds `corpora/` (text files) and `questions.csv` with reference spans, such as `xquad_chunking/en`: 24
documents and 632 questions. The sweep is everything from documents to summaries, with its vectors kept in a database
in an empty workspace. What it is measured against is `SentenceTransformer.encode` of the same distinct chunk texts and
questions, longest first in batches of 32. The goal is at most 1.3 times that.

    python benchmarks/chunk_sweep.py DATA [--settings 24] [--limit 632] [--documents 24] [--rounds 1]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.memory import peak_megabytes  # noqa: E402
from llmopt_core.settings import Settings, silence_telemetry  # noqa: E402

silence_telemetry()

from llmopt_core.chunking.chunk import chunk_documents  # noqa: E402
from llmopt_core.documents.load import load_documents  # noqa: E402
from llmopt_core.documents.questions import load_questions  # noqa: E402
from llmopt_core.labs.chunking.result import SweepResult, by_recall  # noqa: E402
from llmopt_core.labs.chunking.spec import SweepSpec, chunkings_of  # noqa: E402
from llmopt_core.labs.chunking.sweep import run_sweep  # noqa: E402
from llmopt_core.models.base import BUILTIN_EMBEDDING, Vectors  # noqa: E402
from llmopt_core.models.local.embedding import LocalEmbedder, local_embedder  # noqa: E402
from llmopt_core.models.weight_packages import embedding_folder  # noqa: E402
from llmopt_core.runs.store import Store  # noqa: E402
from llmopt_core.types import Document, EvaluationSet  # noqa: E402

METHODS = ("recursive", "fixed", "sentence", "small-to-big")
SIZES = (120, 200, 400)
OVERLAPS = (0, 20)


class Counting:
    """The built-in embedder, with the texts that reached it."""

    def __init__(self, inner: LocalEmbedder) -> None:
        self._inner = inner
        self.name, self.dimension, self.max_tokens = inner.name, inner.dimension, inner.max_tokens
        self.texts: list[str] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Counted."""
        self.texts += texts
        return self._inner.encode(texts)


def spec_of(settings: int) -> SweepSpec:
    """As many settings as asked for, at most 24: first fewer methods, then fewer sizes."""
    each = len(SIZES) * len(OVERLAPS)
    if settings >= each:
        return SweepSpec(methods=METHODS[: settings // each], sizes=SIZES, overlaps=OVERLAPS, top_k=(5,))
    return SweepSpec(methods=METHODS[:1], sizes=SIZES[: max(1, settings)], overlaps=(0,), top_k=(5,))


def sweep(documents: Sequence[Document], questions: EvaluationSet, spec: SweepSpec, embedder: Counting) -> SweepResult:
    store = Store.open(Settings(home=Path(tempfile.mkdtemp())))
    result = run_sweep(documents, questions, spec, lambda: embedder, store.cache)
    store.close()
    return result


def encode_bare(model: object, texts: Sequence[str]) -> None:
    """The model over the texts, as well as they can be handed to it."""
    ordered = sorted(texts, key=len, reverse=True)
    model.encode(ordered, batch_size=32, normalize_embeddings=True, show_progress_bar=False)  # type: ignore[attr-defined]


T = TypeVar("T")


def timed(work: Callable[[], T]) -> tuple[T, float, float]:
    """What the work gives, its seconds on the clock, and those of all processor cores."""
    wall, processor = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - wall, time.process_time() - processor


def distinct_texts(documents: Sequence[Document], questions: EvaluationSet, spec: SweepSpec) -> set[str]:
    """Every chunk text of every setting and every question, once."""
    chunks = {chunk.text for chunking in chunkings_of(spec)[0] for chunk in chunk_documents(documents, chunking)}
    return chunks | {example.question for example in questions.examples}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path, help="a folder with corpora/ and questions.csv")
    parser.add_argument("--settings", type=int, default=24)
    parser.add_argument("--limit", type=int, default=632, help="questions")
    parser.add_argument("--documents", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    from sentence_transformers import SentenceTransformer

    documents = load_documents([arguments.data / "corpora"])
    questions = load_questions(arguments.data / "questions.csv", documents=documents)
    documents = documents[: arguments.documents]
    kept = {document.name for document in documents}
    examples = [example for example in questions.examples if example.references[0].document in kept]
    questions = EvaluationSet(questions.name, tuple(examples[: arguments.limit]))
    spec = spec_of(arguments.settings)
    embedder = local_embedder(BUILTIN_EMBEDDING, Settings.from_environment().threads)
    bare = SentenceTransformer(str(embedding_folder()), device="cpu")
    warm = [document.text[:2000] for document in documents[:8]]
    embedder.encode(warm), encode_bare(bare, warm)
    texts = sorted(distinct_texts(documents, questions, spec))
    loaded = peak_megabytes()
    ratios = []
    for _ in range(arguments.rounds):
        counting = Counting(embedder)
        load = os.getloadavg()[0]
        _, raw, raw_processor = timed(lambda: encode_bare(bare, texts))
        result, whole, processor = timed(lambda: sweep(documents, questions, spec, counting))  # noqa: B023
        assert sorted(counting.texts) == texts, "a text was embedded twice, or one that is none of the sweep's"
        ratios.append((whole / raw, processor / raw_processor))
        print(f"sweep                  {whole:.1f} s, {processor:.1f} s of processor time")
        print(f"encode alone           {raw:.1f} s, {raw_processor:.1f} s of processor time")
        print(f"load before {load:.1f}, after {os.getloadavg()[0]:.1f}")
    best = result.settings[by_recall(result)[0]]
    print(
        f"{len(result.settings)} settings, {len(documents)} documents, {len(questions.examples)} questions, "
        f"{len(texts):,} distinct texts, each embedded once"
    )
    wall, by_processor = min(r for r, _ in ratios), min(r for _, r in ratios)
    print(f"ratio                  {wall:.2f} by the clock, {by_processor:.2f} by processor time (at most 1.3 wanted)")
    print(f"peak memory            {peak_megabytes():.0f} MB, {loaded:.0f} MB of it with the models loaded")
    print(f"highest recall         {best.summaries['recall'].mean:.3f}")


if __name__ == "__main__":
    main()
