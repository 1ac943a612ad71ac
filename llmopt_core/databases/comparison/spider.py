"""Spider's test suite: a prediction is right if it answers as the gold does on each database of a folder.

Source: Zhong, Yu and Klein, Semantic Evaluation for Text-to-SQL with Distilled Test Suites (EMNLP 2020); the script
exec_eval.py of taoyds/test-suite-sql-eval.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from math import prod
from typing import Any

from llmopt_core.databases.comparison.sql_text import first_statement_without_distinct

Row = tuple[Any, ...]

_CURRENT_YEAR = re.compile(r"YEAR\s*\(\s*CURDATE\s*\(\s*\)\s*\)\s*", re.IGNORECASE)
# The script tries orders of columns one by one and has no working limit: from about here on it gave no verdict in 8 s.
_MOST_ORDERS = 10_000_000
_MOST_STEPS = 200_000


def query_that_runs(sql: str, keep_distinct: bool) -> str | None:
    """The text that the script runs for a gold or a prediction.

    Operators that a tokenizer has split are mended, and the current year is 2020. Without `keep_distinct`, the
    script's default, only the first statement is run, and each DISTINCT is left out of it.

    Returns:
        None for a blank text, at which the script fails without `keep_distinct`.
    """
    mended = _mended(sql)
    if not keep_distinct:
        first = first_statement_without_distinct(mended)
        if first is None:
            return None
        mended = first
    return _CURRENT_YEAR.sub("2020", mended)


def order_matters(gold: str, keep_distinct: bool) -> bool:
    """Whether rows are compared in order: wherever the gold's text holds `order by` with a single space."""
    mended = _mended(gold)
    text = mended if keep_distinct else first_statement_without_distinct(mended) or ""
    return "order by" in text.lower()


def _mended(sql: str) -> str:
    return sql.replace("> =", ">=").replace("< =", "<=").replace("! =", "!=")


def same_rows(gold: Sequence[Row], prediction: Sequence[Row], in_order: bool) -> bool | None:
    """Whether some order of the prediction's columns makes its rows those of the gold, each as often.

    Args:
        gold: Rows of the gold.
        prediction: Rows of the prediction.
        in_order: Whether the order of rows counts.

    Returns:
        None where the script would try orders of columns without end.
    """
    if not gold and not prediction:
        return True
    if len(gold) != len(prediction) or len(gold[0]) != len(prediction[0]):
        return False
    if not _same_values(gold, prediction, in_order):
        return False
    return _same_in_some_order_of_columns(list(gold), list(prediction), in_order)


def _same_values(gold: Sequence[Row], prediction: Sequence[Row], in_order: bool) -> bool:
    ours = [_sorted_row(row) for row in gold]
    theirs = [_sorted_row(row) for row in prediction]
    return ours == theirs if in_order else set(ours) == set(theirs)


def _sorted_row(row: Row) -> Row:
    return tuple(sorted(row, key=lambda cell: str(cell) + str(type(cell))))


def _candidates(gold: list[Row], prediction: list[Row]) -> list[list[int]]:
    """For each column of the gold, the columns of the prediction that may stand there."""
    width = len(gold[0])
    if width <= 3:
        return [list(range(width)) for _ in range(width)]
    # The script looks at 20 rows drawn at random; all rows rule out what each of them does.
    values = [{row[column] for row in prediction} for column in range(width)]
    known = [{row[column] for row in gold} for column in range(width)]
    return [[theirs for theirs in range(width) if values[theirs] <= known[ours]] for ours in range(width)]


def _same_in_some_order_of_columns(gold: list[Row], prediction: list[Row], in_order: bool) -> bool | None:
    """Search column by column; the script's own search is counted, not made."""
    candidates = _candidates(gold, prediction)
    width = len(candidates)
    prefixes = [_prefix(gold, range(size), in_order) for size in range(width + 1)]
    steps = 0
    chosen: list[int] = []
    places = [0]
    while places:
        steps += 1
        if steps > _MOST_STEPS:
            return None
        depth = len(chosen)
        if depth == width:
            return True if _orders_tried(candidates, chosen) <= _MOST_ORDERS else None
        place = places[-1]
        if place == len(candidates[depth]):
            places.pop()
            if chosen:
                chosen.pop()
            continue
        places[-1] += 1
        column = candidates[depth][place]
        if column in chosen:
            continue
        if _prefix(prediction, [*chosen, column], in_order) == prefixes[depth + 1]:
            chosen.append(column)
            places.append(0)
    return False if prod(map(len, candidates)) <= _MOST_ORDERS else None


def _prefix(rows: list[Row], columns: Sequence[int], in_order: bool) -> Any:
    picked = [tuple(row[column] for column in columns) for row in rows]
    return picked if in_order else Counter(picked)


def _orders_tried(candidates: list[list[int]], chosen: list[int]) -> int:
    """How many orders stand before the chosen one in the order in which the script goes through them."""
    count = 0
    for options, column in zip(candidates, chosen, strict=True):
        count = count * len(options) + options.index(column)
    return count
