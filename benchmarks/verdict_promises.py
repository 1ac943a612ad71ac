"""Whether what a verdict promises beside its word holds: equivalence, more questions, power, intervals, every pair.

    python benchmarks/verdict_promises.py [--draws 400] [--only equivalent,more,power,intervals,pairs]

`equivalent`: how often systems that differ by exactly the margin are called so (the promise is 5 % at most). `more`: in
samples where nobody can tell, how often as many questions as were named show the true difference, by its size.
`power`: the share that was told before a run against the share that is seen. `intervals`: how often Wilson's interval
holds a pass rate. `pairs`: of all pairs of equal runs, how often any is called better or worse.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from llmopt_core.experiments.comparison_matrix import compare_all  # noqa: E402
from llmopt_core.experiments.run_scores import RunScoreTable  # noqa: E402
from llmopt_core.runs.values import RunScores  # noqa: E402
from llmopt_core.statistics.intervals import summarize  # noqa: E402
from llmopt_core.statistics.paired_comparison import compare_pairs  # noqa: E402
from llmopt_core.statistics.power import power  # noqa: E402

SEEN = ("better", "worse")
Pairs = tuple[list[float], list[float]]


def passes(rng: np.random.Generator, n: int, share: float, difference: float) -> Pairs:
    """Passes of two runs of which a share differs; `difference` is the true one."""
    u = rng.random(n)
    gain = (share + difference) / 2
    before = np.where(u < gain, 0.0, np.where(u < share, 1.0, (rng.random(n) < 0.6) * 1.0))
    after = np.where(u < gain, 1.0, np.where(u < share, 0.0, before))
    return before.tolist(), after.tolist()


def grades(rng: np.random.Generator, n: int, difference: float) -> Pairs:
    """Grades between 0 and 1 that scatter about their difference."""
    before = rng.uniform(0.2, 0.7, n)
    return before.tolist(), (before + difference + rng.uniform(-0.2, 0.2, n)).tolist()


def equivalent(rng: np.random.Generator, draws: int) -> None:
    """False equivalence at exactly the margin."""
    for n in (50, 200, 800):
        of_passes = [compare_pairs(*passes(rng, n, 0.06, 0.05)).verdict for _ in range(draws)]
        of_grades = [compare_pairs(*grades(rng, n, 0.05)).verdict for _ in range(draws)]
        shares = [100 * one.count("equivalent") / draws for one in (of_passes, of_grades)]
        print(f"equivalent, true difference .05 = margin, n = {n}: passes {shares[0]:.1f} %, grades {shares[1]:.1f} %")


def more(rng: np.random.Generator, draws: int) -> None:
    """As many questions as were named, where the difference in the sample is the true one."""
    kinds: dict[str, Callable[[int], Pairs]] = {
        "passes, 20 % differ, +.08": lambda n: passes(rng, n, 0.2, 0.08),
        "passes, 30 % differ, +.05": lambda n: passes(rng, n, 0.3, 0.05),
        "grades, +.03": lambda n: grades(rng, n, 0.03),
    }
    for name, draw in kinds.items():
        named = []
        while len(named) < 40:
            a, b = draw(60)
            found = compare_pairs(a, b)
            true = {"passes, 20 % differ, +.08": 0.08, "passes, 30 % differ, +.05": 0.05}.get(name, 0.03)
            # The number is about a difference of the size that was seen, so samples that saw the true one are asked.
            is_near = found.difference is not None and abs(found.difference - true) < 0.012
            if found.verdict == "cannot tell" and found.more_questions and is_near:
                named.append(60 + found.more_questions)
        total = int(np.median(named))
        seen = sum(compare_pairs(*draw(total)).verdict == "better" for _ in range(draws))
        print(
            f"more questions ({name}): {total} in all are named from 60, "
            f"seen in {100 * seen / draws:.0f} % (80 promised)"
        )


def told_power(rng: np.random.Generator, draws: int) -> None:
    """What is told before a run."""
    for n, share, difference in ((200, 0.2, 0.08), (100, 0.3, 0.15), (50, 0.2, 0.15), (20, 0.4, 0.3)):
        seen = sum(compare_pairs(*passes(rng, n, share, difference)).verdict in SEEN for _ in range(draws))
        told = power(n, share, difference)
        print(
            f"power, n = {n}, {share:.0%} differ, +{difference}: told {100 * told:.0f} %, "
            f"seen {100 * seen / draws:.0f} %"
        )


def intervals(rng: np.random.Generator, draws: int) -> None:
    """Coverage of a pass rate."""
    for n, rate in ((10, 0.95), (10, 0.5), (10, 0.8), (50, 0.95)):
        held = 0
        for _ in range(draws):
            found = summarize([float(one) for one in rng.random(n) < rate])
            held += found.low is not None and found.high is not None and found.low <= rate <= found.high
        print(f"interval of a pass rate, n = {n}, p = {rate}: holds in {100 * held / draws:.1f} %")


def pairs(rng: np.random.Generator, draws: int) -> None:
    """Every pair of eight equal runs, some scores missing on one side."""
    for name, cluster in (("questions", 1), ("questions in 20 documents", 5)):
        alarms = 0
        for _ in range(max(1, draws // 4)):
            alarms += any(one.verdict in SEEN for one in compare_all(equal_runs(rng, cluster), "m").pairs.values())
        share = 100 * alarms / max(1, draws // 4)
        print(f"every pair of 8 equal runs, 100 {name}: any better or worse in {share:.1f} %")


def equal_runs(rng: np.random.Generator, cluster: int) -> list[RunScoreTable]:
    """Runs that share what a document makes easy or hard for each of them; every twentieth score is missing."""
    ids = tuple(f"q{i:03}" for i in range(100))
    labels = {one: f"document {i // cluster}" for i, one in enumerate(ids)} if cluster > 1 else {}
    runs = []
    for number in range(8):
        level = np.repeat(rng.normal(0, 0.15, 100 // cluster), cluster)
        values = np.clip(0.5 + level + rng.normal(0, 0.15, 100), 0, 1)
        column = tuple(None if rng.random() < 0.05 else float(one) for one in values)
        runs.append(RunScoreTable(f"run {number}", 100, RunScores(ids, {"m": column}, {}), clusters=labels))
    return runs


PARTS = {"equivalent": equivalent, "more": more, "power": told_power, "intervals": intervals, "pairs": pairs}


def main() -> None:
    """Print the lines of the chosen parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--only", default=",".join(PARTS))
    arguments = parser.parse_args()
    for name in arguments.only.split(","):
        PARTS[name](np.random.default_rng(7), arguments.draws)


if __name__ == "__main__":
    main()
