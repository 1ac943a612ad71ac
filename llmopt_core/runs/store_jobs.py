"""The part of the store that keeps jobs."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import sqlalchemy as sa

from llmopt_core.errors import BadInput
from llmopt_core.runs.codec import pack, plain_facts
from llmopt_core.runs.memo import Memo
from llmopt_core.runs.owner import mark_interrupted, me
from llmopt_core.runs.reconnect import retrying
from llmopt_core.runs.store_part import StorePart
from llmopt_core.runs.tables import now, projects
from llmopt_core.runs.tables_runs import jobs
from llmopt_core.runs.values import ACTIVE, Job, Project, Status, known_status


@retrying
class JobStore(StorePart):
    """Jobs: what long work there is, how far it is, and whether it shall stop."""

    def start_job(self, kind: str, project: Project | str | None, arguments: dict[str, Any]) -> int:
        """Add a job of this process, queued. Returns its id. The arguments hold no keys."""
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
            **me(),
        }
        with self.database.write() as connection:
            return int(connection.execute(sa.insert(jobs).returning(jobs.c.id), row).scalar_one())

    def update_job(
        self,
        job_id: int,
        *,
        status: Status | None = None,
        progress: dict[str, Any] | None = None,
        result: dict[str, Any] | None = None,
        error: str | None = None,
    ) -> None:
        """Write what is given; each call is also a heartbeat."""
        values: dict[str, Any] = {"heartbeat": now()}
        if status is not None:
            values["status"] = status
            values["started_at" if status == "running" else "finished_at"] = now()
        if error is not None:
            values["error"] = error
        for name, value in (("progress", progress), ("result", result)):
            if value is not None:
                values[name] = pack(value)
        with self.database.write() as connection:
            connection.execute(sa.update(jobs).where(jobs.c.id == job_id).values(**values))

    def job(self, job_id: int) -> Job:
        """One job.

        Raises:
            BadInput: There is none of that id.
        """
        mark_interrupted(self.database, jobs)
        found = self._jobs(jobs.c.id == job_id)
        if not found:
            raise BadInput(f"There is no job {job_id}.")
        return found[0]

    def jobs(self, project: Project | str | None = None, *, active: bool = False) -> list[Job]:
        """Jobs of a project (or all), newest first; only those not finished if `active`."""
        mark_interrupted(self.database, jobs)
        where: list[sa.ColumnElement[bool]] = []
        if project is not None:
            where.append(jobs.c.project_id == self._project_id(project))
        if active:
            return self._jobs(*where, jobs.c.status.in_(ACTIVE))
        if project is None:
            return self._job_list.current(None)
        found = self.project(project) if isinstance(project, str) else project
        return self._job_list.current((found.id, found.name), *where)

    def request_cancel(self, job_id: int) -> None:
        """Ask a job, in whatever process, to stop."""
        with self.database.write() as connection:
            connection.execute(sa.update(jobs).where(jobs.c.id == job_id).values(cancel_requested=True))

    def cancel_requested(self, job_id: int) -> bool:
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
    values["status"] = known_status(row["status"])
    values.update({name: plain_facts(row[name]) for name in ("arguments", "progress", "result")})
    return Job(**values)


_STAMPS = sa.select(
    jobs.c.id, jobs.c.status, sa.type_coerce(jobs.c.heartbeat, sa.Double), jobs.c.cancel_requested
).order_by(jobs.c.id.desc())
_PLAIN = (
    "id", "project", "kind", "status", "created_at", "started_at", "finished_at", "cancel_requested", "error",
)  # fmt: skip
