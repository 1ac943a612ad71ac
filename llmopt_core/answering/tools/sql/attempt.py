"""An outcome of the executor as a record keeps it."""

from __future__ import annotations

from typing import Literal

from llmopt_core.answering.tools.sql.cells import to_cells
from llmopt_core.answering.tools.sql.database import Database
from llmopt_core.databases.outcome import QueryOutcome
from llmopt_core.databases.threads import run_in_thread
from llmopt_core.errors import LlmOptError
from llmopt_core.types import QueryAttempt

# Shown and kept of each result; comparisons run the query again and see all of it.
ROWS_KEPT = 50


class SourceUnavailable(LlmOptError):
    """The database cannot be asked now; the question is asked again when it can."""


async def run_query(database: Database, sql: str) -> QueryOutcome:
    """What came of a query; where the caller is cancelled it is ended.

    Raises:
        SourceUnavailable: The database is locked, damaged or gone, which no other query would mend.
    """
    outcome = await run_in_thread(lambda: database.run(sql))
    if outcome.is_source_fault:
        raise SourceUnavailable(outcome.reason)
    return outcome


def attempt_of(sql: str, stage: Literal["draft", "repair", "sample"], outcome: QueryOutcome) -> QueryAttempt:
    """The query with the first rows of its result, or why there is none."""
    rows = tuple(to_cells(row) for row in outcome.rows[:ROWS_KEPT])
    return QueryAttempt(
        stage, sql, outcome.status, outcome.reason, outcome.columns, rows, len(outcome.rows), outcome.is_cut,
        outcome.seconds,
    )  # fmt: skip
