"""Fits the three small models of the built-in judge and says how each does on groups it has not seen."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.stats import rankdata

from llmopt_core.evaluation.judges.builtin.grounding import VETO
from llmopt_core.statistics.agreement import agreement
from llmopt_core.statistics.clusters import cluster_interval

FOLDS = 8


@dataclass(frozen=True)
class Item:
    """One labelled case: a row of features per statement (all must hold for the label to be true).

    Attributes:
        against: Whether a rule speaks against it; nothing is fitted on it.
        fitted: Whether the model may be fitted on it.
        border: The probability from which on it counts as a yes; scores are moved so that it is 0.5.
    """

    data: str
    variant: str
    group: str
    label: bool
    rows: Sequence[Sequence[float]]
    against: bool = False
    fitted: bool = True
    border: float = 0.5


def fit(items: Sequence[Item], penalty: float, balanced: bool) -> tuple[float, ...]:
    """Intercept and weights in the features' own units. Nothing is fitted on what a rule speaks against.

    Logistic regression where the probability of an item is the product over its statements. `balanced` gives each
    data set and label the same weight; else all items count the same. The penalty is on standardised weights.
    """
    items = [item for item in items if item.fitted and not item.against]
    owner = np.repeat(np.arange(len(items)), [len(item.rows) for item in items])
    raw = np.array([row for item in items for row in item.rows], dtype=float)
    centre, scale = raw.mean(axis=0), raw.std(axis=0) + 1e-9
    features = (raw - centre) / scale
    labels = np.array([item.label for item in items], dtype=float)
    weights = _weights(items) if balanced else np.ones(len(items))
    weights = weights / weights.sum()

    def loss(beta: np.ndarray) -> tuple[float, np.ndarray]:
        odds = features @ beta[1:] + beta[0]
        together = np.minimum(np.bincount(owner, -np.logaddexp(0, -odds), minlength=len(items)), -1e-9)
        value = -(weights * (labels * together + (1 - labels) * np.log(-np.expm1(together)))).sum()
        chance = np.exp(together)
        slope = (weights * ((1 - labels) * chance / (1 - chance) - labels))[owner] / (1 + np.exp(odds))
        gradient = np.r_[slope.sum(), features.T @ slope + 2 * penalty * beta[1:]]
        return value + penalty * (beta[1:] ** 2).sum(), gradient

    beta = minimize(loss, np.zeros(features.shape[1] + 1), jac=True, method="L-BFGS-B").x
    own = beta[1:] / scale
    return (float(beta[0] - own @ centre), *map(float, own))


def scores(items: Sequence[Item], model: Sequence[float]) -> list[float]:
    """Per item the probability of its least probable statement."""
    weights = np.array(model[1:])
    matches = []
    for item in items:
        odds = float((np.array(item.rows) @ weights + model[0]).min()) - math.log(item.border / (1 - item.border))
        value = 1 / (1 + math.exp(-max(-60.0, min(60.0, odds))))
        matches.append(value * VETO if item.against else value)
    return matches


def unseen(items: Sequence[Item], penalty: float, balanced: bool) -> list[float]:
    """Scores of each item by a model fitted without its group."""
    from sklearn.model_selection import GroupKFold

    result = np.zeros(len(items))
    groups = [item.group for item in items]
    for train, test in GroupKFold(FOLDS).split(groups, groups=groups):
        model = fit([items[i] for i in train], penalty, balanced)
        result[test] = scores([items[i] for i in test], model)
    return list(result)


def report(items: Sequence[Item], found: Sequence[float], threshold: float) -> None:
    """One line per data set, and per way of making wrong answers."""
    by_data: dict[str, list[int]] = defaultdict(list)
    for position, item in enumerate(items):
        by_data[item.data].append(position)
    for data, positions in by_data.items():
        print(f"  {data:10s} {line([items[i].label for i in positions], [found[i] for i in positions], threshold)}")
        interval = auc_interval([items[i] for i in positions], np.array([found[i] for i in positions]))
        print(f"    AUC by document {interval[0]:.3f} to {interval[1]:.3f}" if interval else "    one document")
        for variant in dict.fromkeys(items[i].variant for i in positions if items[i].variant and not items[i].label):
            kept = [i for i in positions if items[i].variant == variant or items[i].label]
            print(f"    {variant:16s} {line([items[i].label for i in kept], [found[i] for i in kept], threshold)}")
            interval = auc_interval([items[i] for i in kept], np.array([found[i] for i in kept]))
            if interval:
                print(f"      AUC by document {interval[0]:.3f} to {interval[1]:.3f}")


def auc_interval(items: Sequence[Item], found: np.ndarray) -> tuple[float, float] | None:
    """95 % interval of the AUC, documents drawn anew."""
    labels = np.array([item.label for item in items])

    def value(places: np.ndarray) -> float | None:
        own = labels[places]
        right = int(own.sum())
        if right in (0, len(own)):
            return None
        ranks = rankdata(found[places])
        return float((ranks[own].sum() - right * (right + 1) / 2) / (right * (len(own) - right)))

    return cluster_interval([item.group for item in items], value)


def line(labels: Sequence[bool], found: Sequence[float | None], threshold: float) -> str:
    """Agreement of scores and labels in one line."""
    result = agreement(labels, found, threshold)
    numbers = (result.auc, result.accuracy, result.kappa, result.precision, result.recall)
    shown = " ".join(f"{name} {'-' if v is None else f'{v:.3f}'}" for name, v in zip(NAMES, numbers, strict=True))
    return f"n {result.scored:5d} positive {sum(labels) / max(1, len(labels)):.2f}  {shown}"


def _weights(items: Sequence[Item]) -> np.ndarray:
    counts: dict[tuple[str, bool], int] = defaultdict(int)
    for item in items:
        counts[item.data, item.label] += 1
    return np.array([1 / counts[item.data, item.label] for item in items])


NAMES = ("AUC", "accuracy", "kappa", "precision", "recall")
