"""Questions that are retrieved for at once, against one at a time: the same work in alternating rounds of one run.

Before, one lock let one question work at a time, with all threads of torch; now there are as many lanes as threads.
Each round has its own cache, so that every question is embedded and reranked anew; the hits must be the same.

    python benchmarks/concurrent_retrieval.py [--rounds 5] [--at-once 8] [--documents DIR] [--questions FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from llmopt_core.settings import Settings, silence_telemetry  # noqa: E402

silence_telemetry()

from llmopt_core.cache import MemoryCache  # noqa: E402
from llmopt_core.chunking.chunk import chunk_documents  # noqa: E402
from llmopt_core.chunking.spec import ChunkingSpec  # noqa: E402
from llmopt_core.documents.load import load_documents  # noqa: E402
from llmopt_core.documents.questions import load_questions  # noqa: E402
from llmopt_core.execution.lanes import LANES  # noqa: E402
from llmopt_core.index.build import build_index  # noqa: E402
from llmopt_core.index.index import Index  # noqa: E402
from llmopt_core.models.base import EmbeddingSpec  # noqa: E402
from llmopt_core.models.local import embedding  # noqa: E402
from llmopt_core.models.registry import Models  # noqa: E402
from llmopt_core.retrieval.retrieve import Retriever  # noqa: E402
from llmopt_core.retrieval.spec import RerankSpec, RetrievalSpec, SearchSpec  # noqa: E402

SPECS = {
    "dense": RetrievalSpec(search=SearchSpec(method="dense")),
    "hybrid": RetrievalSpec(search=SearchSpec(method="hybrid")),
    "hybrid + late interaction": RetrievalSpec(
        search=SearchSpec(method="hybrid"), rerank=RerankSpec(method="late-interaction")
    ),
}
FEW = embedding._FEW


async def one_round(
    spec: RetrievalSpec, index: Index, models: Models, questions: Sequence[str], at_once: int
) -> tuple[float, float, list[list[str]]]:
    """Seconds by the clock and of the processor, and the chunks found."""
    retriever = Retriever(spec, index, models, MemoryCache())
    await retriever.retrieve(questions[0])
    room = asyncio.Semaphore(at_once)

    async def one(question: str) -> list[str]:
        async with room:
            return [hit.chunk.id for hit in (await retriever.retrieve(question)).hits]

    started, worked = time.perf_counter(), time.process_time()
    results = await asyncio.gather(*map(one, questions))
    return time.perf_counter() - started, time.process_time() - worked, list(results)


async def run(arguments: argparse.Namespace, home: Path) -> None:
    settings = Settings.from_environment().model_copy(update={"home": home})
    documents = load_documents([arguments.documents])
    examples = load_questions(arguments.questions, arguments.questions.name, documents).examples
    questions = [example.question for example in examples]
    async with Models(settings, MemoryCache(), {}) as models:
        spec = EmbeddingSpec()
        chunks = chunk_documents(documents, ChunkingSpec(method="recursive", size=200))
        index = build_index(chunks, spec, models.embedder(spec), settings, MemoryCache())
        print(
            f"{len(questions)} questions, {arguments.at_once} at once, {len(chunks)} chunks, {settings.threads} threads"
        )
        for name, retrieval in SPECS.items():
            by_clock, by_processor, same = [], [], True
            for _ in range(arguments.rounds):
                # A batch of one already wants all threads, and there is one lane: as it was with one lock.
                embedding._FEW = 0
                LANES.resize(1)
                before = await one_round(retrieval, index, models, questions, arguments.at_once)
                embedding._FEW = FEW
                LANES.resize(settings.threads)
                after = await one_round(retrieval, index, models, questions, arguments.at_once)
                by_clock.append(before[0] / after[0])
                by_processor.append(before[1] / after[1])
                same = same and before[2] == after[2]
            print(
                f"{name}: {statistics.median(by_clock):.2f} x the questions per second "
                f"({min(by_clock):.2f} to {max(by_clock):.2f}), {1 / statistics.median(by_processor):.2f} x the "
                f"processor time; hits {'the same' if same else 'DIFFER'}"
            )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--documents", type=Path, default=ROOT / "sample_data" / "documents")
    parser.add_argument("--questions", type=Path, default=ROOT / "sample_data" / "questions.jsonl")
    with tempfile.TemporaryDirectory() as home:
        asyncio.run(run(parser.parse_args(), Path(home)))


if __name__ == "__main__":
    main()
