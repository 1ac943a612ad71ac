"""The jobs table as a queue: whose turn it is, and what becomes of the work of a process that is gone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from llmopt_core.runs.codec import Unreadable, unpack
from llmopt_core.runs.engine import Database
from llmopt_core.runs.owner import OWNER, is_unchanged, lives, owner_values
from llmopt_core.runs.tables import now
from llmopt_core.runs.tables_runs import jobs
from llmopt_core.runs.values import ACTIVE

# Work that ended with its process three times probably ends the process.
MOST_ATTEMPTS = 3
# Work that ends its process each time, as for want of memory, would take down one process after the other.
GAVE_UP = (
    f"The process that did this has ended {MOST_ATTEMPTS} times before it was done, perhaps because of it: look at "
    "its log and at the memory of this machine, then resume it."
)
NOT_RESUMABLE_REASON = (
    "The app ended, or was updated, before this was done, and nobody else can go on with it: start it again. What was "
    "paid is kept."
)
HELD_LANES = ("interactive", "watched")
"""Lanes whose jobs are done by the process that asked for them, as long as it lives: somebody waits there."""
SINGLE_LANES = ("training",)
"""Of these a workspace does one job at a time: two trainings on the same cores both take more than twice as long."""
# The last turn of a project that had none: before all others.
_NEVER = datetime.fromtimestamp(0, UTC)
_OWNERS = (jobs.c.id, jobs.c.status, *(jobs.c[name] for name in OWNER))


def settle_orphans(database: Database, at: datetime | None = None) -> None:
    """Let the work of a process that is gone wait for another; what no other can do is interrupted."""
    moment = at or now()
    columns = [*_OWNERS, jobs.c.versions, jobs.c.attempts, jobs.c.cancel_requested]
    with database.read() as connection:
        rows = connection.execute(sa.select(*columns).where(jobs.c.status.in_(ACTIVE))).mappings()
        # Read without the write lock; `is_unchanged` below leaves what somebody took over in between.
        orphans = [row for row in map(dict, rows) if not _waits(row) and not lives(row, moment)]
    if not orphans:
        return
    with database.write() as connection:
        for row in orphans:
            condition = sa.and_(jobs.c.id == row["id"], jobs.c.status == row["status"], is_unchanged(jobs, row))
            connection.execute(sa.update(jobs).where(condition).values(**_settle(row)))


def claim_next(  # noqa: PLR0917
    database: Database, lane: str, token: str, kinds: Collection[str], holds: Collection[int], at: datetime
) -> int | None:
    """Take the job whose turn it is, as this process's own; None where there is none.

    First in, first out within a project; of several projects, that one whose last turn is longest ago.

    Args:
        database: Of the workspace.
        lane: Which queue.
        token: Names this claim.
        kinds: What this process can do.
        holds: Jobs for which this process has what is kept nowhere, such as keys.
        at: The time.
    """
    # To look takes no lock; most of the time nothing waits.
    with database.read() as connection:
        if not _in_turn(connection, lane, kinds, holds, at):
            return None
    claim_values = {
        **owner_values(),
        "heartbeat": at,
        "claim": token,
        "status": "running",
        "started_at": at,
        "finished_at": None,
    }
    with database.write() as connection:
        for job_id in _in_turn(connection, lane, kinds, holds, at):
            condition = sa.and_(jobs.c.id == job_id, jobs.c.status == "queued")
            statement = sa.update(jobs).where(condition).values(**claim_values, attempts=jobs.c.attempts + 1)
            # On a server another process may have been quicker.
            if connection.execute(statement).rowcount:
                return job_id
    return None


def _in_turn(
    connection: sa.Connection, lane: str, kinds: Collection[str], holds: Collection[int], at: datetime
) -> list[int]:
    """What this process may take, in the order in which it should."""
    columns = [*_OWNERS, jobs.c.kind, jobs.c.lane, jobs.c.project_id, jobs.c.versions, jobs.c.key_names]
    query = sa.select(*columns).where(jobs.c.status == "queued", jobs.c.lane == lane).order_by(jobs.c.id)
    candidates = [row for row in map(dict, connection.execute(query).mappings()) if _may_take(row, kinds, holds, at)]
    if not candidates or (lane in SINGLE_LANES and _is_taken(connection, lane)):
        return []
    turn_query = sa.select(jobs.c.project_id, sa.func.max(jobs.c.started_at)).where(jobs.c.lane == lane)
    last_starts = {
        project: start_time or _NEVER
        for project, start_time in connection.execute(turn_query.group_by(jobs.c.project_id))
    }
    candidates.sort(key=lambda row: (last_starts.get(row["project_id"], _NEVER), row["id"]))
    return [row["id"] for row in candidates]


def _is_taken(connection: sa.Connection, lane: str) -> bool:
    """Whether a process does a job of this lane."""
    query = sa.select(jobs.c.id).where(jobs.c.status == "running", jobs.c.lane == lane)
    return connection.execute(query.limit(1)).first() is not None


def _may_take(row: Mapping[str, Any], kinds: Collection[str], holds: Collection[int], at: datetime) -> bool:
    """Whether the work can be begun here.

    Whoever has its keys, or has somebody who waits for it, goes first as long as that process lives.
    """
    if not _waits(row) or row["kind"] not in kinds:
        return False
    is_held = row["lane"] in HELD_LANES or bool(names_in(row["key_names"]))
    return row["id"] in holds or not (is_held and lives(row, at))


def _waits(row: Mapping[str, Any]) -> bool:
    """Whether the job needs no process until one takes it."""
    return row["status"] == "queued" and row["versions"] is not None


def _settle(row: Mapping[str, Any]) -> dict[str, Any]:
    """How the job of a process that is gone stands from now on."""
    end_values = {"finished_at": jobs.c.heartbeat}
    if row["versions"] is None:
        return {"status": "interrupted", "error": NOT_RESUMABLE_REASON, **end_values}
    # Before attempts are counted: what somebody asked to stop has not failed.
    if row["cancel_requested"]:
        return {"status": "cancelled", **end_values}
    if row["attempts"] >= MOST_ATTEMPTS:
        return {"status": "interrupted", "error": GAVE_UP, **end_values}
    # Should that process only have been silent, what it still writes finds its claim gone.
    return {"status": "queued", "claim": None}


def names_in(data: bytes | None) -> tuple[str, ...]:
    """Names of endpoints as they are stored."""
    try:
        return tuple(map(str, unpack(data))) if data else ()
    # Without names the job is begun, and the call that lacks a key says so.
    except (Unreadable, TypeError):
        return ()
