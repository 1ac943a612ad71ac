"""An outcome of the executor as a record keeps it."""

from __future__ import annotations

from typing import Literal

from llmopt_core.answering.tools.sql.cells import to_cells
from llmopt_core.databases.outcome import QueryOutcome
from llmopt_core.types import QueryAttempt

# Shown and kept of each result; comparisons run the query again and see all of it.
ROWS_KEPT = 50


def attempt_of(sql: str, stage: Literal["draft", "repair", "sample"], outcome: QueryOutcome) -> QueryAttempt:
    """The query with the first rows of its result, or why there is none."""
    rows = tuple(to_cells(row) for row in outcome.rows[:ROWS_KEPT])
    return QueryAttempt(
        stage, sql, outcome.status, outcome.reason, outcome.columns, rows, len(outcome.rows), outcome.is_cut,
        outcome.seconds,
    )  # fmt: skip
