"""Fits the three small models of the built-in judge and says how each does on groups it has not seen."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from llmopt_core.statistics.agreement import agreement

FOLDS = 8


@dataclass(frozen=True)
class Item:
    """One labelled case: a row of features per statement (all must hold for the label to be true)."""

    data: str
    variant: str
    group: str
    label: bool
    rows: Sequence[Sequence[float]]


def fit(items: Sequence[Item], penalty: float, balanced: bool) -> tuple[float, ...]:
    """Intercept and weights in the features' own units.

    Logistic regression where the probability of an item is the product over its statements. `balanced` gives each
    data set and label the same weight; else all items count the same. The penalty is on standardised weights.
    """
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
    odds = [float((np.array(item.rows) @ weights + model[0]).min()) for item in items]
    return [1 / (1 + math.exp(-max(-60.0, min(60.0, value)))) for value in odds]


def unseen(items: Sequence[Item], penalty: float, balanced: bool) -> list[float]:
    """Scores of each item by a model fitted without its group."""
    from sklearn.model_selection import GroupKFold

    found = np.zeros(len(items))
    groups = [item.group for item in items]
    for train, test in GroupKFold(FOLDS).split(groups, groups=groups):
        model = fit([items[i] for i in train], penalty, balanced)
        found[test] = scores([items[i] for i in test], model)
    return list(found)


def report(items: Sequence[Item], found: Sequence[float], threshold: float) -> None:
    """One line per data set, and per way of making wrong answers."""
    by_data: dict[str, list[int]] = defaultdict(list)
    for position, item in enumerate(items):
        by_data[item.data].append(position)
    for data, positions in by_data.items():
        print(f"  {data:10s} {line([items[i].label for i in positions], [found[i] for i in positions], threshold)}")
        for variant in dict.fromkeys(items[i].variant for i in positions if items[i].variant and not items[i].label):
            kept = [i for i in positions if items[i].variant == variant or items[i].label]
            print(f"    {variant:16s} {line([items[i].label for i in kept], [found[i] for i in kept], threshold)}")


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
