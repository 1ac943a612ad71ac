"""What became of a question that a database answers: the queries that were tried, and the result that was taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Cell = str | int | float | bool | None
"""One value of a result as JSON holds it: dates, decimals and blobs as text."""


@dataclass(frozen=True, slots=True)
class QueryAttempt:
    """One query that a model wrote, and what the database said to it.

    Attributes:
        stage: `draft`, `hypothetical` (only searched with, never run), `repair` or `sample` (one of several drafts).
        sql: The query as it was taken out of the model's text; empty where there was none.
        status: `ok`, `refused` by the guard, `ended` at a limit, `error` of the database, `absent` where the model
            wrote no query, `unread` where the query was not run.
        reason: Why there is no result.
        rows: The first of them; `row_count` says how many there were.
        rows_cut: Whether the executor stopped reading at its own limit, so that `row_count` is only a lower bound.
    """

    stage: Literal["draft", "hypothetical", "repair", "sample"]
    sql: str
    status: Literal["ok", "refused", "ended", "error", "absent", "unread"]
    reason: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    row_count: int = 0
    rows_cut: bool = False
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class DataAnswer:
    """The answer of a database to one question, with the way to it.

    Attributes:
        source: The data source as users name it, without a password.
        version: Content hash of the database that was asked; of its schema where its content cannot be hashed.
        attempts: In the order in which they were made.
        result: Position in `attempts` of the one that was taken; None where no query gave a result.
        tables: What of the schema the model saw.
        hidden_columns: Those of its tables that it did not see, as `table.column`; only very wide tables have some.
        table_reasons: Why each is there where the question did not find it itself, such as `joins singer`.
        examples: The questions of the solved queries that the model saw.
        votes: How many samples agreed with the result, of how many; None where there was no vote.
        notes: What a reader should know, such as a vote without majority.
    """

    source: str
    version: str = ""
    attempts: tuple[QueryAttempt, ...] = ()
    result: int | None = None
    tables: tuple[str, ...] = ()
    table_reasons: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    votes: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()
    hidden_columns: tuple[str, ...] = ()

    @property
    def attempt(self) -> QueryAttempt | None:
        """The attempt whose result was taken; None where there is none."""
        return None if self.result is None else self.attempts[self.result]

    @property
    def sql(self) -> str:
        """The query that counts: that of the result, else the last one that was run or refused; empty without."""
        if self.attempt is not None:
            return self.attempt.sql
        return next((one.sql for one in reversed(self.attempts) if one.stage != "hypothetical"), "")

    @property
    def first_sql(self) -> str:
        """The query before any repair or vote."""
        return next((one.sql for one in self.attempts if one.stage != "hypothetical"), "")

    @property
    def repairs(self) -> int:
        """How many times the database's message went back to the model."""
        return sum(one.stage == "repair" for one in self.attempts)
