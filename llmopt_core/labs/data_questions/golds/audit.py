"""Looks at golds one by one and says which cannot be trusted, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from llmopt_core.databases.comparison import ours
from llmopt_core.databases.comparison.verdicts import Run
from llmopt_core.databases.executor import SqlExecutor
from llmopt_core.databases.limits import QueryLimits
from llmopt_core.databases.outcome import QueryOutcome
from llmopt_core.databases.query_rows import DatabaseFolder, read_query_rows
from llmopt_core.databases.source import DataSource
from llmopt_core.labs.data_questions.golds.accidents import find_accident
from llmopt_core.labs.data_questions.golds.copies import DataCopies
from llmopt_core.labs.data_questions.golds.determinism import (
    find_dependence_on_storage,
    find_open_limit,
    find_volatile,
)
from llmopt_core.labs.data_questions.golds.duplicates import find_counted_repeats, find_repeated_rows
from llmopt_core.labs.data_questions.golds.finding import Finding

DIALECT = "sqlite"
LIMITS = QueryLimits(seconds=10.0, rows=100_000, result_bytes=50_000_000)
# Reversed, and twice at random: a tie shows in one of them.
_ORDERS = (1, 2, 3)
# A slower gold is not compared with near misses: that takes up to a few hundred runs.
_QUICK_SECONDS = 1.0


class GoldAuditor:
    """Audits golds of one SQLite database. Use it in a `with`: its copies of the data are deleted at the end.

    Args:
        path: The database, which is only read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._copies = DataCopies(path)
        self._runners: dict[Path, Run] = {}

    def __enter__(self) -> GoldAuditor:
        return self

    def __exit__(self, *_: object) -> None:
        self._copies.close()

    def audit(self, gold: str, question: str = "") -> list[Finding]:
        """What speaks against a gold; empty where nothing was found.

        Args:
            gold: The query.
            question: What it answers; parts of the query that it asks for are not held against the gold.
        """
        tree = _tree(gold)
        volatile = find_volatile(tree) if tree is not None else None
        run = self._runner(self._path)
        first = run(gold)
        if first.status != "ok":
            return [volatile] if volatile else [_failure(first)]
        findings = [finding for finding in (volatile, _emptiness(first)) if finding]
        if not first.rows:
            return findings
        if not volatile:
            findings += self._determinism(tree, gold, first, run)
        repeats = find_repeated_rows(first)
        if repeats is None and tree is not None:
            repeats = find_counted_repeats(tree, question, first, run, DIALECT)
        if repeats is not None:
            findings.append(repeats)
        # A result that changes by itself tells nothing about near misses.
        is_quick = first.seconds <= _QUICK_SECONDS
        if tree is not None and not findings and is_quick and self._copies.can_be_made():
            accident = find_accident(tree, question, first, run, self._copies, self._runner, DIALECT)
            findings += [accident] if accident else []
        return findings

    def _determinism(self, tree: Any, gold: str, first: QueryOutcome, run: Run) -> list[Finding]:
        found = find_open_limit(tree, first, run, DIALECT) if tree is not None else None
        # The place where a row is stored is no data.
        if found is None and self._copies.can_be_made() and "rowid" not in gold.lower():
            again = (self._runner(self._copies.shuffled(seed))(gold) for seed in _ORDERS)
            found = find_dependence_on_storage(first, ours.order_of(gold, first.columns, DIALECT), list(again))
        return [found] if found else []

    def _runner(self, path: Path) -> Run:
        if path not in self._runners:
            self._runners[path] = SqlExecutor(DataSource.parse(path), LIMITS).run
        return self._runners[path]


def _tree(gold: str) -> Any | None:
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        return sqlglot.parse_one(gold, dialect=DIALECT)
    except (SqlglotError, RecursionError):
        return None


def _failure(outcome: QueryOutcome) -> Finding:
    words = {"refused": "The gold may not run.", "ended": "The gold was ended at a limit."}
    return Finding("gold_error", words.get(outcome.status, "The gold fails."), {"error": outcome.reason})


def _emptiness(first: QueryOutcome) -> Finding | None:
    if not first.rows:
        return Finding("empty_result", "The gold returns no row: a wrong query that is empty looks right.", {"rows": 0})
    if all(cell is None for row in first.rows for cell in row):
        details = {"rows": len(first.rows), "only": "NULL"}
        return Finding("empty_result", "The gold returns nothing but NULL.", details)
    return None


def audit_golds(
    golds: Iterable[tuple[Path, str, str]], progress: Callable[[int], None] | None = None
) -> list[list[Finding]]:
    """Findings for golds of any databases, in the order of the golds.

    Args:
        golds: For each its database, the query and the question.
        progress: Told how many are done.
    """
    listed = list(golds)
    findings: list[list[Finding]] = [[] for _ in listed]
    done = 0
    # One database after the other, so that no more than the copies of one stand on the disk.
    for path in dict.fromkeys(path for path, _, _ in listed):
        with GoldAuditor(path) as auditor:
            for place, (where, gold, question) in enumerate(listed):
                if where != path:
                    continue
                findings[place] = auditor.audit(gold, question)
                done += 1
                if progress is not None:
                    progress(done)
    return findings


def audit_file(
    path: Path, databases: Path, progress: Callable[[int, int], None] | None = None
) -> list[tuple[str, list[Finding]]]:
    """Findings for each gold of a file.

    Args:
        path: A JSON object a line, with `id`, `database`, `gold`, and where it is known `question`.
        databases: The folder below which the database `NAME` is `NAME.sqlite`.
        progress: Told how many golds are done, of how many.

    Raises:
        BadInput: The file or a line is wrong, or a database is missing.
    """
    rows = read_query_rows(path)
    folder = DatabaseFolder(databases)
    golds = [
        (folder.path(row.text("database"), row.where), row.text("gold"), row.optional_text("question")) for row in rows
    ]
    tell = None if progress is None else lambda done: progress(done, len(rows))
    return list(zip([row.id for row in rows], audit_golds(golds, tell), strict=True))
