"""Spider's levels of difficulty, from the text of a gold alone.

Source: eval_hardness in evaluation.py of taoyds/spider (Yu et al., Spider, EMNLP 2018). Where its parser would fail, as
it does on outer joins, WITH and functions, the same things are counted in the tree that sqlglot reads.
"""

from __future__ import annotations

from typing import Any, Literal

from llmopt_core.databases.comparison.spider_clauses import Condition, Query, UnknownForm, read_clauses

Level = Literal["easy", "medium", "hard", "extra"]
LEVELS: tuple[Level, ...] = ("easy", "medium", "hard", "extra")


def difficulty(sql: str, dialect: str = "sqlite") -> Level | None:
    """The level of a query.

    Args:
        sql: The query.
        dialect: Whose SQL it is.

    Returns:
        None where it cannot be read as a query at all.
    """
    try:
        return _level(*_counts(read_clauses(sql)))
    except UnknownForm:
        counts = _counts_of_tree(sql, dialect)
        return None if counts is None else _level(*counts)


def _level(clauses: int, nested: int, others: int) -> Level:
    if clauses <= 1 and others == 0 and nested == 0:
        return "easy"
    if nested == 0 and ((others <= 2 and clauses <= 1) or (clauses <= 2 and others < 2)):
        return "medium"
    if (nested == 0 and ((others > 2 and clauses <= 2) or (2 < clauses <= 3 and others <= 2))) or (
        clauses <= 1 and others == 0 and nested <= 1
    ):
        return "hard"
    return "extra"


def _counts(query: Query) -> tuple[int, int, int]:
    """Clauses, joins, OR and LIKE; subqueries in conditions and set operations; and what there is several of."""
    parts = [*query.join_conditions, *query.where, *query.having]
    conditions = [part for part in parts if isinstance(part, Condition)]
    clauses = (
        bool(query.where) + bool(query.grouped) + query.has_order + query.has_limit + max(0, query.tables - 1)
        + _ors(query.join_conditions) + _ors(query.where) + _ors(query.having)
        + sum(condition.word == "like" for condition in conditions)
    )  # fmt: skip
    nested = sum(len(condition.nested) for condition in conditions) + (query.combined is not None)
    # A negated condition counts as an aggregate in the original, which looks at the first field of a condition.
    aggregates = sum(query.selected) + sum(query.grouped) + sum(query.ordered) + _negations(query.where, query.having)
    others = (aggregates > 1) + (len(query.selected) > 1) + (len(query.where) > 1) + (len(query.grouped) > 1)
    return clauses, nested, others


def _ors(conditions: list[Condition | str]) -> int:
    return conditions[1::2].count("or")


def _negations(where: list[Condition | str], having: list[Condition | str]) -> int:
    negated = sum(isinstance(part, Condition) and part.is_negated for part in where[::2])
    # Of HAVING the words between are looked at as well, and their first letter is never the number 0.
    return negated + sum(part.is_negated if isinstance(part, Condition) else True for part in having)


def _counts_of_tree(sql: str, dialect: str) -> tuple[int, int, int] | None:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        tree = sqlglot.parse_one(sql, dialect=dialect)
    except (SqlglotError, RecursionError):
        return None
    if not isinstance(tree, exp.Query):
        return None
    set_operations = 0
    while isinstance(tree, exp.SetOperation | exp.Subquery):
        set_operations += isinstance(tree, exp.SetOperation)
        tree = tree.this
    if not isinstance(tree, exp.Select):
        return None
    where, group, having, order = (tree.args.get(name) for name in ("where", "group", "having", "order"))
    joins = tree.args.get("joins") or []
    parts = [part for part in (where, having, *joins) if part is not None]
    own = [node for part in parts for node in _own_nodes(part)]
    clauses = (
        (where is not None) + (group is not None) + (order is not None) + (tree.args.get("limit") is not None)
        + len(joins) + sum(isinstance(node, exp.Or | exp.Like) for node in own)
    )  # fmt: skip
    inner = sum(isinstance(node, exp.Query) and not isinstance(node.parent, exp.Subquery) for node in own)
    nested = inner + min(1, set_operations) + len(tree.ctes)
    keys = group.expressions if group is not None else []
    counted = [*tree.selects, *keys, *(order.expressions if order is not None else [])]
    aggregates = sum(item.find(exp.AggFunc) is not None for item in counted)
    connected = where is not None and any(isinstance(node, exp.Connector) for node in _own_nodes(where))
    return clauses, nested, (aggregates > 1) + (len(tree.selects) > 1) + connected + (len(keys) > 1)


def _own_nodes(node: Any) -> list[Any]:
    """The nodes of a clause; of a subquery in it only the query itself."""
    from sqlglot import exp

    return list(node.walk(prune=lambda inner: inner is not node and isinstance(inner, exp.Query)))
