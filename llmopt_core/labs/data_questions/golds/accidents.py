"""Golds that are right only by accident: a different query gives the same here, and another on slightly other data."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from llmopt_core.databases.comparison import ours
from llmopt_core.databases.comparison.verdicts import Run
from llmopt_core.databases.outcome import QueryOutcome
from llmopt_core.labs.data_questions.golds.copies import Change, DataCopies
from llmopt_core.labs.data_questions.golds.finding import Finding
from llmopt_core.labs.data_questions.golds.near_misses import NearMiss, near_misses

_MOST_CHANGES = 60


def find_accident(  # noqa: PLR0917 - one place calls it
    tree: Any,
    question: str,
    first: QueryOutcome,
    run: Run,
    copies: DataCopies,
    runner: Callable[[Path], Run],
    dialect: str,
) -> Finding | None:
    """A part of the gold that does nothing here, that the question does not ask for, and that other data bring out.

    Args:
        tree: The gold, as sqlglot reads it.
        question: The question.
        first: What the gold returned.
        run: Runs a query on the database.
        copies: Its changed copies.
        runner: Gives what runs queries on a copy.
        dialect: Whose SQL it is.
    """
    from sqlglot import exp

    gold = tree.sql(dialect=dialect)
    tables = {node.name.lower() for node in tree.find_all(exp.Table)}
    columns = {node.name.lower() for node in tree.find_all(exp.Column)}
    changes = list(islice(copies.changes(tables, columns, compared_values(tree)), _MOST_CHANGES))
    for near in near_misses(tree, question, dialect):
        outcome = run(near.sql)
        if outcome.status != "ok" or not ours.same_bag(first.rows, outcome.rows):
            continue
        found = _separated(gold, near, changes, copies, runner)
        if found is not None:
            return found
    return None


def _separated(
    gold: str, near: NearMiss, changes: list[Change], copies: DataCopies, runner: Callable[[Path], Run]
) -> Finding | None:
    """The finding, with the first change of the data on which gold and near miss differ."""
    details = {"changed": near.change, "near_miss": near.sql}
    for change in changes:
        changed = runner(copies.changed(change))
        one, other = changed(gold), changed(near.sql)
        if one.status == other.status == "ok" and not ours.same_bag(one.rows, other.rows):
            seen = {"gold_rows_there": len(one.rows), "near_miss_rows_there": len(other.rows)}
            return Finding(
                "passes_by_accident", near.reason, {**details, "separated_by": change.statements(), **seen}
            )  # fmt: skip
    return Finding("passes_by_accident", near.reason, details) if near.is_certain else None


def compared_values(tree: Any) -> list[tuple[str, str | float]]:
    """Columns, in lower case, and the values that a query compares them with."""
    from sqlglot import exp

    kinds = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Nullif)
    found: dict[tuple[str, str | float], None] = {}
    for node in tree.find_all(*kinds):
        column, value = node.this.find(exp.Column), node.expression
        if column is None or not isinstance(value, exp.Literal | exp.Column):
            continue
        if isinstance(value, exp.Literal) and not value.is_string:
            found[column.name.lower(), float(value.this) if "." in value.this else int(value.this)] = None
        elif isinstance(value, exp.Literal) or (not value.table and value.this.args.get("quoted")):
            found[column.name.lower(), value.name] = None
    return list(found)
