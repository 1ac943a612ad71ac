"""How far two raters, or a score and human labels, agree."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Agreement:
    """A yes/no judge against yes/no labels.

    Attributes:
        accuracy: Share of equal verdicts.
        kappa: Cohen's kappa; None where a rater gave one verdict only.
        auc: Chance that a positive outscores a negative; None where labels are all equal.
        precision: Share of true positives among what the judge passed; None where it passed nothing.
        recall: Share of the true positives that the judge passed; None where there are none.
        scored: Items with both a label and a score.
    """

    accuracy: float | None
    kappa: float | None
    auc: float | None
    precision: float | None
    recall: float | None
    scored: int
    total: int


def agreement(labels: Sequence[bool], scores: Sequence[float | None], threshold: float = 0.5) -> Agreement:
    """Compare scores with labels; a score at or above `threshold` is a yes, items without a score are left out."""
    kept = [(bool(y), s) for y, s in zip(labels, scores, strict=True) if s is not None and math.isfinite(s)]
    truth, values = [y for y, _ in kept], [s for _, s in kept]
    said = [value >= threshold for value in values]
    both = sum(y and v for y, v in zip(truth, said, strict=True))
    return Agreement(
        accuracy=sum(y == v for y, v in zip(truth, said, strict=True)) / len(kept) if kept else None,
        kappa=cohens_kappa(truth, said),
        auc=auc(truth, values),
        precision=both / sum(said) if sum(said) else None,
        recall=both / sum(truth) if sum(truth) else None,
        scored=len(kept),
        total=len(labels),
    )


def cohens_kappa(a: Sequence[Hashable], b: Sequence[Hashable]) -> float | None:
    """Cohen's (1960) kappa of two raters' labels; None without items or where chance agreement is certain."""
    total = len(a)
    if not total:
        return None
    observed = sum(x == y for x, y in zip(a, b, strict=True)) / total
    count_a, count_b = Counter(a), Counter(b)
    expected = sum(count_a[label] * count_b[label] for label in count_a) / total**2
    return None if expected >= 1.0 else (observed - expected) / (1.0 - expected)


def auc(labels: Sequence[bool], scores: Sequence[float]) -> float | None:
    """Area under the ROC curve (ties count half); None where the labels are all equal."""
    truth = np.array(labels, dtype=bool)
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        return None
    ranks = _ranks(np.array(scores, dtype=float))
    return float((ranks[truth].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def spearman(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Spearman's rank correlation; None for fewer than two items or where one side is constant."""
    x, y = _ranks(np.array(a, dtype=float)), _ranks(np.array(b, dtype=float))
    if len(x) != len(y):
        raise ValueError(f"Both sides need the same number of items, found {len(x)} and {len(y)}.")
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    return float(np.corrcoef(x, y)[0, 1])


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Ranks from 1, equal values sharing their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    shared: npt.NDArray[np.float64] = (ends - (counts - 1) / 2)[inverse]
    return shared
