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

# Eight beats fit into `SILENT_FOR`. A shorter pause writes more often to a database that all share, a longer one leaves
# less room for a slow disk.
HEARTBEAT_SECONDS = 5.0
# A claim is not renewed: one call with all its retries ends well before.
_LONGEST_CLAIM = timedelta(minutes=15)
_WHO = ("owner_pid", "owner_started", "owner_host")
OWNER = (*_WHO, "heartbeat")
# Only for work on another host, whose processes cannot be asked. With the few seconds until somebody looks, work is
# taken over within 45 s of its process's death.
SILENT_FOR = timedelta(seconds=40)


# Asked before each write; of a living process the answer never changes.
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
    owner = owner_values()
    return sa.and_(*(table.c[name] == owner[name] for name in _WHO))


def is_unchanged(table: sa.Table, row: Mapping[str, Any]) -> sa.ColumnElement[bool]:
    """The row as long as nobody took it over, and its owner gave no sign of life, since it was read."""
    # `=` holds for no empty column, so a row that nobody owns would never count as unchanged.
    return sa.and_(*(table.c[name].is_not_distinct_from(row[name]) for name in OWNER))


def is_claimed(row: Mapping[str, Any]) -> bool:
    """Whether a claim on a single piece of work still stands. None is held for longer than such a piece can take."""
    # The heartbeat of a claim is the moment at which it was made: it says nothing about whether another host still
    # lives.
    return now() - row["heartbeat"] < _LONGEST_CLAIM and lives({**row, "heartbeat": now()})


def interrupt_orphans(database: Database, table: sa.Table) -> None:
    """Work of the table whose process is gone is interrupted, unless somebody takes it over at this moment."""
    columns = [table.c.id, *(table.c[name] for name in OWNER)]
    # Looked up without the write lock: this is asked at every look at a list, and nearly always there is no orphan.
    with database.read() as connection:
        rows = connection.execute(sa.select(*columns).where(table.c.status.in_(ACTIVE))).mappings()
        orphans = [row for row in map(dict, rows) if not lives(row)]
    if not orphans:
        return
    with database.write() as connection:
        for row in orphans:
            condition = sa.and_(table.c.id == row["id"], table.c.status.in_(ACTIVE), is_unchanged(table, row))
            # It ended when it was last heard of, not when somebody noticed.
            new_values = {"status": "interrupted", "finished_at": table.c.heartbeat}
            connection.execute(sa.update(table).where(condition).values(**new_values))


def lives(row: Mapping[str, Any], at: datetime | None = None) -> bool:
    """Whether the owner of this row still works, as far as can be told from here.

    Args:
        row: With the owner columns.
        at: The time to go by; now by default.
    """
    if row["owner_pid"] is None:
        return False
    # A process number means something on its own machine only.
    if row["owner_host"] != socket.gethostname():
        return row["heartbeat"] is not None and (at or now()) - row["heartbeat"] < SILENT_FOR
    return is_running(row["owner_pid"], row["owner_started"])
