"""Golds whose result depends on chance, on today, or on the order in which rows happen to be stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmopt_core.databases.comparison import ours
from llmopt_core.databases.comparison.verdicts import Run
from llmopt_core.databases.outcome import QueryOutcome, json_value
from llmopt_core.labs.data_questions.golds.finding import Finding

_RANDOM = frozenset(("random", "rand", "randomblob", "changes", "total_changes", "last_insert_rowid", "uuid"))
_OF_TODAY = frozenset(("date", "time", "datetime", "julianday", "strftime", "unixepoch", "timediff"))
_SHOWN_ROWS = 5


def find_volatile(tree: Any) -> Finding | None:
    """A function that gives another value each time, or each day.

    Args:
        tree: The gold, as sqlglot reads it.
    """
    from sqlglot import exp

    today = (exp.CurrentDate, exp.CurrentTime, exp.CurrentTimestamp, exp.CurrentDatetime)
    for node in tree.walk():
        if isinstance(node, today):
            return _volatile("today's date or time", node)
        if isinstance(node, exp.Rand | exp.Uuid) or _name(node) in _RANDOM:
            return _volatile("chance", node)
        if isinstance(node, exp.Literal) and node.is_string and node.this.strip().lower() == "now":
            return _volatile("today's date or time", node.parent or node)
        if _name(node) in _OF_TODAY and not node.expressions:
            return _volatile("today's date or time", node)
    return None


def _name(node: Any) -> str:
    from sqlglot import exp

    return str(node.name).lower() if isinstance(node, exp.Anonymous) else ""


def _volatile(what: str, node: Any) -> Finding:
    return Finding("nondeterministic", f"The result depends on {what}.", {"expression": node.sql()[:200]})


def find_open_limit(tree: Any, first: QueryOutcome, run: Run, dialect: str) -> Finding | None:
    """A LIMIT that picks among more rows than it keeps, and no ORDER BY that says which.

    Args:
        tree: The gold, as sqlglot reads it.
        first: What it returned.
        run: Runs a query on the database.
        dialect: Whose SQL it is.
    """
    if tree.args.get("limit") is None or tree.args.get("order") is not None:
        return None
    whole = tree.copy()
    whole.set("limit", None)
    whole.set("offset", None)
    outcome = run(whole.sql(dialect=dialect))
    if outcome.status != "ok" or len(outcome.rows) <= len(first.rows) or len(set(outcome.rows)) == 1:
        return None
    return Finding(
        "nondeterministic",
        "LIMIT keeps some of more rows, and no ORDER BY says which.",
        {"rows": len(first.rows), "rows_without_limit": len(outcome.rows)},
    )


def find_dependence_on_storage(
    first: QueryOutcome, order: ours.Order | None, again: Sequence[QueryOutcome]
) -> Finding | None:
    """A result that differs where the same rows are stored in another order.

    Args:
        first: What the gold returned.
        order: How its outermost ORDER BY orders.
        again: What it returned on copies with the same rows in other orders.
    """
    for outcome in again:
        if outcome.status != "ok":
            continue
        if not ours.same_bag(first.rows, outcome.rows):
            return Finding(
                "nondeterministic",
                "The same rows, stored in another order, give another result: rows tie under LIMIT or in a window, or "
                "a column is neither grouped nor aggregated.",
                {"one_answer": _shown(first), "another": _shown(outcome)},
            )
        if order is not None and not all(map(ours.same_row, first.rows, outcome.rows)):
            return Finding(
                "nondeterministic",
                "ORDER BY leaves the order of rows open that tie in its keys.",
                {"one_answer": _shown(first), "another": _shown(outcome)},
            )
    return None


def _shown(outcome: QueryOutcome) -> list[list[Any]]:
    return [[json_value(cell) for cell in row] for row in outcome.rows[:_SHOWN_ROWS]]
