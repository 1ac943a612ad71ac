"""How far two raters, or a score and human labels, agree."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Agreement:
    """A yes/no judge against yes/no labels.

    Attributes:
        accuracy: Share of equal verdicts.
        kappa: Cohen's kappa; None where both raters gave one and the same verdict throughout.
        auc: Chance that a positive outscores a negative; None where labels are all equal.
        precision: Share of true positives among what the judge passed; None where it passed nothing.
        recall: Share of the true positives that the judge passed (its true positive rate); None where there are none.
        scored: Items with both a label and a score.
        specificity: Share of the true negatives that the judge failed (its true negative rate); None where there are
            none.
    """

    accuracy: float | None
    kappa: float | None
    auc: float | None
    precision: float | None
    recall: float | None
    scored: int
    total: int
    specificity: float | None = None


def agreement(
    labels: Sequence[bool],
    scores: Sequence[float | None],
    threshold: float = 0.5,
    weights: Sequence[float] | None = None,
) -> Agreement:
    """Compare scores with labels; a score at or above `threshold` is a yes, items without a score are left out.

    Args:
        labels: Of people.
        scores: Of the judge.
        threshold: See above.
        weights: How many items each one stands for, where some kinds were labelled more often than others; 1 each by
            default.
    """
    # Labels read from files may be 0 and 1 or NumPy's own booleans; as plain ones they equal the predictions below.
    items = [
        (bool(label), score, weight)
        for label, score, weight in zip(labels, scores, weights or [1.0] * len(labels), strict=True)
        if score is not None and math.isfinite(score)
    ]
    truth, values, item_weights = [y for y, _, _ in items], [s for _, s, _ in items], [w for _, _, w in items]
    predictions = [value >= threshold for value in values]
    # Weight of the items by label and prediction.
    table = {(label, prediction): 0.0 for label in (True, False) for prediction in (True, False)}
    for label, prediction, weight in zip(truth, predictions, item_weights, strict=True):
        table[label, prediction] += weight
    right, total = table[True, True] + table[False, False], sum(table.values())
    return Agreement(
        accuracy=_share(right, total),
        kappa=cohens_kappa(truth, predictions, item_weights),
        auc=auc(truth, values, item_weights),
        # A share of nothing is no 0: a judge that passed nothing has no precision, rather than a bad one.
        precision=_share(table[True, True], table[True, True] + table[False, True]),
        recall=_share(table[True, True], table[True, True] + table[True, False]),
        scored=len(items),
        total=len(labels),
        specificity=_share(table[False, False], table[False, False] + table[False, True]),
    )


def cohens_kappa(a: Sequence[Hashable], b: Sequence[Hashable], weights: Sequence[float] | None = None) -> float | None:
    """Cohen's (1960) kappa of two raters' labels; None without items or where both always say the same one thing."""
    from sklearn.metrics import cohen_kappa_score

    # With one label in all, agreement by chance is complete and kappa becomes 0 / 0; scikit-learn gives NaN with a
    # warning.
    labels = {*a, *b}
    return float(cohen_kappa_score(list(a), list(b), sample_weight=weights)) if len(labels) > 1 else None


def auc(labels: Sequence[bool], scores: Sequence[float], weights: Sequence[float] | None = None) -> float | None:
    """Area under the ROC curve (ties count half); None where the labels are all equal."""
    from sklearn.metrics import roc_auc_score

    # scikit-learn refuses lists with one kind of label only, or warns and gives NaN, depending on its version.
    return float(roc_auc_score(list(labels), list(scores), sample_weight=weights)) if len(set(labels)) > 1 else None


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
