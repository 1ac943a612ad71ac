"""Defog's comparison: the prediction's table is the gold's, or holds its columns.

Source: the script eval/eval.py of defog-ai/sql-eval, with pandas 2.3. Repeated rows are dropped; the order of rows
counts only where the question, or the category it has, speaks of ordering, and even then rows are sorted again by what
stands behind the first ORDER BY.
"""

from __future__ import annotations

import re
from itertools import combinations

from llmopt_core.databases.comparison.frames import (
    Frame,
    ScriptFailure,
    distinct,
    fill_missing,
    nearly_same,
    same_cells,
    sort_rows,
    sorted_values,
)

_ASKS_FOR_ORDER = re.compile(r"\b(order|sort|arrange)\b")
_FROM_ORDER_BY = re.compile(r"ORDER BY[\s\S]*", re.IGNORECASE)
_FIRST_KEY = re.compile(r"(?<=ORDER BY)(.*?)(?=;|,|\)|$)", re.IGNORECASE)
_WORDS_OF_ORDER_BY = frozenset(("desc", "asc", "nulls", "last", "first", "limit"))
_MISSING = -99999
# A set of n columns in braces stands for 2**n - 1 queries.
_MOST_COLUMNS_IN_BRACES = 10


def gold_queries(gold: str) -> list[str]:
    """The queries that a gold stands for: alternatives by `;`, and each subset of the columns in `{a, b}`.

    Raises:
        ScriptFailure: So many columns stand in braces that the script would not end.
    """
    queries: list[str] = []
    for part in gold.split(";"):
        alternative = part.strip()
        if alternative:
            queries.extend(_subsets(alternative))
    return queries


def _subsets(query: str) -> list[str]:
    start = query.find("{")
    end = query.find("}", start + 1)
    if start == -1 or end == -1:
        return [query]
    columns = query[start + 1 : end].split(",")
    if len(columns) > _MOST_COLUMNS_IN_BRACES:
        raise ScriptFailure(f"{len(columns)} columns stand in braces; at most {_MOST_COLUMNS_IN_BRACES} are tried.")
    left, right = query[:start], query[end + 1 :]
    queries = []
    for size in range(1, len(columns) + 1):
        for chosen in combinations(columns, size):
            names = ", ".join(chosen)
            # A replacement at the very start would be left out by the script, and cannot stand there.
            queries.append(left + names + right.replace("GROUP BY {}", f"GROUP BY {names}"))
    return queries


def same_or_within(gold: Frame, prediction: Frame, queries: tuple[str, str], question: str, category: str) -> str:
    """What the script finds for one gold.

    Args:
        gold: What the gold gave.
        prediction: What the prediction gave.
        queries: The whole text of the gold, alternatives and braces included, and that of the prediction.
        question: The question, in which words for ordering are looked for.
        category: The category of the question; `order_by` asks for ordering.

    Returns:
        `same`, `within` or `different`.

    Raises:
        ScriptFailure: The script raises.
    """
    if same_cells(gold, prediction):
        return "same"
    is_ordered = category == "order_by" or _ASKS_FOR_ORDER.search(question.lower()) is not None
    ours = _normalized(gold, is_ordered, queries[0])
    theirs = _normalized(prediction, is_ordered, queries[1])
    if (ours.height, len(ours.columns)) == (theirs.height, len(theirs.columns)) and same_cells(
        fill_missing(ours, _MISSING), fill_missing(theirs, _MISSING)
    ):
        return "same"
    return "within" if _is_within(gold, prediction, is_ordered) else "different"


def _normalized(frame: Frame, is_ordered: bool, sql: str = "") -> Frame:
    frame = distinct(frame)
    places = sorted(range(len(frame.names)), key=lambda place: frame.names[place])
    if len(set(frame.names)) < len(frame.names) and places != list(range(len(places))):
        raise ScriptFailure("cannot reindex on an axis with duplicate labels")
    frame = frame.pick(places)
    if not is_ordered:
        return sort_rows(frame, range(len(frame.names)), ascending=True)
    clause = _FROM_ORDER_BY.search(sql)
    return frame if clause is None else _sorted_by_clause(frame, clause.group())


def _sorted_by_clause(frame: Frame, clause: str) -> Frame:
    """Sort by the first key of a clause, then by all other columns, and put that key last."""
    found = _FIRST_KEY.findall(clause)
    words = [word.rsplit(".", 1)[-1] for word in (found[0].split() if found else [])]
    shouted = {word.upper() for word in words}
    ascending = "ASC" in shouted and "DESC" not in shouted
    keys = [word.replace(",", "").replace("(", "") for word in words]
    keys = [key for key in keys if key.lower() not in _WORDS_OF_ORDER_BY]
    others = [place for place, name in enumerate(frame.names) if name not in keys]
    named = [frame.names.index(key) for key in keys if key in frame.names]
    return sort_rows(frame, [*named, *others], ascending).pick([*others, *named])


def _renamed(names: tuple[str, ...]) -> list[str]:
    """Names that repeat, with their places behind them."""
    return [f"{name}_{place}" if names.count(name) > 1 else name for place, name in enumerate(names)]


def _is_within(gold: Frame, prediction: Frame, is_ordered: bool) -> bool:
    if not gold.height or not gold.columns:
        return False
    gold = gold.pick(range(len(gold.columns)), _renamed(gold.names))
    matched = _matching_columns(gold, prediction)
    if matched is None:
        return False
    names = _renamed(prediction.names)
    if any(names[place] != prediction.names[place] for place in matched):
        raise ScriptFailure("A column that was renamed is not in the table.")
    ours = _normalized(gold, is_ordered)
    theirs = _normalized(prediction.pick(matched, gold.names), is_ordered)
    return ours.height == theirs.height and all(map(nearly_same, ours.columns, theirs.columns))


def _matching_columns(gold: Frame, prediction: Frame) -> list[int] | None:
    """For each column of the gold the first one of the prediction that holds the same values, each taken once."""
    left = list(range(len(prediction.columns)))
    matched = []
    for column in gold.columns:
        for place in left:
            if nearly_same(sorted_values(column), sorted_values(prediction.columns[place])):
                break
        else:
            return None
        left.remove(place)
        matched.append(place)
    return matched
