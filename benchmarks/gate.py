"""How often a gate fails between equal systems, and how often it catches a loss of ten points.

    python benchmarks/gate.py [--draws 1000] [--only NAME,NAME]

Each gate is `decide`, what `llmopt gate` calls, on two made results of 200 questions: exit code 0 passed, 1 failed, 3
cannot tell. Passes differ on a share of the questions, as those of two versions of one pipeline do. Grades are like
answer F1: a question has its own difficulty, and a share of the answers is another one.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from llmopt_core.experiments import result as result_module  # noqa: E402
from llmopt_core.labs.evaluation.gate.baseline import Baseline  # noqa: E402
from llmopt_core.labs.evaluation.gate.decide import decide  # noqa: E402
from llmopt_core.labs.evaluation.gate.rules import NoRegression, Rules  # noqa: E402
from tests.result_files import result_of, run_of  # noqa: E402

# The questions are the same in each gate, and their hashes would take most of the time.
result_module.example_content = cache(result_module.example_content)
QUESTIONS = 200
MARGIN = 0.02
Sides = tuple[Any, Any]
Draw = Callable[[np.random.Generator], Sides]


def passes(share: float, drop: float) -> Draw:
    """A share of the answers differs; so many points more are lost than gained."""
    gain, loss = (share - drop) / 2, (share + drop) / 2

    def draw(rng: np.random.Generator) -> Sides:
        # Seven in ten pass on both sides where nothing differs.
        before = rng.random(QUESTIONS) < 0.7
        u = rng.random(QUESTIONS)
        after = np.where(u < gain, True, np.where(u < gain + loss, False, before))
        before = np.where(u < gain, False, np.where(u < gain + loss, True, before))
        return before.astype(float), after.astype(float)

    return draw


def _answers(rng: np.random.Generator, ease: Any) -> Any:
    """F1 of one answer to each question: none, all, or some words right."""
    u = rng.random(len(ease))
    return np.where(u < 0.6 * (1 - ease), 0.0, np.where(u > 1 - 0.5 * ease, 1.0, rng.beta(1 + 3 * ease, 3 - 2 * ease)))


def grades(share: float, drop: float) -> Draw:
    """A share of the answers is another one to the same question; they lose so many points over all questions."""

    def draw(rng: np.random.Generator) -> Sides:
        ease = rng.beta(2, 1.5, QUESTIONS)
        before = _answers(rng, ease)
        is_other = rng.random(QUESTIONS) < share
        after = np.where(is_other, _answers(rng, ease), before)
        # By whole answers: some that were worth something are worth nothing any more.
        lost = rng.random(QUESTIONS) < drop / _LEVEL
        return before, np.where(lost, 0.0, after)

    return draw


_LEVEL = float(np.mean(_answers(np.random.default_rng(1), np.random.default_rng(2).beta(2, 1.5, 400_000))))


def documents(rng: np.random.Generator) -> Sides:
    """Equal systems, 40 documents of five questions: three in ten documents rise or fall as a whole."""
    before = rng.random(QUESTIONS) < 0.7
    moved = np.repeat(rng.choice([-1, 0, 1], 40, p=[0.15, 0.7, 0.15]), 5)
    # Risen ones fail before, fallen ones after; both pass on the other side.
    low, high = np.where(moved > 0, False, before), np.where(moved > 0, True, before)
    return np.where(moved < 0, True, low).astype(float), np.where(moved < 0, False, high).astype(float)


EQUAL: Mapping[str, Draw] = {
    "passes, 5 % differ": passes(0.05, 0.0),
    "passes, 10 % differ": passes(0.10, 0.0),
    "passes, 20 % differ": passes(0.20, 0.0),
    "passes, 40 % differ": passes(0.40, 0.0),
    "answer F1, a tenth of the answers are others": grades(0.1, 0.0),
    "answer F1, a third of the answers are others": grades(0.33, 0.0),
    "answer F1, all answers are others": grades(1.0, 0.0),
    "passes, whole documents rise and fall": documents,
}
LOSS: Mapping[str, Draw] = {
    "passes, 10 % differ": passes(0.10, 0.10),
    "passes, 15 % differ": passes(0.15, 0.10),
    "passes, 20 % differ": passes(0.20, 0.10),
    "passes, 25 % differ": passes(0.25, 0.10),
    "passes, 30 % differ": passes(0.30, 0.10),
    "answer F1, a tenth of the answers are others": grades(0.1, 0.1),
    "answer F1, a third of the answers are others": grades(0.33, 0.1),
    "answer F1, all answers are others": grades(1.0, 0.1),
}


def codes(draw: Draw, draws: int, seed: int, metrics: int = 1) -> Counter[int]:
    """The exit codes of so many gates, each of so many metrics."""
    rng = np.random.default_rng(seed)
    names = [f"metric {i}" for i in range(metrics)]
    rules = Rules(tuple(NoRegression(name, MARGIN) for name in names))
    result: Counter[int] = Counter()
    for _ in range(draws):
        sides = {name: draw(rng) for name in names}
        old, new = (
            result_of(run_of("rag", {name: pair[side].tolist() for name, pair in sides.items()}, has_means=False))
            for side in (0, 1)
        )
        if draw is documents:
            for i, record in enumerate(new["runs"][0]["records"]):
                record["references"] = [{"document": f"{i // 5}.md", "start": 0, "end": 1}]
        result[decide(new, rules, Baseline("old", old)).exit_code] += 1
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--only", default="", help="Parts of names, separated by commas.")
    asked = parser.parse_args()
    wanted = asked.only.split(",") if asked.only else [""]

    def show(title: str, cases: Mapping[str, Draw], metrics: int = 1) -> None:
        print(f"{title}: % failed, cannot tell, passed", flush=True)
        for number, (name, draw) in enumerate(cases.items()):
            if any(part in name for part in wanted):
                result = codes(draw, asked.draws, number, metrics)
                shares = ", ".join(f"{100 * result[code] / asked.draws:.1f}" for code in (1, 3, 0))
                print(f"  {name:46} {shares}", flush=True)

    show("equal systems", EQUAL)
    show("equal systems, six metrics in one gate", {name: EQUAL[name] for name in list(EQUAL)[2:6:2]}, 6)
    show("ten points lost", LOSS)


if __name__ == "__main__":
    main()
