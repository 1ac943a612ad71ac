"""Which process does a piece of work, and whether it still lives."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa

from llmopt_core.execution.process import is_running, start_of
from llmopt_core.runs.engine import Database
from llmopt_core.runs.tables import now
from llmopt_core.runs.values import ACTIVE

HEARTBEAT_SECONDS = 5.0
# A claim is not renewed: one call with all its retries ends well before.
_LONGEST_CLAIM = timedelta(minutes=15)
_WHO = ("owner_pid", "owner_started", "owner_host")
OWNER = (*_WHO, "heartbeat")
# Only for work on another host, whose processes cannot be asked. With the few seconds until somebody looks, work is
# taken over within 45 s of its process's death.
SILENT_FOR = timedelta(seconds=40)


@cache
def _start_time(pid: int) -> float:
    return start_of(pid)


def owner_values() -> dict[str, Any]:
    """The owner columns of this process."""
    pid = os.getpid()
    return {
        "owner_pid": pid,
        "owner_started": _start_time(pid),
        "owner_host": socket.gethostname(),
        "heartbeat": now(),
    }


def is_mine(table: sa.Table) -> sa.ColumnElement[bool]:
    """Rows that this process owns."""
    mine = owner_values()
    return sa.and_(*(table.c[name] == mine[name] for name in _WHO))


def is_unchanged(table: sa.Table, row: Mapping[str, Any]) -> sa.ColumnElement[bool]:
    """The row as long as nobody took it over, and its owner gave no sign of life, since it was read."""
    return sa.and_(*(table.c[name].is_not_distinct_from(row[name]) for name in OWNER))


def is_claimed(row: Mapping[str, Any]) -> bool:
    """Whether a claim on a single piece of work still stands. None is held for longer than such a piece can take."""
    return now() - row["heartbeat"] < _LONGEST_CLAIM and lives({**row, "heartbeat": now()})


def interrupt_orphans(database: Database, table: sa.Table) -> None:
    """Work of the table whose process is gone is interrupted, unless somebody takes it over at this moment."""
    columns = [table.c.id, *(table.c[name] for name in OWNER)]
    with database.read() as connection:
        rows = connection.execute(sa.select(*columns).where(table.c.status.in_(ACTIVE))).mappings()
        orphans = [row for row in map(dict, rows) if not lives(row)]
    if not orphans:
        return
    with database.write() as connection:
        for row in orphans:
            found = sa.and_(table.c.id == row["id"], table.c.status.in_(ACTIVE), is_unchanged(table, row))
            interrupted = {"status": "interrupted", "finished_at": table.c.heartbeat}
            connection.execute(sa.update(table).where(found).values(**interrupted))


def lives(row: Mapping[str, Any], at: datetime | None = None) -> bool:
    """Whether the owner of this row still works, as far as can be told from here.

    Args:
        row: With the owner columns.
        at: The time to go by; now by default.
    """
    if row["owner_pid"] is None:
        return False
    if row["owner_host"] != socket.gethostname():
        return row["heartbeat"] is not None and (at or now()) - row["heartbeat"] < SILENT_FOR
    return is_running(row["owner_pid"], row["owner_started"])
