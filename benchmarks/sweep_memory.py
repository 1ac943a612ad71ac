"""The memory of a dense sweep over a large corpus: one process, the built-in embedding model, a new workspace.

The corpus is made-up prose as in `chunking.py`, in documents of equal length; each question asks for one of its
sentences. After every phase the most memory that the process has held so far is printed; the goal is at most 2 GB for
50 MB. Embedding 50 MB takes about half an hour on two cores.

    python benchmarks/sweep_memory.py [--megabytes 50] [--documents 1000] [--size 200] [--questions 200]
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.chunking import prose  # noqa: E402
from benchmarks.memory import peak_megabytes  # noqa: E402
from llmopt_core.settings import Settings, silence_telemetry  # noqa: E402

silence_telemetry()

from llmopt_core.labs.chunking.progress import Reporter  # noqa: E402
from llmopt_core.labs.chunking.spec import SweepSpec  # noqa: E402
from llmopt_core.labs.chunking.sweep import run_sweep  # noqa: E402
from llmopt_core.models.base import EmbeddingSpec  # noqa: E402
from llmopt_core.models.registry import Models  # noqa: E402
from llmopt_core.runs.store import Store  # noqa: E402
from llmopt_core.types import Document, EvaluationSet, Example, Span  # noqa: E402


def corpus(characters: int, count: int) -> list[Document]:
    text, step = prose(characters), characters // count
    return [Document(f"{i:05}.txt", text[i * step : (i + 1) * step]) for i in range(count)]


def questions_for(documents: list[Document], count: int) -> EvaluationSet:
    dice = random.Random(0)
    examples = []
    for number in range(count):
        document = dice.choice(documents)
        start = document.text.find(" ", dice.randrange(len(document.text) - 400)) + 1
        words = document.text[start : start + 120]
        examples.append(Example(f"q{number}", words[:80], None, (Span(document.name, start, start + 120),)))
    return EvaluationSet("made", tuple(examples))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=50)
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--size", type=int, default=200)
    parser.add_argument("--questions", type=int, default=200)
    arguments = parser.parse_args()
    started = time.monotonic()

    def told(what: str) -> None:
        print(f"{time.monotonic() - started:7.0f} s  {peak_megabytes():6.0f} MB  {what}", flush=True)

    documents = corpus(int(arguments.megabytes * 1_000_000), arguments.documents)
    questions = questions_for(documents, arguments.questions)
    told("corpus made")
    settings = Settings(home=Path(tempfile.mkdtemp()))
    store, models = Store.open(settings), Models(Settings.from_environment())
    spec = SweepSpec(methods=("recursive",), sizes=(arguments.size,), overlaps=(0,), top_k=(5,))
    said = [""]

    def on_progress(step: dict[str, Any]) -> None:
        if step["message"] != said[0]:
            said[0] = step["message"]
            told(f"begins: {said[0]}")

    result = run_sweep(
        documents, questions, spec, lambda: models.embedder(EmbeddingSpec()), store.cache, Reporter(on_progress)
    )
    told("done")
    best = result.settings[0]
    print(f"{result.embedded:,} texts embedded, recall {best.summaries['recall'].mean:.3f}")


if __name__ == "__main__":
    main()
