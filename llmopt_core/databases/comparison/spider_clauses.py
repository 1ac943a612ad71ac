"""The clauses of a query as Spider's own parser finds them, its blind spots included.

Source: process_sql.py of taoyds/spider (Yu et al., 2018). It reads tokens from left to right and knows one SELECT with
joins, one set operation a query, and subqueries in conditions. Names are not looked up here: no schema is needed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_CLAUSES = frozenset(("select", "from", "where", "group", "order", "limit", "intersect", "union", "except"))
_JOINS = frozenset(("join", "on", "as"))
_CONDITION_WORDS = frozenset(("not", "between", "=", ">", "<", ">=", "<=", "!=", "in", "like", "is", "exists"))
_AGGREGATES = frozenset(("max", "min", "count", "sum", "avg"))
_SIGNS = frozenset("-+*/")
_SET_WORDS = frozenset(("intersect", "union", "except"))
_NAME = re.compile(r"\*|[\w$]+(?:\.(?:[\w$]+|\*))?")
# As NLTK cuts words: brackets and angles stand alone, a comma does unless a digit follows, an equals sign does not.
_TOKEN = re.compile(r"[\[\](){}<>;@#$%&?!]|[,:](?!\d)|(?:[^\s\[\](){}<>;@#$%&?!,:]|[,:](?=\d))+")
_DEEPEST = 60


class UnknownForm(Exception):
    """The query has a form that Spider's parser does not know."""


@dataclass
class Condition:
    """One comparison: its word, whether its value is a subquery, and how many there are."""

    word: str
    is_negated: bool
    nested: list[Query] = field(default_factory=list)


@dataclass
class Query:
    """What the rules of difficulty count.

    Attributes:
        selected: For each selected column, whether an aggregate stands around it.
        tables: Tables and subqueries that are joined.
        join_conditions: Conditions behind ON, and the words AND and OR between them.
        where: The same behind WHERE.
        having: The same behind HAVING.
        grouped: For each key of GROUP BY, whether it is an aggregate.
        ordered: For each column in the keys of ORDER BY, whether it is an aggregate.
        has_order: Whether there is an ORDER BY.
        has_limit: Whether there is a LIMIT.
        combined: The query behind INTERSECT, UNION or EXCEPT.
    """

    selected: list[bool] = field(default_factory=list)
    tables: int = 0
    join_conditions: list[Condition | str] = field(default_factory=list)
    where: list[Condition | str] = field(default_factory=list)
    having: list[Condition | str] = field(default_factory=list)
    grouped: list[bool] = field(default_factory=list)
    ordered: list[bool] = field(default_factory=list)
    has_order: bool = False
    has_limit: bool = False
    combined: Query | None = None


def read_clauses(sql: str) -> Query:
    """The clauses of a query.

    Raises:
        UnknownForm: Spider's parser would fail.
    """
    try:
        _, query = _Reader(_tokens(sql)).query(0, 0)
    except (IndexError, ValueError) as error:
        raise UnknownForm(str(error)) from error
    return query


def _tokens(sql: str) -> list[str]:
    pieces = sql.replace("'", '"').split('"')
    if len(pieces) % 2 == 0:
        raise UnknownForm("a quote is not closed")
    # A quoted value is one token, and joined to what touches it.
    marked = "".join(piece if place % 2 == 0 else f"__val_{place}__" for place, piece in enumerate(pieces))
    tokens: list[str] = []
    for word in _TOKEN.findall(marked.lower()):
        if word == "=" and tokens and tokens[-1] in ("!", ">", "<"):
            tokens[-1] += word
        else:
            tokens.append('"' if re.fullmatch(r"__val_\d+__", word) else word)
    return tokens


class _Reader:
    """Reads by place: each method gets where to begin and says where it ended."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens

    def at(self, place: int) -> str:
        return self.tokens[place] if place < len(self.tokens) else ""

    def expect(self, place: int, token: str) -> int:
        if self.at(place) != token:
            raise UnknownForm(f"expected {token}, found {self.at(place)}")
        return place + 1

    def query(self, start: int, depth: int) -> tuple[int, Query]:
        if depth > _DEEPEST:
            raise UnknownForm("too deep")
        query = Query()
        is_block = self.at(start) == "("
        begin = start + is_block
        place = self._from(start, query, depth)
        self._select(begin, query)
        if self.at(place) == "where":
            place = self._conditions(place + 1, query.where, depth)
        if self.at(place) == "group":
            place = self._keys(self.expect(place + 1, "by"), query.grouped, with_direction=False)
        if self.at(place) == "having":
            place = self._conditions(place + 1, query.having, depth)
        if self.at(place) == "order":
            query.has_order = True
            place = self._keys(self.expect(place + 1, "by"), query.ordered, with_direction=True)
        if self.at(place) == "limit":
            query.has_limit = True
            int(self.tokens[place + 1])
            place += 2
        place = self._past_semicolons(place)
        if is_block:
            place = self._past_semicolons(self.expect(place, ")"))
        if self.at(place) in _SET_WORDS:
            place, query.combined = self.query(place + 1, depth + 1)
        return place, query

    def _past_semicolons(self, place: int) -> int:
        while self.at(place) == ";":
            place += 1
        return place

    def _select(self, start: int, query: Query) -> None:
        place = self.expect(start, "select")
        place += self.at(place) == "distinct"
        while place < len(self.tokens) and self.at(place) not in _CLAUSES:
            is_aggregate = self.at(place) in _AGGREGATES
            place, _ = self._expression(place + is_aggregate)
            query.selected.append(is_aggregate)
            place += self.at(place) == ","

    def _from(self, start: int, query: Query, depth: int) -> int:
        place = self.tokens.index("from", start) + 1
        while place < len(self.tokens):
            is_block = self.at(place) == "("
            place += is_block
            if self.at(place) == "select":
                place, _ = self.query(place, depth + 1)
            else:
                # Behind a table only JOIN is known: LEFT, a comma or a name would be taken for a table.
                place = self.expect(place, "join") if query.tables else place
                if _NAME.fullmatch(self.at(place)) is None or self.at(place) in _JOINS:
                    raise UnknownForm(f"{self.at(place)} is no table")
                place += 3 if self.at(place + 1) == "as" else 1
            query.tables += 1
            if self.at(place) == "on":
                if query.join_conditions:
                    query.join_conditions.append("and")
                place = self._conditions(place + 1, query.join_conditions, depth)
            if is_block:
                place = self.expect(place, ")")
            if self.at(place) in _CLAUSES or self.at(place) in (")", ";"):
                break
        return place

    def _keys(self, start: int, keys: list[bool], *, with_direction: bool) -> int:
        place = start
        while place < len(self.tokens) and self.at(place) not in _CLAUSES and self.at(place) not in (")", ";"):
            if with_direction:
                place, found = self._expression(place)
                keys.extend(found)
                place += self.at(place) in ("asc", "desc")
            else:
                place, is_aggregate = self._column(place)
                keys.append(is_aggregate)
            if self.at(place) != ",":
                break
            place += 1
        return place

    def _conditions(self, start: int, conditions: list[Condition | str], depth: int) -> int:
        place = start
        while place < len(self.tokens):
            place, _ = self._expression(place)
            is_negated = self.at(place) == "not"
            place += is_negated
            word = self.at(place)
            if word not in _CONDITION_WORDS:
                raise UnknownForm(f"{word} is no comparison")
            condition = Condition(word, is_negated)
            place = self._value(place + 1, condition, depth)
            if word == "between":
                place = self._value(self.expect(place, "and"), condition, depth)
            conditions.append(condition)
            following = self.at(place)
            if following in _CLAUSES or following in _JOINS or following in (")", ";"):
                break
            if following in ("and", "or"):
                conditions.append(following)
                place += 1
        return place

    def _value(self, start: int, condition: Condition, depth: int) -> int:
        is_block = self.at(start) == "("
        place = start + is_block
        first = self.tokens[place]
        if first == "select":
            place, nested = self.query(place, depth + 1)
            condition.nested.append(nested)
        elif '"' in first or _is_number(first):
            place += 1
        else:
            place = self._column_as_value(start, place)
        return self.expect(place, ")") if is_block else place

    def _column_as_value(self, start: int, place: int) -> int:
        """A column; OR does not end it, so what stands behind an OR is lost, as in the original."""
        end = place
        while (
            end < len(self.tokens)
            and self.at(end) not in (",", ")", "and")
            and not (self.at(end) in _CLAUSES or self.at(end) in _JOINS)
        ):
            end += 1
        _Reader(self.tokens[start:end])._column(0)
        return end

    def _expression(self, start: int) -> tuple[int, list[bool]]:
        """One column, or two with a sign between; for each, whether it is an aggregate."""
        is_block = self.at(start) == "("
        place, first = self._column(start + is_block)
        found = [first]
        if self.at(place) in _SIGNS and self.at(place):
            place, second = self._column(place + 1)
            found.append(second)
        return (self.expect(place, ")") if is_block else place), found

    def _column(self, start: int) -> tuple[int, bool]:
        is_block = self.tokens[start] == "("
        place = start + is_block
        if self.tokens[place] in _AGGREGATES:
            place = self.expect(place + 1, "(")
            place += self.at(place) == "distinct"
            return self.expect(self._name(place), ")"), True
        place += self.at(place) == "distinct"
        place = self._name(place)
        return (self.expect(place, ")") if is_block else place), False

    def _name(self, place: int) -> int:
        if _NAME.fullmatch(self.tokens[place]) is None:
            raise UnknownForm(f"{self.tokens[place]} is no column")
        return place + 1


def _is_number(token: str) -> bool:
    try:
        float(token)
    except ValueError:
        return False
    return True
