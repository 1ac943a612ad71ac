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
    # Labels read from files may be 0 and 1 or NumPy's own booleans; as plain ones they equal the predictions below.
    pairs = [(bool(y), s) for y, s in zip(labels, scores, strict=True) if s is not None and math.isfinite(s)]
    truth, values = [y for y, _ in pairs], [s for _, s in pairs]
    predictions = [value >= threshold for value in values]
    both = sum(y and v for y, v in zip(truth, predictions, strict=True))
    return Agreement(
        accuracy=sum(y == v for y, v in zip(truth, predictions, strict=True)) / len(pairs) if pairs else None,
        kappa=cohens_kappa(truth, predictions),
        auc=auc(truth, values),
        # A share of nothing is no 0: a judge that passed nothing has no precision, rather than a bad one.
        precision=both / sum(predictions) if sum(predictions) else None,
        recall=both / sum(truth) if sum(truth) else None,
        scored=len(pairs),
        total=len(labels),
    )


def cohens_kappa(a: Sequence[Hashable], b: Sequence[Hashable]) -> float | None:
    """Cohen's (1960) kappa of two raters' labels; None without items or where both always say the same one thing."""
    from sklearn.metrics import cohen_kappa_score

    # With one label in all, agreement by chance is complete and kappa becomes 0 / 0; scikit-learn gives NaN with a
    # warning.
    labels = {*a, *b}
    return float(cohen_kappa_score(list(a), list(b))) if len(labels) > 1 else None


def auc(labels: Sequence[bool], scores: Sequence[float]) -> float | None:
    """Area under the ROC curve (ties count half); None where the labels are all equal."""
    from sklearn.metrics import roc_auc_score

    # scikit-learn refuses lists with one kind of label only, or warns and gives NaN, depending on its version.
    return float(roc_auc_score(list(labels), list(scores))) if len(set(labels)) > 1 else None
