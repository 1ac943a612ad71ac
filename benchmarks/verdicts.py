"""How often verdicts are wrong where there is no difference, and how often intervals hold the truth.

    python benchmarks/verdicts.py [--draws 1000] [--sizes 10,20,50,200] [--only NAME,NAME] [--part clusters|gates|speed]

For each kind of paired difference with a true mean of 0: `false`, the share of comparisons that see a difference (the
promise is 5 % at most; the interval holds the truth in all others); beside it the tests that were not chosen: the sign
flips alone, an equal-tailed bootstrap-t alone, and the share of BCa bootstrap intervals that leave out 0. `power` is
the share that sees a difference that is there. Then single means: how often the interval holds the true mean.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from llmopt_core.experiments.comparison_matrix import compare_all  # noqa: E402
from llmopt_core.experiments.leaderboard import compare_runs  # noqa: E402
from llmopt_core.experiments.run_scores import RunScoreTable  # noqa: E402
from llmopt_core.runs.values import RunScores  # noqa: E402
from llmopt_core.statistics.bootstrap_t import BootstrapT  # noqa: E402
from llmopt_core.statistics.intervals import summarize  # noqa: E402
from llmopt_core.statistics.non_inferiority import non_inferiority  # noqa: E402
from llmopt_core.statistics.paired_comparison import compare_family, compare_pairs  # noqa: E402
from llmopt_core.statistics.resampling import bootstrap_interval, flip_pairs, is_constant  # noqa: E402
from llmopt_core.statistics.sign_flips import SignFlips  # noqa: E402

SEEN = ("better", "worse")
Draw = Callable[[np.random.Generator, int], Any]


def _f1(rng: np.random.Generator, n: int) -> Any:
    """Token F1 of short answers: many zeros, some ones, the rest between."""
    u = rng.random(n)
    return np.where(u < 0.4, 0.0, np.where(u < 0.6, 1.0, rng.beta(2, 3, n)))


def _passes(gain: float, loss: float) -> Draw:
    """Gains and losses of a pass, each with its chance; the rest is equal."""

    def draw(rng: np.random.Generator, n: int) -> Any:
        u = rng.random(n)
        return np.where(u < gain, 1.0, np.where(u < gain + loss, -1.0, 0.0))

    return draw


def _skew(share: float, gain: float) -> Draw:
    """Few large gains and many small losses that weigh the same."""

    def draw(rng: np.random.Generator, n: int) -> Any:
        loss = share * gain / (1 - share)
        large = rng.random(n) < share
        return np.where(large, gain * rng.uniform(0.75, 1.25, n), -loss * rng.uniform(0.5, 1.5, n))

    return draw


def _ties(share: float) -> Draw:
    return lambda rng, n: np.where(rng.random(n) < share, 0.0, rng.choice([-1.0, -0.5, 0.5, 1.0], n))


NULL: Mapping[str, Draw] = {
    "normal": lambda rng, n: rng.normal(0, 0.3, n),
    "answer F1, two equal systems": lambda rng, n: _f1(rng, n) - _f1(rng, n),
    "80 % ties": _ties(0.8),
    "92 % ties": _ties(0.92),
    "long tails (t with 2 df)": lambda rng, n: np.clip(0.1 * rng.standard_t(2, n), -1, 1),
    "long tails (log-normal)": lambda rng, n: rng.choice([-1, 1], n) * rng.lognormal(-3, 1.5, n),
    "skew: exponential": lambda rng, n: rng.exponential(0.2, n) - 0.2,
    "skew: 30 % gains": _skew(0.3, 0.6),
    "skew: 20 % gains": _skew(0.2, 0.7),
    "skew: 10 % gains": _skew(0.1, 0.8),
    "skew: 5 % gains": _skew(0.05, 0.8),
    "passes, 60 % differ": _passes(0.3, 0.3),
    "passes, 20 % differ": _passes(0.1, 0.1),
}
SHIFTED_PASSES = {"passes, 30 % gained, 10 % lost": (0.3, 0.1), "passes, 20 % gained, none lost": (0.2, 0.0)}
REAL: Mapping[str, Draw] = {
    "normal, half a standard deviation": lambda rng, n: rng.normal(0.15, 0.3, n),
    "a quarter gains a lot, the rest ties": lambda rng, n: np.where(
        rng.random(n) < 0.25, rng.uniform(0.3, 1.0, n), 0.0
    ),
    "passes, 30 % gained, 10 % lost": _passes(0.3, 0.1),
}
MEANS: Mapping[str, Draw] = {
    "answer F1": _f1,
    "faithfulness, mostly 1": lambda rng, n: np.where(rng.random(n) < 0.75, 1.0, rng.choice([0.0, 0.5, 2 / 3], n)),
    "nearly always 1": lambda rng, n: np.where(rng.random(n) < 0.92, 1.0, rng.random(n)),
    "similarity": lambda rng, n: rng.beta(5, 2, n),
    "passes, 95 %": lambda rng, n: (rng.random(n) < 0.95).astype(float),
    "passes, 60 %": lambda rng, n: (rng.random(n) < 0.6).astype(float),
}


def compared(differences: Any) -> Any:
    """The comparison of two columns with these differences; passes stay passes."""
    if np.isin(differences, (-1.0, 0.0, 1.0)).all():
        return compare_pairs(list((differences < 0).astype(float)), list((differences > 0).astype(float)))
    return compare_pairs([0.0] * len(differences), list(differences))


def false_alarms(draw: Draw, size: int, draws: int) -> list[float]:
    """Shares of wrong verdicts: ours, sign flips, bootstrap-t, BCa."""
    rng = np.random.default_rng(size)
    matches = []
    for _ in range(draws):
        d = draw(rng, size)
        flat = is_constant(d)
        bca = None if flat else bootstrap_interval(d)
        matches.append(
            [
                compared(d).verdict in SEEN,
                SignFlips(d, np.ones(len(d)), flip_pairs(d)).p_value() < 0.05,
                not flat and BootstrapT.of_pairs(d, 0).p_value() < 0.05,
                bca is not None and not bca[0] <= 0 <= bca[1],
            ]
        )
    return [float(share) for share in np.mean(matches, axis=0)]


def coverage_of_passes(gain: float, loss: float, size: int, draws: int) -> float:
    rng = np.random.default_rng(size)
    matches = [compared(_passes(gain, loss)(rng, size)) for _ in range(draws)]
    return float(np.mean([one.low <= gain - loss <= one.high for one in matches]))


def coverage(draw: Draw, size: int, draws: int) -> tuple[float, float]:
    """Share of single means whose interval holds the true mean, and its mean width."""
    true = float(np.mean(draw(np.random.default_rng(99), 2_000_000)))
    rng = np.random.default_rng(size)
    matches = [summarize(list(draw(rng, size))) for _ in range(draws)]
    ends = [(one.low, one.high) for one in matches if one.low is not None and one.high is not None]
    return float(np.mean([low <= true <= high for low, high in ends])), float(np.mean([h - low for low, h in ends]))


def family_alarms(draws: int) -> float:
    """Share of families of five null comparisons with any difference seen."""
    rng = np.random.default_rng(5)
    wrong = 0
    for _ in range(draws):
        base = _f1(rng, 50)
        result = compare_family([(list(base), list(_f1(rng, 50))) for _ in range(5)])
        wrong += any(one.verdict in SEEN for one in result)
    return wrong / draws


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--sizes", default="10,20,50,200")
    parser.add_argument("--only", default="", help="Parts of names, separated by commas.")
    parser.add_argument("--part", default="", help="Only clusters, gates or speed.")
    asked = parser.parse_args()
    if asked.part:
        {"clusters": _clusters, "gates": _gates, "speed": _speed}[asked.part](asked.draws)
        return
    sizes = [int(size) for size in asked.sizes.split(",")]

    def chosen(names: Mapping[str, Any]) -> list[str]:
        wanted = asked.only.split(",") if asked.only else [""]
        return [name for name in names if any(part in name for part in wanted)]

    print("false alarms in %: ours (sign flips alone, bootstrap-t alone, BCa interval without 0)")
    for name in chosen(NULL):
        cells = [false_alarms(NULL[name], size, asked.draws) for size in sizes]
        print(f"  {name:38}", *(_cell(size, cell) for size, cell in zip(sizes, cells, strict=True)), flush=True)
    if not asked.only:
        print(f"  any of five comparisons in a family, n=50: {100 * family_alarms(asked.draws):.1f}")
    print("coverage in % of differences in passes that are there")
    for name in chosen(SHIFTED_PASSES):
        shares = [100 * coverage_of_passes(*SHIFTED_PASSES[name], size, asked.draws) for size in sizes]
        print(f"  {name:38}", *(f"n={size} {share:.1f}" for size, share in zip(sizes, shares, strict=True)), flush=True)
    print("power in %: ours (sign flips alone)")
    for name in chosen(REAL):
        cells = [false_alarms(REAL[name], size, asked.draws) for size in sizes]
        told = (f"n={size} {100 * c[0]:.0f} ({100 * c[1]:.0f})" for size, c in zip(sizes, cells, strict=True))
        print(f"  {name:38}", *told, flush=True)
    print("coverage in % of single means (mean width)")
    for name in chosen(MEANS):
        matches = [coverage(MEANS[name], size, asked.draws) for size in sizes]
        told = (
            f"n={size} {100 * share:.1f} ({width:.2f})" for size, (share, width) in zip(sizes, matches, strict=True)
        )
        print(f"  {name:38}", *told, flush=True)
    _clusters(asked.draws)
    _gates(asked.draws)
    _speed(asked.draws)


def _clusters(draws: int) -> None:
    """Null comparisons whose questions share documents: with the documents, and as if questions were independent."""
    print("documents: seen in % where nothing differs, better / worse by documents (by questions)")
    for documents in (8, 12, 20, 40):
        for kind in ("grades", "passes", "skew", "uneven"):
            rng = np.random.default_rng(documents)
            verdicts = [_clustered_verdicts(rng, documents, kind) for _ in range(draws)]
            by_documents = [100 * np.mean([one[0] == word for one in verdicts]) for word in SEEN]
            naive = 100 * np.mean([one[1] in SEEN for one in verdicts])
            print(
                f"  {documents} documents, {kind:8} {by_documents[0]:.1f} / {by_documents[1]:.1f} ({naive:.1f})",
                flush=True,
            )


def _clustered_verdicts(rng: np.random.Generator, documents: int, kind: str) -> tuple[str, str]:
    # "uneven": one document has a third of the questions. The others have 6 each.
    sizes = np.full(documents, 6)
    if kind == "uneven":
        sizes[0] = 3 * documents
    labels = np.repeat(np.arange(documents), sizes)
    own = rng.exponential(0.2, documents) - 0.2 if kind == "skew" else rng.normal(0, 0.25, documents)
    shared = own[labels]
    count = len(labels)
    if kind == "passes":
        a = (rng.random(count) < np.clip(0.6 - shared / 2, 0, 1)).astype(float)
        b = (rng.random(count) < np.clip(0.6 + shared / 2, 0, 1)).astype(float)
    else:
        a, b = np.zeros(count), shared + rng.normal(0, 0.15, count)
    return compare_pairs(list(a), list(b), clusters=list(labels)).verdict, compare_pairs(list(a), list(b)).verdict


def _gates(draws: int) -> None:
    """Gates at a margin of 2 points: between equal systems, and with a planted drop of ten points."""
    print("gates of passes, margin .02: failed / cannot tell / passed in %, equal systems and -.10")
    for size in (50, 200, 1000):
        for share in (0.05, 0.1, 0.15, 0.2, 0.25, 0.3):
            cells = []
            for drop in (0.0, 0.1) if share >= 0.1 else (0.0,):
                rng = np.random.default_rng(size)
                gain, loss = (share - drop) / 2, (share + drop) / 2
                counts = rng.multinomial(size, [gain, loss, 1 - gain - loss], draws)
                # Equal counts have equal outcomes, so each is tested once.
                pairs, times = np.unique(counts[:, :2], axis=0, return_counts=True)
                outcomes = [_gate(int(gained), int(lost), size) for gained, lost in pairs]
                shares = [sum(n for o, n in zip(outcomes, times, strict=True) if o == word) for word in _GATE_WORDS]
                cells.append(" / ".join(f"{100 * one / draws:.1f}" for one in shares))
            print(f"  n={size:<5} {share:.0%} differ  {'   '.join(cells)}", flush=True)


_GATE_WORDS = ("failed", "cannot tell", "passed")


def _gate(gained: int, lost: int, size: int) -> str:
    a = [0.0] * gained + [1.0] * (size - gained)
    b = [1.0] * gained + [0.0] * lost + [1.0] * (size - gained - lost)
    return non_inferiority(a, b, 0.02).outcome


def _cell(size: int, shares: list[float]) -> str:
    ours, *others = (f"{100 * share:.1f}" for share in shares)
    return f"n={size} {ours} ({', '.join(others)})  "


def _speed(_: int) -> None:
    rng = np.random.default_rng(0)
    base = rng.random(500)
    columns = [(list(base), list(np.clip(base + rng.normal(0.02, 0.2, 500), 0, 1))) for _ in range(9)]
    start = time.perf_counter()
    for _ in range(6):
        compare_family(columns)
    print(f"10 configurations x 6 metrics x 500 questions: {time.perf_counter() - start:.2f} s for all verdicts")
    examples = tuple(f"q{i:04}" for i in range(1000))
    base = rng.random(1000)
    kinds = {
        "grades": lambda k: list(np.clip(base + rng.normal(0.003 * k, 0.2, 1000), 0, 1)),
        "passes": lambda k: list((rng.random(1000) < 0.6 + 0.003 * k).astype(float)),
    }
    for kind, draw in kinds.items():
        runs = [RunScoreTable(f"c{k}", 1000, RunScores(examples, {"m": draw(k)}, {})) for k in range(30)]
        processor, start = time.process_time(), time.perf_counter()
        compare_all(runs, "m")
        alone, times = time.process_time(), []
        compare_runs(runs[0], runs[1], "m")
        times.append(time.process_time() - alone)
        print(
            f"435 pairs of 30 configurations x 1,000 {kind}: {time.perf_counter() - start:.1f} s, "
            f"{alone - processor:.1f} s of processor time; a pair by itself {times[0]:.3f} s of processor time"
        )


if __name__ == "__main__":
    main()
