"""What every part of the store stands on: the database, and projects by name."""

from __future__ import annotations

import sqlalchemy as sa

from llmopt_core.errors import BadInput
from llmopt_core.runs.engine import Database
from llmopt_core.runs.tables import projects
from llmopt_core.runs.values import Project


class StorePart:
    """Base of the parts. A project may be given by name or as a `Project`."""

    database: Database

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

    def _project_id(self, project: Project | str) -> int:
        return project.id if isinstance(project, Project) else self.project(project).id
