"""Do the tables that a query needs come along, where a schema has 500 of them?

    python -m benchmarks.schema_search FOLDER

FOLDER holds `defog` (databases and `questions_gen_sqlite.csv`), `spider_train_department_store` and
`official/hardness_train_sample.jsonl`: the databases of the first two are put into one schema, filled up to 500 tables
with some of those that the queries of the last one name, three times. Prints the mean share of needed tables among
those handed over, the share of questions that got all of them, and what a question takes. Tables that two databases
share by name get the database's name before theirs; nothing else tells which is meant, so 1.0 cannot be had.
"""

from __future__ import annotations

import csv
import json
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from llmopt_core.databases.schema import Column, ForeignKey, Schema, Table
from llmopt_core.databases.schema_reader import read_schema
from llmopt_core.databases.source import DataSource
from llmopt_core.index.embedding_cache import encode_with_cache
from llmopt_core.models.base import EmbeddingSpec, Vectors
from llmopt_core.models.registry import Models
from llmopt_core.retrieval.schema.search import SchemaSearch
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings

SIZE = 500
_DEFOG = ("academic", "atis", "geography", "restaurants", "scholar")

Owned = tuple[str, Table]
Question = tuple[str, str, str]


def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        models = Models(settings, Store.open(settings).cache)
        embedder = models.embedder(EmbeddingSpec())

        def encode(texts: Sequence[str]) -> Vectors:
            return encode_with_cache(texts, embedder, models.cache)

        for seed in range(3):
            schema, questions = _problem(folder, seed)
            print(f"filling {seed}: {len(schema.tables)} tables, {len(questions)} questions")
            for k in (6, 12, 20):
                _report("words alone", SchemaSearch(schema), questions, k)
                _report("words and meaning", search := SchemaSearch(schema, encode), questions, k)
        _time(search, questions)


def _problem(folder: Path, seed: int) -> tuple[Schema, list[tuple[str, set[str]]]]:
    owned, filling = _real_tables(folder), _filling(folder)
    random.Random(seed).shuffle(filling)
    owned += filling[: SIZE - len(owned)]
    names = _names(owned)
    schema = Schema(tuple(_renamed(database, table, names) for database, table in owned))
    return schema, [(text, need) for text, need in _questions(folder, names) if need]


def _report(title: str, search: SchemaSearch, questions: list[tuple[str, set[str]]], k: int) -> None:
    shares = [len(need & {hit.table for hit in search.search(text, k)}) / len(need) for text, need in questions]
    complete = sum(share == 1 for share in shares) / len(shares)
    print(f"{title:>18}, {k:2} tables: recall {np.mean(shares):.4f}, all needed tables {complete:.4f}")


def _time(search: SchemaSearch, questions: list[tuple[str, set[str]]]) -> None:
    # Asked in other words, so that no vector is known already.
    texts = [f"Please tell me: {text}" for text, _ in questions]
    wall, processor = time.perf_counter(), time.process_time()
    for text in texts:
        search.search(text, 12)
    count = len(texts)
    print(f"a new question: {1000 * (time.perf_counter() - wall) / count:.1f} ms by the clock, "
          f"{1000 * (time.process_time() - processor) / count:.1f} ms of processor time")  # fmt: skip


def _real_tables(folder: Path) -> list[Owned]:
    paths = [folder / "defog" / "database" / name / f"{name}.sqlite" for name in _DEFOG]
    paths.append(folder / "spider_train_department_store" / "department_store.sqlite")
    return [(path.stem, table) for path in paths for table in read_schema(DataSource.parse(path)).tables]


def _filling(folder: Path) -> list[Owned]:
    """Tables and columns as far as the queries of other databases name them."""
    from sqlglot import exp

    columns: dict[tuple[str, str], set[str]] = defaultdict(set)
    for line in (folder / "official" / "hardness_train_sample.jsonl").read_text().splitlines():
        row = json.loads(line)
        tree = _parse(row["gold"])
        if tree is None or row["database"] in (*_DEFOG, "geo", "department_store"):
            continue
        aliases = {table.alias_or_name.lower(): table.name.lower() for table in tree.find_all(exp.Table)}
        for name in aliases.values():
            columns[row["database"], name].update()
        for column in tree.find_all(exp.Column):
            owner = aliases.get(column.table.lower()) or (next(iter(aliases.values())) if len(aliases) == 1 else "")
            if owner:
                columns[row["database"], owner].add(column.name.lower())
    return [
        (database, Table(name, tuple(Column(column, "TEXT") for column in sorted(one))))
        for (database, name), one in columns.items()
    ]


def _names(owned: list[Owned]) -> dict[tuple[str, str], str]:
    counts = Counter(table.name.lower() for _, table in owned)
    return {
        (database, table.name.lower()): table.name if counts[table.name.lower()] == 1 else f"{database}_{table.name}"
        for database, table in owned
    }


def _renamed(database: str, table: Table, names: dict[tuple[str, str], str]) -> Table:
    keys = tuple(
        ForeignKey(key.columns, names.get((database, key.target.lower()), key.target), key.target_columns)
        for key in table.foreign_keys
    )
    return Table(names[database, table.name.lower()], table.columns, keys, table.description)


def _questions(folder: Path, names: dict[tuple[str, str], str]) -> list[tuple[str, set[str]]]:
    with (folder / "defog" / "questions_gen_sqlite.csv").open() as file:
        rows: list[Question] = [
            (r["db_name"], r["question"], r["query"].split(";")[0]) for r in csv.DictReader(file)
        ]  # fmt: skip
    lines = (folder / "spider_train_department_store" / "questions.jsonl").read_text().splitlines()
    rows += [(q["db_id"], q["question"], q["query"]) for q in map(json.loads, lines)]
    return [(text, _needed(database, query, names)) for database, text, query in rows]


def _needed(database: str, query: str, names: dict[tuple[str, str], str]) -> set[str]:
    from sqlglot import exp

    tree = _parse(query)
    if tree is None:
        return set()
    own = {table.alias.lower() for table in tree.find_all(exp.CTE)}
    values = {table.name.lower() for table in tree.find_all(exp.Table)} - own
    return {names[database, name] for name in values if (database, name) in names}


def _parse(query: str) -> Any:
    import sqlglot

    try:
        return sqlglot.parse_one(query, read="sqlite")
    except sqlglot.errors.SqlglotError:
        return None


if __name__ == "__main__":
    main(Path(sys.argv[1]))
