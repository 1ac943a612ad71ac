"""Spider 2-lite's comparison: each column of the gold stands among those of the prediction.

Source: Lei et al., Spider 2.0 (ICLR 2025); the script spider2-lite/evaluation_suite/evaluate.py of xlang-ai/Spider2.
Columns are compared one by one, so rows need not hold together; a missing value is 0; a cent is no difference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from llmopt_core.databases.comparison.csv_columns import read_again

_TOLERANCE = 1e-2

Table = tuple[Sequence[str], Sequence[tuple[Any, ...]]]


def holds_columns(gold: Table, prediction: Table, ignore_order: bool) -> bool:
    """Whether each column of the gold is among those of the prediction.

    Args:
        gold: Names and rows of the gold.
        prediction: Names and rows of the prediction.
        ignore_order: Whether each column is sorted before it is compared.
    """
    ours = [_prepared(values, ignore_order) for values in read_again(*gold)]
    theirs = [_prepared(values, ignore_order) for values in read_again(*prediction)]
    return all(any(_same(column, other) for other in theirs) for column in ours)


def _prepared(values: list[Any], ignore_order: bool) -> list[Any]:
    filled = [0 if value is None else value for value in values]
    if ignore_order:
        filled.sort(key=lambda value: (str(value), isinstance(value, int | float)))
    return filled


def _same(ours: list[Any], theirs: list[Any]) -> bool:
    return len(ours) == len(theirs) and all(map(_same_value, ours, theirs))


def _same_value(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, int | float) and isinstance(theirs, int | float):
        return math.isclose(float(ours), float(theirs), abs_tol=_TOLERANCE)
    return bool(ours == theirs)
