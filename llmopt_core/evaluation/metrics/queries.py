"""Metrics of data questions: is the result right, did the query run, did the model see the tables that it needed?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llmopt_core.databases.comparison import verdicts
from llmopt_core.databases.comparison.verdicts import Pair, Verdict
from llmopt_core.databases.outcome import QueryOutcome
from llmopt_core.databases.schema import Schema
from llmopt_core.databases.threads import run_in_thread
from llmopt_core.evaluation.sample import CouldNotScore, Meter, Outcome, QueryDatabase, Sample, Unprovable, Work
from llmopt_core.types import DataAnswer, Evidence

Compare = Callable[[Pair, verdicts.Run], Verdict]

_UNPROVABLE = "Both results are empty, so nothing is proved: any query that is empty by mistake would look right."


def _spider(pair: Pair, run: verdicts.Run) -> Verdict:
    return verdicts.verdict_of_spider(pair, [run], keep_distinct=False)


def execution(compare: Compare, query_of: Callable[[DataAnswer], str], title: str) -> Work:
    """A metric that runs the right query and the model's, and compares their results by one comparator."""

    async def score(sample: Sample, meter: Meter) -> Outcome:
        data, database = _data(sample), _database(sample)
        query = query_of(data)
        if not query:
            return Outcome(0.0, "The model wrote no query.")
        golds = sample.example.gold_queries
        pair = Pair(
            golds, query, sample.example.question, sample.example.category or "",
            dialect=database.dialect, defog_gold=";".join(golds) if len(golds) > 1 else "",
        )  # fmt: skip
        verdict = await run_in_thread(lambda: compare(pair, _available(database)))
        evidence = (Evidence(query, None if isinstance(verdict, str) else verdict, source=pair.golds[0]),)
        if verdict == "unprovable":
            raise Unprovable(_UNPROVABLE)
        if verdict is None:
            raise CouldNotScore(await asyncio.to_thread(_why_none, pair, database))
        return Outcome(float(verdict), f"The result is {'right' if verdict else 'not right'} by {title}.", evidence)

    return score


def _available(database: QueryDatabase) -> verdicts.Run:
    """Runs queries; a database that is locked or gone makes no query wrong."""

    def run(sql: str) -> QueryOutcome:
        outcome = database.run(sql)
        if outcome.is_source_fault:
            raise CouldNotScore(outcome.reason)
        return outcome

    return run


def _why_none(pair: Pair, database: QueryDatabase) -> str:
    gold = database.run(pair.golds[0])
    if gold.status != "ok":
        return f"The right query gives no result: {gold.reason}"
    if gold.is_cut or database.run(pair.prediction).is_cut:
        return "A result is larger than what is read, so the two cannot be compared."
    return "The published script gives no verdict on this pair."


async def score_valid_sql(sample: Sample, meter: Meter) -> Outcome:
    """Metric `valid_sql`: 1 where the query that counts gave a result, even an empty one."""
    data = _data(sample)
    if data.attempt is not None:
        return Outcome(1.0, f"The query gave {data.attempt.row_count} rows.")
    last = data.attempts[-1] if data.attempts else None
    return Outcome(0.0, last.reason if last is not None else "No query was tried.")


async def score_first_try(sample: Sample, meter: Meter) -> Outcome:
    """Metric `first_try`: 1 where the first query ran, so that nothing went back to the model."""
    first = next((one for one in _data(sample).attempts if one.stage != "hypothetical"), None)
    if first is None:
        return Outcome(0.0, "No query was tried.")
    return Outcome(float(first.status == "ok"), first.reason or "The first query ran.")


async def score_table_recall(sample: Sample, meter: Meter) -> Outcome:
    """Metric `table_recall`: the share of the tables of a right query that the model was shown."""
    needs, shown = await _needs(sample), {name.lower() for name in _data(sample).tables}
    shares = [(len(tables & shown) / len(tables), tables) for tables, _ in needs]
    value, tables = max(shares, key=lambda share: share[0])
    missing = sorted(tables - shown)
    return Outcome(value, f"Not shown: {', '.join(missing)}." if missing else "All needed tables were shown.")


async def score_column_recall(sample: Sample, meter: Meter) -> Outcome:
    """Metric `column_recall`: the share of the columns of a right query that the model was shown."""
    data = _data(sample)
    needs, shown = await _needs(sample), {name.lower() for name in data.tables}
    hidden = {name.lower() for name in data.hidden_columns}
    missing = [
        (columns, sorted(f"{t}.{c}" for t, c in columns if t not in shown or f"{t}.{c}" in hidden))
        for _, columns in needs
        if columns
    ]
    if not missing:
        raise CouldNotScore("The right query names no column of a table.")
    value, names = max(((1 - len(names) / len(columns), names) for columns, names in missing), key=lambda one: one[0])
    return Outcome(value, f"Not shown: {', '.join(names)}." if names else "All needed columns were shown.")


async def _needs(sample: Sample) -> list[tuple[set[str], set[tuple[str, str]]]]:
    """Tables and columns of each right query, in small letters."""
    database = _database(sample)
    schema = await asyncio.to_thread(lambda: database.schema)
    needs = [needed_parts(query, database.dialect, schema) for query in sample.example.gold_queries]
    if not any(tables for tables, _ in needs):
        raise CouldNotScore("The right query cannot be read, or names no table of the database.")
    return [need for need in needs if need[0]]


def needed_parts(query: str, dialect: str, schema: Schema) -> tuple[set[str], set[tuple[str, str]]]:
    """Tables, and pairs of table and column, that a query reads; in small letters, empty where it cannot be read."""
    from sqlglot import exp, parse_one
    from sqlglot.errors import SqlglotError

    try:
        tree = parse_one(query, read=dialect)
    except (SqlglotError, RecursionError):
        return set(), set()
    known = {table.name.lower(): {column.name.lower() for column in table.columns} for table in schema.tables}
    # What a WITH makes is no table of the database, even where it has the name of one.
    made = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    aliases = {
        table.alias_or_name.lower(): _full_name(table.db.lower(), table.name.lower(), known)
        for table in tree.find_all(exp.Table)
        if table.db or table.name.lower() not in made or _stands_in(table, exp.CTE)
    }
    tables = {name for name in aliases.values() if name in known}
    columns: set[tuple[str, str]] = set()
    for column in tree.find_all(exp.Column):
        owner = aliases.get(column.table.lower()) if column.table else _owner(column.name.lower(), tables, known)
        if owner in known and column.name.lower() in known[owner]:
            columns.add((owner, column.name.lower()))
    return tables, columns


def _full_name(schema: str, table: str, known: Mapping[str, set[str]]) -> str:
    """As the schema names the table: with that of its schema where it is not the usual one."""
    return full if (full := f"{schema}.{table}") in known else table


def _stands_in(table: Any, cte: Any) -> bool:
    """Whether a table stands in the WITH that makes one of its own name: there it is the database's."""
    parent = table.find_ancestor(cte)
    return parent is not None and parent.alias.lower() == table.name.lower()


def _owner(column: str, tables: set[str], known: Mapping[str, set[str]]) -> str | None:
    owners: Sequence[str] = sorted(table for table in tables if column in known[table])
    return owners[0] if owners else None


def _data(sample: Sample) -> DataAnswer:
    if sample.answer is None or sample.answer.data is None:
        raise CouldNotScore("The answer asked no database.")
    return sample.answer.data


def _database(sample: Sample) -> QueryDatabase:
    if sample.database is None:
        raise CouldNotScore("The configuration has no data source.")
    return sample.database


def _sql_of(data: DataAnswer) -> str:
    return data.sql


QUERY_WORK: Mapping[str, Any] = {
    "execution_accuracy": execution(verdicts.verdict_of_ours, _sql_of, "the rows, and their order where it is asked"),
    "first_draft_accuracy": execution(verdicts.verdict_of_ours, lambda data: data.first_sql, "the first query alone"),
    "spider_accuracy": execution(_spider, _sql_of, "Spider's test-suite script"),
    "bird_accuracy": execution(verdicts.verdict_of_bird, _sql_of, "BIRD's script"),
    "spider2_accuracy": execution(verdicts.verdict_of_spider2, _sql_of, "Spider 2's script"),
    "defog_accuracy": execution(verdicts.verdict_of_defog, _sql_of, "Defog's script"),
    "valid_sql": score_valid_sql,
    "first_try": score_first_try,
    "table_recall": score_table_recall,
    "column_recall": score_column_recall,
}
"""Metrics of data questions; none asks a model."""
