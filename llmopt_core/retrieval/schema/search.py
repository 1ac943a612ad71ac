"""Search over names, descriptions and sample values of a schema."""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from llmopt_core.databases.schema import Column, Schema, Table
from llmopt_core.index.bm25 import Bm25
from llmopt_core.retrieval.schema.links import find_links

Encode = Callable[[Sequence[str]], npt.NDArray[np.float32]]

# Of the neighbours' score beside a table's own: a query joins tables that its question does not name. And of the best
# columns and the meaning beside the table's words. Chosen on `benchmarks/schema_search.py`, where all of 0.8 to 1.2,
# 0.5 to 1 and 2 to 3 are within a point of each other.
_JOIN_WEIGHT = 1.0
_COLUMN_WEIGHT, _MEANING_WEIGHT = 0.5, 2.0

# Wider tables are exports of other programs, whose columns would push the others out of the model's window.
MOST_COLUMNS = 60

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True, slots=True)
class TableHit:
    """A table that was handed over.

    Attributes:
        score: Of words, meaning and the tables that it joins; higher is nearer to the question.
        joins: The table that it is there for; empty where the question found it.
    """

    table: str
    score: float
    joins: str = ""


class SchemaSearch:
    """Finds the tables for a question.

    Args:
        schema: All of it.
        encode: Texts -> unit vectors; None searches by words alone.
    """

    def __init__(self, schema: Schema, encode: Encode | None = None) -> None:
        self.schema = schema
        self._encode = encode

    def search(self, question: str, k: int) -> list[TableHit]:
        """At most `k` tables, the best first: the nearest to the question, and those that join them."""
        names = [table.name for table in self.schema.tables]
        if len(names) <= k:
            return [TableHit(name, 0.0) for name in names]
        own = self.scores(question)
        scores = own + _JOIN_WEIGHT * self._best_neighbours(own)
        order = np.argsort(-scores, kind="stable")[:k]
        # Without its neighbours it would not have been found: the reader sees why it is there.
        found_by_itself = set(np.argsort(-own, kind="stable")[:k].tolist())
        return [
            TableHit(names[i], float(scores[i]), "" if i in found_by_itself else self._neighbour(int(i), own))
            for i in order.tolist()
        ]

    def cut(self, question: str, k: int, most_columns: int = MOST_COLUMNS) -> tuple[Schema, list[TableHit]]:
        """The part of the schema that a model is shown, in the order of the schema, and why.

        Of very wide tables the keys and the columns nearest to the question are shown.
        """
        hits = self.search(question, k)
        shown = self.schema.only({hit.table for hit in hits})
        if all(len(table.columns) <= most_columns for table in shown.tables):
            return shown, hits
        scores = self._column_words.scores(question)
        ranges = dict(zip((table.name for table in self.schema.tables), self._column_ranges, strict=True))
        tables = (_narrow(table, scores[slice(*ranges[table.name])], most_columns) for table in shown.tables)
        return Schema(tuple(tables)), hits

    def _best_neighbours(self, own: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Per table the mean score of the two best tables that it joins; one alone counts half."""
        reached = np.zeros(len(own))
        for place, neighbours in enumerate(self._neighbours):
            if neighbours:
                best = heapq.nlargest(2, (own[other] / length for other, length in neighbours))
                reached[place] = sum(best) / 2
        return reached

    def _neighbour(self, place: int, own: npt.NDArray[np.float64]) -> str:
        other, _ = max(self._neighbours[place], key=lambda one: own[one[0]] / one[1])
        return self.schema.tables[other].name

    def scores(self, question: str) -> npt.NDArray[np.float64]:
        """One score per table, in the order of the schema."""
        columns = self._column_words.scores(question).astype(np.float64)
        best_columns = np.zeros(len(self.schema.tables))
        for table, (start, end) in enumerate(self._column_ranges):
            top = np.sort(columns[start:end])[::-1][:3]
            # The second and third column say less: a wide table shares some word with any question.
            best_columns[table] = float(top @ np.array([1.0, 0.5, 0.25])[: len(top)])
        words = _scaled(self._table_words.scores(question)) + _COLUMN_WEIGHT * _scaled(best_columns)
        if self._encode is None:
            return words
        cosines = self._vectors @ self._encode([question])[0]
        return words + _MEANING_WEIGHT * _scaled(np.maximum(cosines, 0.0))

    @cached_property
    def _column_ranges(self) -> list[tuple[int, int]]:
        ends = np.cumsum([len(table.columns) for table in self.schema.tables]).tolist()
        return list(zip([0, *ends[:-1]], ends, strict=True))

    @cached_property
    def _table_words(self) -> Bm25:
        return Bm25.of([table_text(table) for table in self.schema.tables])

    @cached_property
    def _column_words(self) -> Bm25:
        return Bm25.of([_column_text(table, column) for table in self.schema.tables for column in table.columns])

    @cached_property
    def _vectors(self) -> npt.NDArray[np.float32]:
        if self._encode is None:
            raise AssertionError("asked for vectors without an embedder")
        return self._encode([table_text(table) for table in self.schema.tables])

    @cached_property
    def _neighbours(self) -> list[list[tuple[int, float]]]:
        """Per table the positions of those that it joins, with the length of the step."""
        places = {table.name: place for place, table in enumerate(self.schema.tables)}
        links = find_links(self.schema)
        return [
            [(places[other], length) for other, length in links[table.name].items()] for table in self.schema.tables
        ]


def _narrow(table: Table, scores: npt.NDArray[np.float32], most: int) -> Table:
    joins = {name for key in table.foreign_keys for name in key.columns}
    # Keys first, whatever is asked: without them nothing can be joined.
    order = sorted(
        range(len(table.columns)),
        key=lambda i: (not (table.columns[i].is_key or table.columns[i].name in joins), -scores[i], i),
    )
    shown = set(order[:most])
    return replace(table, columns=tuple(column for i, column in enumerate(table.columns) if i in shown))


def table_text(table: Table) -> str:
    """What of a table is searched: its name, description and columns, as words."""
    columns = ", ".join(spoken(column.name) for column in table.columns)
    return f"{spoken(table.name)}. {table.description} {columns}".strip()


def spoken(name: str) -> str:
    """A name of the schema as words: `singer_in_concert` and `SingerInConcert` are three."""
    return _CAMEL.sub(" ", name).replace("_", " ").strip()


def _column_text(table: Table, column: Column) -> str:
    return f"{spoken(table.name)} {spoken(column.name)} {column.description} {' '.join(column.values)}"


def _scaled(scores: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    top = float(scores.max(initial=0.0))
    return scores.astype(np.float64) / top if top > 0 else scores.astype(np.float64)
