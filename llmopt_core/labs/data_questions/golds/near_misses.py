"""Queries that are nearly a gold, each with one part changed that the question does not ask for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from llmopt_core.labs.data_questions.golds.duplicates import ASKS_FOR_DISTINCT, with_distinct_counts

_NUMBER_WORDS = {
    "no": 0, "zero": 0, "one": 1, "once": 1, "single": 1, "two": 2, "twice": 2, "both": 2, "couple": 2, "three": 3,
    "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
    "multiple": 1, "several": 1, "dozen": 12, "hundred": 100, "thousand": 1000, "any": 0,
}  # fmt: skip
_SMALLEST = re.compile(
    r"\b(min(imum)?|least|lowest|smallest|shortest|fewest|earliest|cheapest|youngest|oldest|first)\b", re.IGNORECASE
)
_LARGEST = re.compile(
    r"\b(max(imum)?|most|highest|largest|biggest|longest|greatest|latest|top|best|heaviest|youngest|oldest|last)\b",
    re.IGNORECASE,
)
_AVERAGE = re.compile(r"\b(average|mean|avg)\b", re.IGNORECASE)
_SUM = re.compile(r"\b(sum|total|overall|altogether|combined)\b", re.IGNORECASE)
_COUNTS = re.compile(r"\b(how (many|much)|number|count|amount|all|each|per|every)\b", re.IGNORECASE)
_OR_EQUAL = re.compile(
    r"\b(at least|at most|or more|or less|or fewer|or higher|or above|or below|no less|no more|no fewer|not more|"
    r"not less|minimum of|maximum of|up to|inclusive|since)\b",
    re.IGNORECASE,
)
_STRICT = re.compile(
    r"\b(more than|less than|fewer than|greater|larger|bigger|above|below|over|under|exceeds?|exceeding|higher|lower|"
    r"before|after|earlier|later|older|younger|longer|shorter|expensive|cheaper)\b",
    re.IGNORECASE,
)
_DENIES = re.compile(
    r"\b(not|no|never|without|except|excluding|excludes?|other than|besides|none|neither|nor|un\w+|non)\b|n't\b",
    re.IGNORECASE,
)
_BOTH = re.compile(r"\b(both|also|as well)\b", re.IGNORECASE)
_ASKS_FOR_ALL = re.compile(r"\b(including|even|without|no|not|never|zero|all)\b", re.IGNORECASE)
_OFFERS = re.compile(r"\b(or|either)\b", re.IGNORECASE)
# A row at the boundary tells them apart.
_CERTAIN = frozenset(("boundary", "zero guard"))


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A query that differs from a gold in one part.

    Attributes:
        change: What was changed, as a short name.
        reason: One sentence for people.
        sql: The query.
        is_certain: Whether it is known to differ on some data, without a copy that shows it.
    """

    change: str
    reason: str
    sql: str
    is_certain: bool = False


def near_misses(tree: Any, question: str, dialect: str) -> Iterator[NearMiss]:
    """The near misses of a gold; what the question plainly asks for is not changed.

    Args:
        tree: The gold, as sqlglot reads it.
        question: The question.
        dialect: Whose SQL it is.
    """
    for make in (_conditions_dropped, _operators, _connectors, _comparisons, _aggregates, _joins, _literals, _counts):
        for change, reason, changed in make(tree, question):
            yield NearMiss(change, reason, changed.sql(dialect=dialect), change in _CERTAIN)


_Made = Iterator[tuple[str, str, Any]]


def _edited(tree: Any, place: int, edit: Callable[[Any], Any]) -> Any:
    """A copy of a tree in which the node at a place of the walk was edited; the edit may give a node in its stead."""
    changed = tree.copy()
    node = next(node for at, node in enumerate(changed.walk()) if at == place)
    instead = edit(node)
    if instead is not None and instead is not node:
        if node is changed:
            return instead
        node.replace(instead)
    return changed


def _with_node(tree: Any, place: int, node: Any) -> Any:
    return _edited(tree, place, lambda _: node)


def _with_kind(tree: Any, place: int, kind: Any) -> Any:
    """A copy of a tree in which the node at a place is one of another kind, with the same parts."""
    return _edited(tree, place, lambda node: kind(**node.copy().args))


def _conditions_dropped(tree: Any, question: str) -> _Made:
    """Without one condition whose value the question does not name."""
    from sqlglot import exp

    for place, node in enumerate(tree.walk()):
        if not isinstance(node, exp.Where | exp.Having):
            continue
        parts = list(node.this.flatten()) if isinstance(node.this, exp.And) else [node.this]
        for number, part in enumerate(parts):
            if not _is_about_a_value(part) or _is_named(part, question):
                continue
            kept = [other.copy() for other in parts if other is not part]

            def edit(clause: Any, kept: list[Any] = kept) -> Any:
                if kept:
                    clause.set("this", exp.and_(*kept, copy=False))
                else:
                    clause.parent.set(clause.arg_key, None)

            sentence = "A condition that the question does not name excludes nothing on this data."
            yield f"condition {number + 1} dropped", f"{sentence} ({part.sql()[:80]})", _edited(tree, place, edit)


def _is_about_a_value(part: Any) -> bool:
    from sqlglot import exp

    kinds = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Like, exp.In, exp.Between, exp.Not)
    return isinstance(part, kinds) and part.find(exp.Literal) is not None and part.find(exp.Query) is None


def _is_named(part: Any, question: str) -> bool:
    """Whether the question speaks of some value of a condition."""
    from sqlglot import exp

    words = question.lower()
    for literal in part.find_all(exp.Literal, exp.Column):
        if isinstance(literal, exp.Column) and not _is_text_in_double_quotes(literal):
            continue
        text = literal.name.strip("% _").lower()
        if isinstance(literal, exp.Column) or literal.is_string:
            # Of a longer text one word is enough: people shorten names.
            tokens = [token for token in re.findall(r"\w+", text) if len(token) > 1]
            if not text or text in words or any(token in words for token in tokens):
                return True
        elif _has_number(question, text):
            return True
    return False


def _has_number(question: str, text: str, slack: int = 0) -> bool:
    try:
        value = float(text)
    except ValueError:
        return True
    numbers = {float(found.replace(",", "")) for found in re.findall(r"\d[\d,]*(?:\.\d+)?", question)}
    numbers |= {float(_NUMBER_WORDS[word]) for word in re.findall(r"[a-z]+", question.lower()) if word in _NUMBER_WORDS}
    return any(abs(number - value) <= slack for number in numbers)


def _operators(tree: Any, question: str) -> _Made:
    """Equal for unequal, and the other way, where the question does not say which."""
    from sqlglot import exp

    for place, node in enumerate(tree.walk()):
        if not isinstance(node, exp.EQ | exp.NEQ) or not _is_value(node.expression):
            continue
        if isinstance(node, exp.NEQ) and _DENIES.search(question):
            continue
        if isinstance(node, exp.EQ) and _is_named(node, question):
            continue
        other = exp.NEQ if isinstance(node, exp.EQ) else exp.EQ
        sentence = f"The opposite comparison gives the same on this data. ({node.sql()[:80]})"
        yield "comparison turned round", sentence, _with_kind(tree, place, other)


def _is_value(node: Any) -> bool:
    from sqlglot import exp

    return isinstance(node, exp.Literal) or (isinstance(node, exp.Column) and _is_text_in_double_quotes(node))


def _is_text_in_double_quotes(column: Any) -> bool:
    """SQLite reads a name in double quotes as a text where no column has it."""
    return not column.table and bool(column.this.args.get("quoted"))


def _connectors(tree: Any, question: str) -> _Made:
    """OR for AND, and one set operation for another."""
    from sqlglot import exp

    offers = bool(_OFFERS.search(question))
    swaps = {exp.And: exp.Or} if offers else {exp.Or: exp.And}
    for place, node in enumerate(tree.walk()):
        others = [swaps[type(node)]] if type(node) in swaps else []
        if isinstance(node, exp.Union) and node.args.get("distinct") and not offers:
            others = [exp.Intersect]
        is_asked = _BOTH if isinstance(node, exp.Intersect) else _DENIES
        if isinstance(node, exp.Intersect | exp.Except) and not is_asked.search(question):
            others = [other for other in (exp.Intersect, exp.Except, exp.Union) if not isinstance(node, other)]
        for other in others:
            sentence = f"{other.key.upper()} in place of {node.key.upper()} gives the same on this data."
            yield f"{node.key} to {other.key}", sentence, _with_kind(tree, place, other)


def _comparisons(tree: Any, question: str) -> _Made:
    """Or-equal for strict and the other way, where the question's words ask for the other one alone."""
    from sqlglot import exp

    asks_equal, asks_strict = bool(_OR_EQUAL.search(question)), bool(_STRICT.search(question))
    pairs = {exp.GT: exp.GTE, exp.LT: exp.LTE} if asks_equal and not asks_strict else {}
    if asks_strict and not asks_equal:
        pairs = {exp.GTE: exp.GT, exp.LTE: exp.LT}
    for place, node in enumerate(tree.walk()):
        other = pairs.get(type(node))
        # `> 1` is `>= 2`, and that may be what the question says.
        if other is None or not _bound_is_asked_for(node, question):
            continue
        sentence = f"The question asks for the other boundary, which gives the same on this data. ({node.sql()[:80]})"
        yield "boundary", sentence, _with_kind(tree, place, other)


def _bound_is_asked_for(node: Any, question: str) -> bool:
    from sqlglot import exp

    value = node.expression
    if isinstance(value, exp.Literal) and not value.is_string:
        return _has_number(question, str(value.this))
    return isinstance(value, exp.Subquery)


def _aggregates(tree: Any, question: str) -> _Made:
    """Another aggregate, where the question does not ask for the gold's own."""
    from sqlglot import exp

    asked = {exp.Min: _SMALLEST, exp.Max: _LARGEST, exp.Avg: _AVERAGE, exp.Sum: _SUM}
    for place, node in enumerate(tree.walk()):
        kind = type(node)
        if kind not in asked or asked[kind].search(question):
            continue
        others = [other for other, words in asked.items() if other is not kind and words.search(question)]
        # One row is its own largest and smallest; inside an expression a sum of it may be a habit.
        is_bare = node.find_ancestor(exp.Select) is tree and isinstance(node.parent, exp.Select | exp.Alias)
        is_counted = is_bare and not _COUNTS.search(question)
        if not others and (kind in (exp.Min, exp.Max) or is_counted):
            others = [exp.Max if kind is exp.Min else exp.Min]
        for other in others:
            sentence = f"The question asks for no {node.key.upper()}, and {other.key.upper()} is the same on this data."
            yield f"{node.key} to {other.key}", sentence, _with_kind(tree, place, other)


def _joins(tree: Any, question: str) -> _Made:
    """An inner join for an outer one, where the question does not ask for what has no partner."""
    from sqlglot import exp

    if _ASKS_FOR_ALL.search(question):
        return
    for place, node in enumerate(tree.walk()):
        if isinstance(node, exp.Join) and node.side in ("LEFT", "RIGHT", "FULL"):
            sentence = f"{node.side} JOIN keeps nothing that JOIN would drop on this data."
            yield "join made inner", sentence, _edited(tree, place, lambda found: found.set("side", None))


def _literals(tree: Any, question: str) -> _Made:
    """A number that the question does not name, and one more or less."""
    from sqlglot import exp

    for place, node in enumerate(tree.walk()):
        if not isinstance(node, exp.Literal) or node.is_string or not str(node.this).isdigit():
            continue
        value, parent = int(node.this), node.parent
        if not isinstance(parent, _compared()):
            continue
        if isinstance(parent, exp.Nullif):
            # A guard against division by another number than 0 is a slip, whatever the question says.
            others = [0] if value else []
        else:
            others = [] if _is_asked_for(parent, value, question) else [value + 1, *([value - 1] if value else [])]
        for number in others:
            change = "zero guard" if isinstance(parent, exp.Nullif) else f"{value} to {number}"
            sentence = f"The question does not name {value}, and {number} gives the same on this data."
            yield change, f"{sentence} ({parent.sql()[:80]})", _with_node(tree, place, exp.Literal.number(number))


def _is_asked_for(comparison: Any, value: int, question: str) -> bool:
    """Whether the question names the number, or its neighbour where `> 1` says what `at least 2` asks for."""
    from sqlglot import exp

    if _has_number(question, str(value)):
        return True
    steps = {exp.GT: 1, exp.LTE: 1, exp.GTE: -1, exp.LT: -1}
    step = steps.get(type(comparison))
    if step is None:
        return False
    asks = _OR_EQUAL if isinstance(comparison, exp.GT | exp.LT) else _STRICT
    return bool(asks.search(question)) and _has_number(question, str(value + step))


def _compared() -> tuple[Any, ...]:
    from sqlglot import exp

    return (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Nullif, exp.Between)


def _counts(tree: Any, question: str) -> _Made:
    """DISTINCT in each COUNT, where the question asks for different things and the gold does not."""
    if ASKS_FOR_DISTINCT.search(question):
        changed = with_distinct_counts(tree)
        if changed is not None:
            yield (
                "COUNT made DISTINCT",
                ("The question asks for different ones and COUNT counts all, which is the same on this data."),
                changed,
            )
