"""How many labels of people the difference of two configurations needs, and whether its interval keeps its promise.

    python benchmarks/judge_labels.py DATA [--rows 200] [--tries 60] [--coverage 400] [--documents 150]

DATA is the folder of `benchmarks/judge.py`: answers that people labelled (BEGIN, SummEdits), which the built-in judge
grades. Two configurations are made of them: each of `--rows` questions is answered by two of these answers drawn at
random, or in a share of the questions by the same one. Labels are taken in the order of the app and at random; the
interval is the same function for both.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from llmopt_core.settings import silence_telemetry  # noqa: E402

silence_telemetry()

from judge import Features, scores  # noqa: E402
from judge_data import load  # noqa: E402

from llmopt_core.evaluation.judges.builtin import grounding  # noqa: E402
from llmopt_core.evaluation.judges.builtin.token_vectors import TokenReader  # noqa: E402
from llmopt_core.labs.evaluation.judge_labels import corrected_difference  # noqa: E402
from llmopt_core.labs.evaluation.judge_order import next_row  # noqa: E402
from llmopt_core.labs.evaluation.judge_rows import JudgedAnswer, LabelRow  # noqa: E402
from llmopt_core.models.base import BUILTIN_EMBEDDING  # noqa: E402
from llmopt_core.models.local.embedding import local_embedder  # noqa: E402
from llmopt_core.statistics.corrected_rates import CorrectedMean  # noqa: E402

Pool = Sequence[tuple[float, bool]]
"""The judge's grade and the label of people, answer by answer."""
SAME_SHARES = (0.0, 0.5, 0.8)
RANDOM_LABELS = (60, 100, 140)
"""The widths to be reached are those that the random order has after so many rows."""
COUNTS = (30, 60, 100)


def pools(folder: Path) -> dict[str, Pool]:
    """The labelled answers of each data set, with the grades of the built-in judge."""
    cases = [case for case in load(folder, 0) if case.kind == "statement" and case.data in ("BEGIN", "SummEdits")]
    features = Features(TokenReader(lambda: local_embedder(BUILTIN_EMBEDDING, 2)))
    cases.sort(key=lambda case: case.context)
    rows = features.all_of(cases, grounding.RELEVANCE_MODEL)
    items = [features.item(case, row) for case, row in zip(cases, rows, strict=True) if row]
    values: dict[str, list[tuple[float, bool]]] = {}
    for item, score in zip(items, scores(items, grounding.STATEMENT_MODEL), strict=True):
        values.setdefault(item.data, []).append((score, bool(item.label)))
    return dict(values)


def draw(pool: Pool, size: int, same: float, dice: random.Random) -> tuple[list[LabelRow], dict[str, bool]]:
    """Rows of two configurations, and what people say of each answer."""
    rows, truth = [], {}
    for number in range(size):
        first, second = dice.choice(pool), dice.choice(pool)
        answers = [JudgedAnswer(f"{number} {side}", "", (), pair[0]) for side, pair in enumerate((first, second))]
        truth |= {f"{number} {side}": pair[1] for side, pair in enumerate((first, second))}
        if dice.random() < same:
            answers[1] = answers[0]
        verdicts = tuple(answer.score >= 0.5 for answer in answers)
        rows.append(LabelRow(str(number), "", (), "", tuple(answers), verdicts))
    return rows, truth


def app_order(rows: list[LabelRow], truth: dict[str, bool], most: int) -> list[LabelRow]:
    """The first rows in the order in which the app asks."""
    people: dict[str, bool] = {}
    order: list[LabelRow] = []
    while len(order) < most and (row := next_row(rows, people, people)) is not None:
        order.append(row)
        people |= {subject: truth[subject] for subject in row.subjects}
    return order


def interval(rows: list[LabelRow], order: Sequence[LabelRow], truth: dict[str, bool]) -> CorrectedMean | None:
    people = {subject: truth[subject] for row in order for subject in row.subjects}
    return corrected_difference(rows, people).corrected


def widths(pool: Pool, size: int, same: float, tries: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean width after each count of labelled rows, in the order of the app and at random."""
    steps = range(10, size + 1, 10)
    sums = np.zeros((2, len(steps)))
    for attempt in range(tries):
        rows, truth = draw(pool, size, same, random.Random(attempt))
        orders = app_order(rows, truth, size), rows
        for which, order in enumerate(orders):
            for place, count in enumerate(steps):
                result = interval(rows, order[:count], truth)
                sums[which, place] += 2.0 if result is None else result.high - result.low
    means = sums / tries
    # Between two steps by a straight line.
    fill: Callable[[np.ndarray], np.ndarray] = lambda curve: np.interp(np.arange(1, size + 1), list(steps), curve)  # noqa: E731
    return fill(means[0]), fill(means[1])


def coverage(pool: Pool, size: int, same: float, tries: int) -> dict[int, tuple[float, float]]:
    """How often the interval holds the true difference, and its mean width, by count of labelled rows."""
    hits, width = dict.fromkeys(COUNTS, 0), dict.fromkeys(COUNTS, 0.0)
    # Configurations that differ: the second has its wrong answers drawn anew once, so the true difference is known.
    share = sum(label for _, label in pool) / len(pool)
    better = [*pool, *(one for one in pool if one[1])]
    true = (1 - same) * (sum(label for _, label in better) / len(better) - share)
    for attempt in range(tries):
        dice = random.Random(10_000 + attempt)
        rows, truth = draw(pool, size, same, dice)
        for number, row in enumerate(rows):
            if len(row.subjects) > 1:
                score, label = dice.choice(better)
                answer = JudgedAnswer(f"{number} 1", "", (), score)
                truth[answer.subject] = label
                answers = (row.answers[0], answer)
                rows[number] = LabelRow(row.example_id, "", (), "", answers, (row.verdicts[0], score >= 0.5))
        order = app_order(rows, truth, max(COUNTS))
        for count in COUNTS:
            result = interval(rows, order[:count], truth)
            if result is not None:
                hits[count] += result.low <= true <= result.high
                width[count] += result.high - result.low
    return {count: (hits[count] / tries, width[count] / tries) for count in COUNTS}


def best_share(pool: Pool, size: int, labels: int, bins: int) -> float:
    """Rows that the best allocation needs for the width of a random order, as a share; no answers are the same.

    Neyman's allocation with the spread of every stratum known, which no order can know before its labels. Strata are
    the judge's verdicts, each cut into `bins` by how far the grades are from the threshold.
    """
    dice = np.random.default_rng(0)
    scores, truth = np.array([score for score, _ in pool]), np.array([float(label) for _, label in pool])
    first, second = dice.integers(0, len(pool), (2, 100_000))
    differences = truth[second] - truth[first]
    strata = 2 * (scores[first] >= 0.5) + (scores[second] >= 0.5)
    doubt = scores[first] * (1 - scores[first]) + scores[second] * (1 - scores[second])
    for verdict in range(4):
        own = strata == verdict
        edges = np.quantile(doubt[own], np.linspace(0, 1, bins + 1)[1:-1])
        strata[own] = 1_000 * (verdict + 1) + np.searchsorted(edges, doubt[own])
    names, counts = np.unique(strata, return_counts=True)
    weights = counts / counts.sum()
    spreads = np.array([differences[strata == name].std() for name in names])
    target = float((weights * spreads**2).sum() / labels)
    return next(n / labels for n in range(1, labels + 1) if _least_variance(weights, spreads, size, n) <= target)


def _least_variance(weights: np.ndarray, spreads: np.ndarray, size: int, labels: int) -> float:
    counts, is_open, left = np.zeros(len(weights)), np.ones(len(weights), bool), float(labels)
    while True:
        shares = np.where(is_open, weights * spreads, 0.0)
        wanted = shares / max(shares.sum(), 1e-12) * left
        # No stratum gives more labels than it has rows.
        full = is_open & (wanted > size * weights)
        if not full.any():
            counts[is_open] = wanted[is_open]
            return float((weights**2 * spreads**2 / np.maximum(counts, 1e-9)).sum())
        counts[full] = size * weights[full]
        left -= float(counts[full].sum())
        is_open &= ~full


def clustered(documents: int, each: int, dice: random.Random) -> tuple[list[LabelRow], dict[str, bool]]:
    """Rows of two equal configurations: in seven of ten answers label and rightness of the judge are the document's."""
    rows: list[LabelRow] = []
    truth: dict[str, bool] = {}
    for document in range(documents):
        labels, rights = ([dice.random() < share for _ in range(2)] for share in (0.6, 0.8))
        for _ in range(each):
            answers, verdicts = [], []
            for side in range(2):
                label = labels[side] if dice.random() < 0.7 else dice.random() < 0.6
                right = rights[side] if dice.random() < 0.7 else dice.random() < 0.8
                verdicts.append(label if right else not label)
                answers.append(JudgedAnswer(f"{len(rows)} {side}", "", (), float(verdicts[-1])))
                truth[f"{len(rows)} {side}"] = label
            name = str(len(rows))
            rows.append(LabelRow(name, "", (), "", tuple(answers), tuple(verdicts), f"d{document}"))
    dice.shuffle(rows)
    return rows, truth


def document_coverage(documents: int, each: int, tries: int) -> dict[int, tuple[float, float]]:
    """How often the interval holds the true difference of 0 after so many rows: by document, and without."""
    hits = {count: [0, 0] for count in (20, 40, 80, 150)}
    for attempt in range(tries):
        rows, truth = clustered(documents, each, random.Random(attempt))
        order = app_order(rows, truth, max(hits))
        plain = [replace(row, cluster="") for row in rows]
        for count, found in hits.items():
            for which, part in enumerate((rows, plain)):
                result = interval(part, order[:count], truth)
                found[which] += result is not None and result.low <= 0 <= result.high
    return {count: (one / tries, other / tries) for count, (one, other) in hits.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--rows", type=int, default=200, help="questions")
    parser.add_argument("--tries", type=int, default=60, help="pairs of configurations for the widths")
    parser.add_argument("--documents", type=int, default=150, help="pairs of configurations for coverage by document")
    parser.add_argument("--coverage", type=int, default=400, help="pairs of configurations for the coverage")
    options = parser.parse_args()
    found = pools(options.data)
    if not found:
        sys.exit(f"No labelled answers below {options.data}: see benchmarks/judge_data.py for the file names.")
    for name, pool in found.items():
        print(f"\n{name}: {len(pool)} answers, {np.mean([(s >= 0.5) == label for s, label in pool]):.2f} judged right")
        for same in SAME_SHARES:
            ours, at_random = widths(pool, options.rows, same, options.tries)
            parts = []
            for count in (n for n in RANDOM_LABELS if n <= options.rows):
                target = at_random[count - 1]
                needed = int(np.argmax(ours <= target)) + 1
                parts.append(f"width {target:.3f}: {needed} of {count} ({needed / count:.0%})")
            print(f"  {same:.0%} same answers: rows labelled, ours of random: {'; '.join(parts)}")
        for bins in (1, 2, 10):
            best = ", ".join(f"{best_share(pool, options.rows, count, bins):.0%} of {count}" for count in RANDOM_LABELS)
            print(f"  no same answers, best possible with verdicts cut into {bins} by the grades: {best}")
        for same in SAME_SHARES[:2] if options.coverage else ():
            result = coverage(pool, options.rows, same, options.coverage)
            words = "; ".join(f"{n} rows {share:.1%} (width {width:.3f})" for n, (share, width) in result.items())
            print(f"  {same:.0%} same answers: the 95 % interval holds the truth after {words}")
    for documents, each in ((40, 5), (15, 13)) if options.documents else ():
        found_shares = document_coverage(documents, each, options.documents)
        words = "; ".join(f"{n} rows {by:.0%}, without {plain:.0%}" for n, (by, plain) in found_shares.items())
        print(f"{documents} documents of {each} questions: the 95 % interval by document holds the truth after {words}")


if __name__ == "__main__":
    main()
