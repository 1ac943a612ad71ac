"""The part of the store that takes whole projects out and in, row by row."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from llmopt_core.errors import BadInput
from llmopt_core.runs.codec import Unreadable, pack, unpack
from llmopt_core.runs.owner import OWNER
from llmopt_core.runs.reconnect import retrying
from llmopt_core.runs.store_part import StorePart
from llmopt_core.runs.store_projects import check_name
from llmopt_core.runs.tables import Moment, Words, configurations, documents, evaluation_sets, now, projects
from llmopt_core.runs.tables_labs import drafts, judge_labels, labels, ladder_steps, versions, votes
from llmopt_core.runs.tables_runs import jobs, records, runs, scores
from llmopt_core.runs.values import ACTIVE, Project

# Each after those that it points to.
_TABLES = (
    documents, evaluation_sets, configurations, versions, labels, drafts, votes, judge_labels, jobs, runs, ladder_steps,
    records, scores,
)  # fmt: skip
TABLE_NAMES = tuple(table.name for table in _TABLES)
# Their numbers travel, because other rows point to them by number; they get new ones on arrival.
_KEPT_IDS = frozenset(("jobs", "runs"))
_POINTERS = {"run_id": "runs", "job_id": "jobs"}
# Where bodies name runs by number.
_NAMING_RUNS = frozenset(("run", "run_id", "runs"))
# Bodies of these may name runs by number, which are others after loading.
_WITH_NAMES = frozenset(("jobs", "drafts", "versions"))
# The largest integer that PostgreSQL's column holds.
_LARGEST = 2**31 - 1
# Rows in memory at a time: a record with its trace may be large.
_AT_ONCE = 200

Row = dict[str, Any]


@retrying
class TransferStore(StorePart):
    """Projects as plain rows: JSON values only, without numbers that mean something in this database alone."""

    def dump_project(self, project: Project | str) -> Iterator[tuple[str, Row]]:
        """Every row of a project after the name of its table, as of one moment, in an order that can be loaded.

        Jobs under way are left out; runs under way come as far as they are.

        Raises:
            DatabaseConnectionError: The server was lost on the way. What was given out belongs to a state that is gone,
                so whoever takes the rows begins anew.
        """
        project_id = self._project_id(project)
        with self.database.read(one_moment=True) as connection:
            for table in _TABLES:
                for row in connection.execution_options(yield_per=_AT_ONCE).execute(_rows_of(table, project_id)):
                    yield table.name, _plain(table, row._mapping)

    def load_project(self, name: str, description: str, rows: Iterable[tuple[str, Row]]) -> Project:
        """Add a project from rows as `dump_project` gave them, all or none.

        Raises:
            BadInput: The name is taken, or a row is not what it should be.
        """
        name = check_name(name)
        with self.database.write() as connection:
            values = {"name": name, "description": description, "created_at": now()}
            if connection.scalar(sa.select(projects.c.id).where(projects.c.name == name)) is not None:
                raise BadInput(f"There is a project named {name} already; choose another name.")
            project_id = int(connection.execute(sa.insert(projects).returning(projects.c.id), values).scalar_one())
            _Loader(connection, project_id).load(rows)
        return self.project(name)


class _Loader:
    """Puts rows into one project, with new numbers for what has numbers."""

    def __init__(self, connection: sa.Connection, project_id: int) -> None:
        self._connection = connection
        self._project_id = project_id
        self._numbers: dict[str, dict[int, int]] = {"runs": {}, "jobs": {}}
        self._naming: list[tuple[sa.Table, int, str, Any]] = []

    def load(self, rows: Iterable[tuple[str, Row]]) -> None:
        tables = {table.name: table for table in _TABLES}
        for number, (name, row) in enumerate(rows, start=1):
            place = f"Row {number} of the project file ({name})"
            try:
                self._add(tables[name], row)
            except sa.exc.IntegrityError as error:
                raise BadInput(f"{place} is there twice.") from error
            except KeyError as error:
                raise BadInput(f"{place} points to nothing ({error}).") from error
            except (TypeError, ValueError, OverflowError, OSError) as error:
                raise BadInput(f"{place} is not what it should be: {error}.") from error
        self._rename()

    def _add(self, table: sa.Table, row: Row) -> None:
        columns = [column for column in table.c if _travels(table, column)]
        values = {column.name: self._value(table, column, row) for column in columns if column.name in row}
        odd = {c.name for c in columns if c.name not in row and not _optional(c)} | (set(row) - set(values))
        if odd:
            # Neither guessed nor left out: a column that this version does not know would be lost in silence.
            raise ValueError(f"columns {sorted(odd)} are missing or unknown")
        old = values.pop("id", None)
        if "project_id" in table.c:
            values["project_id"] = self._project_id
        # Its process is not among those of this workspace.
        if values.get("status") in ACTIVE:
            values["status"] = "interrupted"
        if "id" not in table.c:
            self._connection.execute(sa.insert(table), values)
            return
        new = self._connection.execute(sa.insert(table).returning(table.c.id), values).scalar_one()
        if table.name in self._numbers:
            self._numbers[table.name][int(old)] = int(new)
        if table.name in _WITH_NAMES:
            bodies = [name for name, value in row.items() if isinstance(value, dict) and "json" in value]
            self._naming += [(table, int(new), name, row[name]["json"]) for name in bodies]

    def _value(self, table: sa.Table, column: sa.Column[Any], row: Row) -> Any:
        value = row[column.name]
        if column.name in _POINTERS and value is not None:
            numbers = self._numbers[_POINTERS[column.name]]
            # A job that was under way was left out; its runs came along.
            # A KeyError of the other branch is told as a row that points to nothing.
            return numbers.get(value) if column.nullable else numbers[value]
        if value is None and not column.nullable:
            raise ValueError(f"{column.name} is empty")
        return None if value is None else _to_column(column, value)

    def _rename(self) -> None:
        """Let bodies that name runs name them by their new numbers."""
        numbers = self._numbers["runs"]
        for table, row_id, name, body in self._naming:
            new_body = _renumber(body, numbers)
            if new_body != body:
                self._connection.execute(sa.update(table).where(table.c.id == row_id).values({name: pack(new_body)}))


def _rows_of(table: sa.Table, project_id: int) -> sa.Select[Any]:
    query = sa.select(*[column for column in table.c if _travels(table, column)])
    if "project_id" in table.c:
        query = query.where(table.c.project_id == project_id)
    else:
        query = query.join(runs, runs.c.id == table.c.run_id).where(runs.c.project_id == project_id)
    if table is jobs:
        query = query.where(jobs.c.status.not_in(ACTIVE))
    return query.order_by(*table.primary_key.columns)


def _travels(table: sa.Table, column: sa.Column[Any]) -> bool:
    if column.name == "id":
        return table.name in _KEPT_IDS
    return column.name not in ("project_id", "claim", *OWNER)


def _optional(column: sa.Column[Any]) -> bool:
    return column.nullable is True or column.server_default is not None or column.default is not None


def _plain(table: sa.Table, row: Mapping[Any, Any]) -> Row:
    return {column.name: _as_json(column, row[column]) for column in table.c if _travels(table, column)}


def _as_json(column: sa.Column[Any], value: Any) -> Any:
    if isinstance(value, datetime):
        return value.timestamp()
    if not isinstance(value, bytes | memoryview):
        return value
    try:
        return {"json": unpack(bytes(value))}
    except Unreadable:
        # Damaged here, it travels as it is: a repaired version may read it there.
        return {"raw": base64.b64encode(bytes(value)).decode()}


def _to_column(column: sa.Column[Any], value: Any) -> Any:  # noqa: PLR0911
    """A value as the column takes it."""
    kind = column.type
    if isinstance(kind, Moment):
        return datetime.fromtimestamp(float(value), UTC)
    if isinstance(kind, Words) and isinstance(value, str):
        return value
    # `validate`: else letters that are no base64 are skipped in silence.
    if isinstance(kind, sa.LargeBinary) and isinstance(value, dict) and len(value) == 1:
        return pack(value["json"]) if "json" in value else base64.b64decode(value["raw"], validate=True)
    if isinstance(kind, sa.Boolean) and isinstance(value, bool | int) and value in (0, 1):
        return bool(value)
    # To `isinstance` true is an integer, too.
    if isinstance(kind, sa.Integer) and type(value) is int and abs(value) <= _LARGEST:
        return value
    # Python's JSON reads NaN and Infinity, which no other reader of the column expects.
    if isinstance(kind, sa.Double | sa.Float) and type(value) in (int, float) and math.isfinite(value):
        return float(value)
    if isinstance(kind, sa.String) and isinstance(value, str) and len(value) <= (kind.length or _LARGEST):
        return value
    raise ValueError(f"{column.name} holds {type(value).__name__}")


def _renumber(value: Any, numbers: Mapping[int, int], key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _renumber(item, numbers, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_renumber(item, numbers, key) for item in value]
    return numbers.get(value, value) if key in _NAMING_RUNS and type(value) is int else value
