"""What strategies and tools need of a database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from llmopt_core.answering.tools.sql.spec import DataSpec
from llmopt_core.databases.outcome import QueryOutcome
from llmopt_core.prompts.few_shot import Encode


@dataclass(frozen=True, slots=True)
class SchemaView:
    """The part of a schema that a model sees.

    Attributes:
        text: As it stands in the prompt.
        tables: Their names.
        reasons: Why each is there where the question did not find it itself, such as `joins singer`.
        hidden_columns: Columns of these tables that it does not see, as `table.column`.
        words: Names of tables and columns, and sample values.
    """

    text: str
    tables: tuple[str, ...]
    reasons: tuple[str, ...]
    words: tuple[str, ...]
    hidden_columns: tuple[str, ...] = ()


class Database(Protocol):
    """A database that is asked through the guard."""

    @property
    def label(self) -> str:
        """As users name it, without a password."""
        ...

    @property
    def dialect(self) -> str:
        """`sqlite`, `duckdb` or `postgresql`."""
        ...

    @property
    def version(self) -> str:
        """Content hash."""
        ...

    async def view(self, question: str, spec: DataSpec, encode: Encode) -> SchemaView:
        """The part of the schema for one question."""
        ...

    def run(self, sql: str) -> QueryOutcome:
        """Run one query within the limits; blocks until it is done."""
        ...
