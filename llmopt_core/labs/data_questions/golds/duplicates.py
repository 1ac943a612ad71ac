"""Golds whose result depends on rows that repeat."""

from __future__ import annotations

import re
from typing import Any

from llmopt_core.databases.comparison import ours
from llmopt_core.databases.comparison.verdicts import Run
from llmopt_core.databases.outcome import QueryOutcome, json_value
from llmopt_core.labs.data_questions.golds.finding import Finding

ASKS_FOR_DISTINCT = re.compile(r"\b(distinct|different|unique|various)\b", re.IGNORECASE)


def find_repeated_rows(first: QueryOutcome) -> Finding | None:
    """A result in which rows repeat: set and bag comparison judge predictions differently."""
    seen: list[tuple[Any, ...]] = list(dict.fromkeys(first.rows))
    if len(seen) == len(first.rows):
        return None
    return Finding(
        "duplicate_sensitive",
        "Rows repeat in the result: whether a query with DISTINCT is right depends on the comparator.",
        {"rows": len(first.rows), "rows_distinct": len(seen)},
    )


def find_counted_repeats(tree: Any, question: str, first: QueryOutcome, run: Run, dialect: str) -> Finding | None:
    """A COUNT that counts repeated values though the question asks for different ones.

    Args:
        tree: The gold, as sqlglot reads it.
        question: The question.
        first: What the gold returned.
        run: Runs a query on the database.
        dialect: Whose SQL it is.
    """
    if not ASKS_FOR_DISTINCT.search(question):
        return None
    distinct = with_distinct_counts(tree)
    if distinct is None:
        return None
    outcome = run(distinct.sql(dialect=dialect))
    if outcome.status != "ok" or ours.same_bag(first.rows, outcome.rows):
        return None
    return Finding(
        "duplicate_sensitive",
        "COUNT counts values as often as they repeat, and the question asks for different ones.",
        {
            "without": [[json_value(cell) for cell in row] for row in first.rows[:5]],
            "with_distinct": [[json_value(cell) for cell in row] for row in outcome.rows[:5]],
        },
    )


def with_distinct_counts(tree: Any) -> Any | None:
    """The query with DISTINCT in each COUNT of a column; None where some COUNT has it."""
    from sqlglot import exp

    changed = tree.copy()
    all_counts = list(changed.find_all(exp.Count))
    counts = [node for node in all_counts if isinstance(node.this, exp.Column) and not node.expressions]
    if not counts or any(isinstance(node.this, exp.Distinct) for node in all_counts):
        return None
    for node in counts:
        node.set("this", exp.Distinct(expressions=[node.this]))
    return changed
