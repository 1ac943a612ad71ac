"""The part of the store that keeps jobs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from llmopt_core.errors import BadInput
from llmopt_core.runs.codec import pack, plain_facts
from llmopt_core.runs.job_queue import claim_next, names_in, settle_orphans
from llmopt_core.runs.memo import Memo
from llmopt_core.runs.owner import is_mine, owner_values
from llmopt_core.runs.reconnect import retrying
from llmopt_core.runs.store_part import StorePart
from llmopt_core.runs.tables import now, projects
from llmopt_core.runs.tables_runs import jobs
from llmopt_core.runs.values import ACTIVE, RESUMABLE, Job, Project, Status, read_status


@retrying
class JobStore(StorePart):
    """Jobs: what long work there is, how far it is, and whether it shall stop."""

    def start_job(
        self,
        kind: str,
        project: Project | str | None,
        arguments: dict[str, Any],
        *,
        lane: str = "",
        versions: Mapping[str, Any] | None = None,
        key_names: Sequence[str] = (),
    ) -> int:
        """Put a job in line. Returns its id. Neither arguments nor versions hold keys.

        Args:
            kind: What is done, such as `evaluation`.
            project: Whose job it is.
            arguments: Plain values from which the work is made.
            lane: The queue in which it waits.
            versions: Of what it works on; None for work that this process alone can do.
            key_names: Endpoints whose keys this process alone has.
        """
        row = {
            "project_id": None if project is None else self._project_id(project),
            "kind": kind,
            "status": "queued",
            "created_at": now(),
            "cancel_requested": False,
            "error": "",
            "arguments": pack(arguments),
            "progress": pack({}),
            "result": pack({}),
            "lane": lane,
            "versions": None if versions is None else pack(dict(versions)),
            "key_names": pack(list(key_names)) if key_names else None,
            "attempts": 0,
            # Whoever puts it in line is its first owner: that process has the keys, and somebody may wait there.
            **owner_values(),
        }
        with self.database.write() as connection:
            return int(connection.execute(sa.insert(jobs).returning(jobs.c.id), row).scalar_one())

    def claim_job(self, lane: str, token: str, kinds: Collection[str], holds: Collection[int] = ()) -> Job | None:
        """Take the job of a lane whose turn it is (see `job_queue.claim_next`); None where nothing waits."""
        moment = now()
        # First, so that what a dead process left has its turn with the others.
        settle_orphans(self.database, moment)
        job_id = claim_next(self.database, lane, token, kinds, holds, moment)
        return None if job_id is None else self._jobs(jobs.c.id == job_id)[0]

    def beat_jobs(self, job_ids: Collection[int]) -> None:
        """Tell that the process that works on these jobs, or holds their keys, still lives."""
        with self.database.write() as connection:
            connection.execute(sa.update(jobs).where(jobs.c.id.in_(job_ids), is_mine(jobs)).values(heartbeat=now()))

    def resume_job(self, job_id: int, *, key_names: Sequence[str] = ()) -> None:
        """Put a job that has ended before it was done in line again.

        Raises:
            BadInput: It is under way or done, or an earlier version of the program made it.
        """
        job = self.job(job_id)
        if not job.resumable:
            reason = "is under way" if job.active else "has finished" if job.status == "finished" else NOT_RESUMABLE
            raise BadInput(f"Job {job_id} {reason}, so it cannot be resumed.")
        names = pack(list(key_names)) if key_names else None
        # Somebody has looked at why it ended, so its attempts count from the start.
        new_values = {"status": "queued", "error": "", "cancel_requested": False, "finished_at": None,
                 "attempts": 0, "claim": None, "key_names": names, **owner_values()}  # fmt: skip
        with self.database.write() as connection:
            condition = sa.and_(jobs.c.id == job_id, jobs.c.status.in_(RESUMABLE))
            connection.execute(sa.update(jobs).where(condition).values(**new_values))

    def update_job(
        self,
        job_id: int,
        *,
        status: Status | None = None,
        progress: dict[str, Any] | None = None,
        result: dict[str, Any] | None = None,
        error: str | None = None,
        claim: str | None = None,
    ) -> bool:
        """Write what is given; each call is also a heartbeat.

        Returns:
            False where another process has taken the job over since it was claimed as `claim`; then nothing is written.
        """
        values: dict[str, Any] = {"heartbeat": now()}
        if status is not None:
            values["status"] = status
            values["started_at" if status == "running" else "finished_at"] = now()
        if error is not None:
            values["error"] = error
        for name, value in (("progress", progress), ("result", result)):
            if value is not None:
                values[name] = pack(value)
        condition = jobs.c.id == job_id
        if claim is not None:
            condition = sa.and_(condition, jobs.c.claim == claim)
        with self.database.write() as connection:
            return bool(connection.execute(sa.update(jobs).where(condition).values(**values)).rowcount)

    def job(self, job_id: int) -> Job:
        """One job.

        Raises:
            BadInput: There is none of that id.
        """
        settle_orphans(self.database)
        matches = self._jobs(jobs.c.id == job_id)
        if not matches:
            raise BadInput(f"There is no job {job_id}.")
        return matches[0]

    def jobs(self, project: Project | str | None = None, *, active: bool = False) -> list[Job]:
        """Jobs of a project (or all), newest first; only those not finished if `active`."""
        settle_orphans(self.database)
        project_id = None if project is None else self._project_id(project)
        where = [] if project_id is None else [jobs.c.project_id == project_id]
        if active:
            # Few, and changing with each beat: remembering them would save nothing.
            return self._jobs(*where, jobs.c.status.in_(ACTIVE))
        return self._job_list.current(project_id, *where)

    def request_cancel(self, job_id: int) -> bool:
        """Ask a job, in whatever process, to stop. One that waits for a process, whichever, ends at once.

        Returns:
            Whether it has ended so.
        """
        # Without versions only the process that made the job can end it.
        condition = sa.and_(jobs.c.id == job_id, jobs.c.status == "queued", jobs.c.versions.is_not(None))
        with self.database.write() as connection:
            # Always noted, also where the job ends here: a process that claims it at this moment sees the wish.
            connection.execute(sa.update(jobs).where(jobs.c.id == job_id).values(cancel_requested=True))
            statement = sa.update(jobs).where(condition).values(status="cancelled", finished_at=now())
            return bool(connection.execute(statement).rowcount)

    def is_cancel_requested(self, job_id: int) -> bool:
        """Whether somebody asked the job to stop."""
        with self.database.read() as connection:
            return bool(connection.scalar(sa.select(jobs.c.cancel_requested).where(jobs.c.id == job_id)))

    @cached_property
    def _job_list(self) -> Memo[Job]:
        return Memo(self.database, _STAMPS, lambda ids: {job.id: job for job in self._jobs(jobs.c.id.in_(ids))})

    def _jobs(self, *where: sa.ColumnElement[bool]) -> list[Job]:
        query = sa.select(projects.c.name.label("project"), jobs).outerjoin_from(jobs, projects).where(*where)
        with self.database.read() as connection:
            return [_job(row) for row in connection.execute(query.order_by(jobs.c.id.desc())).mappings()]


def _job(row: Any) -> Job:
    values: dict[str, Any] = {name: row[name] for name in _PLAIN}
    values["status"] = read_status(row["status"])
    values.update({name: plain_facts(row[name]) for name in ("arguments", "progress", "result")})
    values["lane"] = row["lane"] or ""
    values["versions"] = None if row["versions"] is None else plain_facts(row["versions"])
    values["key_names"] = names_in(row["key_names"])
    return Job(**values)


NOT_RESUMABLE = "was made by an earlier version of the app: start it again where it was started"
# Of the moment the number, which need not be made a moment to be compared. Jobs carry their project's name.
_COLUMNS = (jobs.c.status, sa.type_coerce(jobs.c.heartbeat, sa.Double), jobs.c.cancel_requested, projects.c.name)
_STAMPS = sa.select(jobs.c.id, *_COLUMNS).outerjoin_from(jobs, projects).order_by(jobs.c.id.desc())
_PLAIN = (
    "id", "project", "kind", "status", "created_at", "started_at", "finished_at", "cancel_requested", "error",
    "attempts",
)  # fmt: skip
