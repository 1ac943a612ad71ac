"""A data source that is open for questions: its schema is read once, its queries run within the limits."""

from __future__ import annotations

import asyncio
import os
import re
import threading
from functools import cached_property
from pathlib import Path

from llmopt_core.answering.tools.sql.database import SchemaView
from llmopt_core.answering.tools.sql.spec import DataSpec
from llmopt_core.databases.executor import SqlExecutor
from llmopt_core.databases.limits import QueryLimits
from llmopt_core.databases.outcome import QueryOutcome
from llmopt_core.databases.schema import Schema, schema_text
from llmopt_core.databases.schema_reader import read_schema
from llmopt_core.databases.source import DUCKDB_ENDINGS, SQLITE_ENDINGS, DataSource
from llmopt_core.databases.threads import check_wanted
from llmopt_core.errors import BadInput
from llmopt_core.models.builtin.files import content_hash
from llmopt_core.prompts.few_shot import Encode
from llmopt_core.retrieval.schema.search import SchemaSearch, TableHit
from llmopt_core.types import fingerprint

# Of one database: right queries are run for every configuration, and results may have megabytes.
_OUTCOMES_KEPT = 200
# A query that was ended may run through where the machine has more time.
_SURE = ("ok", "refused", "error")
_VARIABLE = re.compile(r"\$\{(\w+)\}")


class OpenDatabase:
    """One database of a data source.

    Args:
        source: Which one.
        limits: What each query may take.
    """

    def __init__(self, source: DataSource, limits: QueryLimits | None = None) -> None:
        self.source = source
        self._executor = SqlExecutor(source, limits)
        self._searches: dict[str, SchemaSearch] = {}
        self._outcomes: dict[tuple[object, str], QueryOutcome] = {}
        self._lock = threading.Lock()

    @property
    def label(self) -> str:
        """See `Database.label`."""
        return self.source.name

    @property
    def dialect(self) -> str:
        """See `Database.dialect`."""
        return self.source.dialect

    @property
    def version(self) -> str:
        """See `Database.version`. A server's is that of its schema: its rows cannot be hashed."""
        path = Path(self.source.where)
        if self.source.kind == "postgresql" or not path.is_file():
            return self.schema.version
        # What SQLite has not yet moved into its file stands in the log beside it.
        files = (path, path.with_name(f"{path.name}-wal"))
        return "+".join(content_hash(file) for file in files if file.is_file())

    @cached_property
    def schema(self) -> Schema:
        """All of its tables.

        Raises:
            BadInput: It cannot be read.
        """
        return read_schema(self.source)

    async def view(self, question: str, spec: DataSpec, encode: Encode) -> SchemaView:
        """See `Database.view`."""
        shown, hits = await asyncio.to_thread(self._cut, question, spec, encode)
        reasons = {hit.table: f"joins {hit.joins}" if hit.joins else "" for hit in hits}
        return SchemaView(
            schema_text(shown.with_values(spec.sample_values)),
            tuple(table.name for table in shown.tables),
            tuple(reasons[table.name] for table in shown.tables),
            self.schema.words,
            _hidden_columns(self.schema, shown),
        )

    def _cut(self, question: str, spec: DataSpec, encode: Encode) -> tuple[Schema, list[TableHit]]:
        # Descriptions are a part of what is searched, so each set of them has an index of its own.
        key = fingerprint(spec.descriptions)
        if key not in self._searches:
            self._searches[key] = SchemaSearch(self.schema.described(spec.descriptions), encode)
        return self._searches[key].cut(question, spec.tables)

    def run(self, sql: str) -> QueryOutcome:
        """See `Database.run`. What was run last is not run again while the database is the same."""
        key = (self._mark, sql)
        with self._lock:
            outcome = self._outcomes.get(key)
        if outcome is None:
            outcome = self._executor.run(sql, check_wanted)
            # Without the lock: two threads may run the same query, which only costs time.
            if outcome.status in _SURE and not outcome.is_source_fault:
                self._keep(key, outcome)
        return outcome

    @property
    def _mark(self) -> object:
        """What changes with the content of a file; a server's rows may change at any time, so nothing is kept."""
        if self.source.kind == "postgresql":
            return object()
        path = Path(self.source.where)
        files = (path, path.with_name(f"{path.name}-wal"))
        return tuple((file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.is_file())

    def _keep(self, key: tuple[object, str], outcome: QueryOutcome) -> None:
        with self._lock:
            self._outcomes[key] = outcome
            while len(self._outcomes) > _OUTCOMES_KEPT:
                # The oldest first.
                del self._outcomes[next(iter(self._outcomes))]


def _hidden_columns(schema: Schema, shown: Schema) -> tuple[str, ...]:
    visible = {table.name: {column.name for column in table.columns} for table in shown.tables}
    return tuple(
        f"{table.name}.{column.name}"
        for table in schema.tables
        if table.name in visible
        for column in table.columns
        if column.name not in visible[table.name]
    )


def find_source(text: str, database: str = "", base: Path | None = None) -> DataSource:
    """The source that a configuration names, with variables of the environment in place of `${NAME}`.

    Args:
        text: A path or URL; a folder of databases where `database` is given.
        database: The name of one of them, with or without its ending.
        base: The folder that relative paths begin at.

    Raises:
        BadInput: A variable is not set, or there is no such database.
    """
    address = _VARIABLE.sub(_value, text)
    folder = Path(address).expanduser() if "://" not in address else None
    folder = folder if folder is None or base is None else base / folder
    if not database or folder is None or not folder.is_dir():
        return DataSource.parse(address, base)
    # A name is a part of the set of questions, which may come from anywhere: it leads to no other folder.
    if Path(database).name != database:
        raise BadInput(f"The database {database!r} is no plain name; name one of those below {folder.name}.")
    matches = [path for path in sorted(folder.rglob("*")) if _is_database(path, database)]
    if not matches:
        raise BadInput(f"There is no database {database!r} below {folder}; expected {database}.sqlite or .duckdb.")
    return DataSource.parse(matches[0])


def _is_database(path: Path, name: str) -> bool:
    ending = path.suffix.lower()
    return ending in (*SQLITE_ENDINGS, *DUCKDB_ENDINGS) and name in (path.name, path.stem) and path.is_file()


def _value(match: re.Match[str]) -> str:
    value = os.environ.get(match[1])
    if value is None:
        raise BadInput(f"The data source needs the environment variable {match[1]}, which is not set.")
    return value
