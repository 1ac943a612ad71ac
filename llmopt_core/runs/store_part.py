"""What every part of the store stands on: the database, and projects by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from llmopt_core.errors import BadInput
from llmopt_core.runs.codec import Unreadable, plain_facts, unpack
from llmopt_core.runs.engine import Database
from llmopt_core.runs.job_queue import settle_orphans
from llmopt_core.runs.owner import interrupt_orphans
from llmopt_core.runs.reconnect import retrying
from llmopt_core.runs.tables import projects
from llmopt_core.runs.tables_runs import jobs, runs
from llmopt_core.runs.unreadable_rows import Unreadables
from llmopt_core.runs.values import ACTIVE, Project


@retrying
class StorePart:
    """Base of the parts. A project may be given by name or as a `Project`."""

    database: Database
    unreadables: Unreadables

    def unreadable(self, project: Project | str) -> tuple[str, ...]:
        """A sentence for each stored value of a project that could not be read when it was last asked for."""
        return self.unreadables.of(self._project_id(project))

    def note_unreadable(self, project: Project | str, what: str, reason: str) -> None:
        """Tell of a value that is whole in the database, and still none that this version knows."""
        self.unreadables.note(self._project_id(project), what, reason)

    def _readable(self, project_id: int, what: str, data: bytes, kind: Any = None) -> Any:
        """A stored value; None, and noted, where it cannot be read."""
        try:
            value = unpack(data, kind, mend=True)
        except Unreadable as error:
            self.unreadables.note(project_id, what, str(error))
            return None
        self.unreadables.clear(project_id, what)
        return value

    def project(self, name: str) -> Project:
        """The project of that name.

        Raises:
            BadInput: There is none.
        """
        with self.database.read() as connection:
            row = connection.execute(sa.select(projects).where(projects.c.name == name.strip())).mappings().first()
        if row is None:
            raise BadInput(f"There is no project named {name}.")
        return Project(**row)

    @contextmanager
    def _removing(self, what: str, project_id: int, set_name: str = "") -> Iterator[sa.Connection]:
        """A transaction that removes `what`: all of a project, or one of its sets.

        Raises:
            BadInput: Somebody works with it.
        """
        # What a dead process left must not keep a project from being deleted.
        interrupt_orphans(self.database, runs)
        settle_orphans(self.database)
        with self.database.write() as connection:
            # Nothing new of the project can start while its row is held.
            connection.execute(sa.select(projects.c.id).where(projects.c.id == project_id).with_for_update())
            # Nor can anything that has ended be resumed.
            for table in (runs, jobs):
                query = sa.select(table.c.id).where(table.c.project_id == project_id).order_by(table.c.id)
                connection.execute(query.with_for_update())
            user = _user(connection, project_id, set_name)
            if user:
                raise BadInput(f"{what} is in use by {user}; wait for it or cancel it first.")
            yield connection

    def _project_id(self, project: Project | str) -> int:
        return project.id if isinstance(project, Project) else self.project(project).id


def _user(connection: sa.Connection, project_id: int, set_name: str) -> str:
    """What is under way in a project, or over one of its sets; empty for nothing."""
    query = sa.select(runs.c.id, runs.c.name).where(runs.c.project_id == project_id, runs.c.status.in_(ACTIVE))
    if set_name:
        query = query.where(runs.c.evaluation_set == set_name)
    run = connection.execute(query.order_by(runs.c.id)).first()
    if run is not None:
        return f"run {run.id} ({run.name})"
    job_query = sa.select(jobs.c.id, jobs.c.kind, jobs.c.arguments)
    job_query = job_query.where(jobs.c.project_id == project_id, jobs.c.status.in_(ACTIVE)).order_by(jobs.c.id)
    for job in connection.execute(job_query):
        if not set_name or _mentions(plain_facts(job.arguments), set_name):
            return f"job {job.id} ({job.kind.replace('-', ' ')})"
    return ""


def _mentions(value: Any, name: str, key: str = "") -> bool:
    """Whether the arguments of a job name this set; a configuration of the same name is something else."""
    if isinstance(value, dict):
        return any(_mentions(item, name, part) for part, item in value.items())
    if isinstance(value, list):
        return any(_mentions(item, name, key) for item in value)
    return key in _SETS and bool(value == name)


# Under these names the arguments of jobs of all kinds hold sets; a kind with a new one must add it.
_SETS = frozenset(("evaluation_set", "set", "sets", "set_name", "questions", "held_back_set"))


def has_name(table: sa.Table, project_id: int, name: str) -> sa.ColumnElement[bool]:
    """Rows of that name in a project."""
    return sa.and_(table.c.project_id == project_id, table.c.name == name)
