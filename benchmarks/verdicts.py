"""How often verdicts are wrong where there is no difference, and how often intervals hold the truth.

    python benchmarks/verdicts.py [--draws 1000] [--sizes 10,20,50,200] [--only NAME,NAME]

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

from llmopt_core.statistics.bootstrap_t import BootstrapT  # noqa: E402
from llmopt_core.statistics.intervals import summarize  # noqa: E402
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
    found = []
    for _ in range(draws):
        d = draw(rng, size)
        flat = is_constant(d)
        bca = None if flat else bootstrap_interval(d)
        found.append(
            [
                compared(d).verdict in SEEN,
                SignFlips(d, len(d), flip_pairs(d)).p_value() < 0.05,
                not flat and BootstrapT.of_pairs(d, 0).p_value() < 0.05,
                bca is not None and not bca[0] <= 0 <= bca[1],
            ]
        )
    return [float(share) for share in np.mean(found, axis=0)]


def coverage_of_passes(gain: float, loss: float, size: int, draws: int) -> float:
    rng = np.random.default_rng(size)
    found = [compared(_passes(gain, loss)(rng, size)) for _ in range(draws)]
    return float(np.mean([one.low <= gain - loss <= one.high for one in found]))


def coverage(draw: Draw, size: int, draws: int) -> tuple[float, float]:
    """Share of single means whose interval holds the true mean, and its mean width."""
    true = float(np.mean(draw(np.random.default_rng(99), 2_000_000)))
    rng = np.random.default_rng(size)
    found = [summarize(list(draw(rng, size))) for _ in range(draws)]
    ends = [(one.low, one.high) for one in found if one.low is not None and one.high is not None]
    return float(np.mean([low <= true <= high for low, high in ends])), float(np.mean([h - low for low, h in ends]))


def family_alarms(draws: int) -> float:
    """Share of families of five null comparisons with any difference seen."""
    rng = np.random.default_rng(5)
    wrong = 0
    for _ in range(draws):
        base = _f1(rng, 50)
        found = compare_family([(list(base), list(_f1(rng, 50))) for _ in range(5)])
        wrong += any(one.verdict in SEEN for one in found)
    return wrong / draws


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--sizes", default="10,20,50,200")
    parser.add_argument("--only", default="", help="Parts of names, separated by commas.")
    asked = parser.parse_args()
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
        found = [coverage(MEANS[name], size, asked.draws) for size in sizes]
        told = (f"n={size} {100 * share:.1f} ({width:.2f})" for size, (share, width) in zip(sizes, found, strict=True))
        print(f"  {name:38}", *told, flush=True)
    _speed()


def _cell(size: int, shares: list[float]) -> str:
    ours, *others = (f"{100 * share:.1f}" for share in shares)
    return f"n={size} {ours} ({', '.join(others)})  "


def _speed() -> None:
    rng = np.random.default_rng(0)
    base = rng.random(500)
    columns = [(list(base), list(np.clip(base + rng.normal(0.02, 0.2, 500), 0, 1))) for _ in range(9)]
    started = time.perf_counter()
    for _ in range(6):
        compare_family(columns)
    print(f"10 configurations x 6 metrics x 500 questions: {time.perf_counter() - started:.2f} s for all verdicts")


if __name__ == "__main__":
    main()
