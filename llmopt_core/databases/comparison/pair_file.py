"""A file of pairs of gold and prediction, run and compared."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from llmopt_core.databases.comparison.verdicts import COMPARATORS, Pair, Run, Verdict, compare_pair
from llmopt_core.databases.executor import SqlExecutor
from llmopt_core.databases.limits import QueryLimits
from llmopt_core.databases.outcome import QueryOutcome
from llmopt_core.databases.query_rows import DatabaseFolder, QueryRow, read_query_rows
from llmopt_core.databases.source import DataSource
from llmopt_core.errors import BadInput

# A query that is longer than this on such databases does not end: the scripts have no limit, or one of 30 s.
LIMITS = QueryLimits(seconds=6.0, rows=1_000_000, result_bytes=200_000_000)
# What the published scripts run and the allow-list does not let through. Nothing of the prediction is run for it: the
# number stands in the head of the file.
_HEAD = re.compile(r"\s*PRAGMA\s+(?:main\.)?(user_version|application_id|page_size|encoding)\s*;?\s*", re.IGNORECASE)
# Rows that are written out, which are a query to SQLite and none to the allow-list: they are run inside a SELECT.
_VALUES = re.compile(r"\s*(VALUES\s*\([\s\S]*?)\s*;?\s*", re.IGNORECASE)


def compare_file(
    path: Path, databases: Path, progress: Callable[[int, int], None] | None = None
) -> list[tuple[str, dict[str, Verdict]]]:
    """The verdicts for each pair of a file.

    Args:
        path: A JSON object a line, with `id`, `database`, `gold` (a text, or a list of which any is right),
            `prediction`, and where they are known `question`, `query_category`, `defog_gold`, `spider2_ignore_order`.
        databases: The folder below which the database `NAME` is `NAME.sqlite`.
        progress: Told how many pairs are done, of how many.

    Raises:
        BadInput: The file or a line is wrong, or a database is missing.
    """
    rows = read_query_rows(path)
    folder = DatabaseFolder(databases)
    pairs = [_pair(row) for row in rows]
    files = [
        (folder.path(row.text("database"), row.where), folder.suite(row.text("database"), row.where)) for row in rows
    ]
    results = []
    for number, (row, pair, (file, suite)) in enumerate(zip(rows, pairs, files, strict=True), 1):
        results.append((row.id, compare_pair(pair, runner_of(file), [runner_of(other) for other in suite])))
        if progress is not None:
            progress(number, len(rows))
    runner_of.cache_clear()
    return results


@cache
def runner_of(path: Path) -> Run:
    """Runs queries on a database, each text once."""
    executor = SqlExecutor(DataSource.parse(path), LIMITS)

    @cache
    def run(sql: str) -> QueryOutcome:
        if head := _HEAD.fullmatch(sql):
            return _head_value(path, head[1].lower())
        if values := _VALUES.fullmatch(sql):
            return executor.run(f"SELECT * FROM ({values[1]}\n)")  # noqa: S608 - it passes through all layers
        return executor.run(sql)

    return run


def _head_value(path: Path, name: str) -> QueryOutcome:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        # `name` is one of four words.
        rows = connection.execute(f"PRAGMA {name}").fetchall()
    except sqlite3.Error as error:
        return QueryOutcome("error", f"{error}.")
    finally:
        connection.close()
    return QueryOutcome("ok", "", (name,), tuple(rows))


def _pair(row: QueryRow) -> Pair:
    ignore_order = row.values.get("spider2_ignore_order")
    if ignore_order is not None and not isinstance(ignore_order, bool):
        raise BadInput(f'{row.where}: "spider2_ignore_order" must be true or false.')
    return Pair(
        golds=row.texts("gold"),
        prediction=row.text("prediction"),
        question=row.optional_text("question"),
        category=row.optional_text("query_category"),
        ignore_order=ignore_order,
        defog_gold=row.optional_text("defog_gold"),
    )


def verdict_counts(results: list[tuple[str, dict[str, Verdict]]]) -> dict[str, Counter[Any]]:
    """How often each comparator gave each verdict."""
    return {name: Counter(verdicts[name] for _, verdicts in results) for name in COMPARATORS}


def disagreements(results: list[tuple[str, dict[str, Verdict]]]) -> int:
    """How many pairs the published scripts do not all see alike."""
    return sum(len({verdicts[name] for name in COMPARATORS[1:]}) > 1 for _, verdicts in results)
