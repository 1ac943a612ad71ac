"""Means that a judge's verdicts and a few labels of people give together, with an interval that counts the labels."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TypeVar

from llmopt_core.statistics.clusters import count_clusters

Name = TypeVar("Name", bound=Hashable)

PRIOR = 0.2
"""Labels of each possible value that are added before the spread of a group is taken: five equal labels of two hundred
rows are no proof that all are equal. More makes intervals of few labels wider than they need be; the coverage that this
gives is in `benchmarks/judge_labels.py`."""

PASSES, DIFFERENCES = (0.0, 1.0), (-1.0, 0.0, 1.0)
"""The values that a label of one answer, and the difference of two labels, can have."""


@dataclass(frozen=True, slots=True)
class Stratum:
    """Rows that the judge gave the same verdicts, some of them labelled by people, drawn at random among them.

    Attributes:
        size: How many rows it has.
        labels: Of the labelled rows.
        expected: What the judge says of each row, which stands in where there is no label yet.
        is_known: Whether every row is known to have this value without a label, as where two answers are the same.
        clusters: Of every row, the labelled ones first and in the order of their labels; empty where each row stands
            for itself.
    """

    size: int
    labels: tuple[float, ...]
    expected: float
    is_known: bool = False
    clusters: tuple[Hashable, ...] = ()


@dataclass(frozen=True, slots=True)
class CorrectedMean:
    """A mean over all rows as people would see it.

    Attributes:
        labels: How many rows were labelled.
        rows: How many there are.
        unlabelled: Share of the rows in groups without any label; the interval allows for every value there.
        clusters: Into how many the rows fall, where the interval allows for that; None where each stands for itself.
    """

    mean: float
    low: float
    high: float
    labels: int
    rows: int
    unlabelled: float
    clusters: int | None = None


def corrected_mean(
    strata: Sequence[Stratum], support: Sequence[float] = PASSES, *, prior: float = PRIOR, confidence: float = 0.95
) -> CorrectedMean | None:
    """The mean of labels over all rows, estimated from those that are labelled; None without rows.

    Prediction-powered inference (Angelopoulos et al. 2023) within strata (Fisch et al. 2024). Where the strata are the
    judge's verdicts its prediction is one number in each, and what is left is double sampling for stratification
    (Neyman 1938; Cochran 1977, section 12.2): with W the share of a stratum, m and S² mean and variance of its n
    labels, and N rows in all, the mean is sum W m and its variance sum W (m - mean)² / N + sum W² S² / n. The first
    part says that the rows are a sample of questions, the second that only n of them were labelled. Nothing is assumed
    of the judge: a bad one makes the interval wide, not wrong.

    Rows of one cluster, such as questions about one document, are alike: what their deviations have in common is added
    (the linearized variance of a mean over clusters, Cochran 1977, section 9A), and the interval is Student's.

    Args:
        strata: Which together hold every row.
        support: The values that a label can have, see `PASSES` and `DIFFERENCES`.
        prior: See `PRIOR`; 0 gives the plain formula.
        confidence: Of the interval.
    """
    strata = [stratum for stratum in strata if stratum.size]
    rows = sum(stratum.size for stratum in strata)
    if not rows:
        return None
    means = [_mean(stratum) for stratum in strata]
    weights = [stratum.size / rows for stratum in strata]
    mean = sum(weight * value for weight, value in zip(weights, means, strict=True))
    variance = sum(weight * (value - mean) ** 2 for weight, value in zip(weights, means, strict=True)) / rows
    # What no label speaks of may be anything, so it moves the ends by as far as it can.
    down = up = unlabelled = 0.0
    for stratum, weight, value in zip(strata, weights, means, strict=True):
        if stratum.is_known:
            continue
        if stratum.labels:
            variance += weight**2 * label_variance(stratum.labels, support, prior) / len(stratum.labels)
        else:
            down, up = down + weight * (value - min(support)), up + weight * (max(support) - value)
            unlabelled += weight
    shared, clusters = _shared_variance(strata, means, mean)
    half = _quantile(confidence, clusters) * math.sqrt(variance + shared)
    low, high = max(min(support), mean - down - half), min(max(support), mean + up + half)
    labels = sum(len(stratum.labels) for stratum in strata)
    return CorrectedMean(mean, low, high, labels, rows, unlabelled, clusters)


def _shared_variance(strata: Sequence[Stratum], means: Sequence[float], mean: float) -> tuple[float, int | None]:
    """What rows of one cluster add to the variance by being alike, and how many clusters there are."""
    clusters = count_clusters([cluster for stratum in strata for cluster in stratum.clusters])
    if clusters is None:
        return 0.0, None
    sums: dict[Hashable, float] = {}
    squares, rows = 0.0, 0
    for stratum, value in zip(strata, means, strict=True):
        stands_for = 0.0 if stratum.is_known or not stratum.labels else stratum.size / len(stratum.labels)
        for place, cluster in enumerate(stratum.clusters):
            label = stratum.labels[place] if stands_for and place < len(stratum.labels) else value
            # By so much the row moves the estimate: by its group, and by its label for all those that have none.
            influence = value - mean + stands_for * (label - value)
            sums[cluster] = sums.get(cluster, 0.0) + influence
            squares += influence**2
            rows += 1
    together = clusters / (clusters - 1) * sum(value**2 for value in sums.values())
    # Clusters that are less alike than chance would have them are chance.
    return max(0.0, together - squares) / rows**2, clusters


def _quantile(confidence: float, clusters: int | None) -> float:
    if clusters is None:
        return NormalDist().inv_cdf(0.5 + confidence / 2)
    # At use: scipy takes a while to load.
    from scipy.stats import t

    return float(t.ppf(0.5 + confidence / 2, clusters - 1))


def label_variance(labels: Sequence[float], support: Sequence[float], prior: float = PRIOR) -> float:
    """Variance of a label in a group, with `prior` more labels of each value; without prior the usual one."""
    counts = {value: labels.count(value) + prior for value in support}
    total = sum(counts.values())
    mean = sum(value * count for value, count in counts.items()) / total
    squares = sum(count * (value - mean) ** 2 for value, count in counts.items())
    # One label without a prior has no spread that could be known.
    return squares / (total - 1) if total > 1 else math.inf


def most_useful(strata: Mapping[Name, Stratum], support: Sequence[float]) -> Name | None:
    """The stratum in which one more label narrows the interval most; None where every row has its label.

    One without labels comes first, the largest of several; else the fall of W² S² / n counts.
    """
    open_strata = {
        name: stratum for name, stratum in strata.items() if not stratum.is_known and len(stratum.labels) < stratum.size
    }
    if not open_strata:
        return None

    def gain(name: Name) -> tuple[bool, float]:
        stratum = open_strata[name]
        count = len(stratum.labels)
        if not count:
            return True, float(stratum.size)
        return False, stratum.size**2 * label_variance(stratum.labels, support) / (count * (count + 1))

    return max(open_strata, key=gain)


def _mean(stratum: Stratum) -> float:
    if stratum.is_known or not stratum.labels:
        return stratum.expected
    return sum(stratum.labels) / len(stratum.labels)
