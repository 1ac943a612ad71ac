"""The part of the store that keeps projects: documents and configurations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from llmopt_core.errors import BadInput
from llmopt_core.runs.codec import pack
from llmopt_core.runs.reconnect import retrying
from llmopt_core.runs.store_part import StorePart, has_name
from llmopt_core.runs.tables import configurations, documents, now, projects
from llmopt_core.runs.values import Project, SavedConfiguration, SavedDocument
from llmopt_core.types import Document

# Longer names break every picker and table.
_NAME_LENGTH = 200


@retrying
class ProjectStore(StorePart):
    """Projects and what belongs to them. A project may be given by name or as a `Project`."""

    def create_project(self, name: str, description: str = "") -> Project:
        """Add a project.

        Raises:
            BadInput: The name is empty, too long, or taken.
        """
        name = check_name(name)
        row = {"name": name, "description": description, "created_at": now()}
        with self.database.write() as connection, _explain_duplicate_name(name):
            connection.execute(sa.insert(projects), row)
        return self.project(name)

    def ensure_project(self, name: str, description: str = "") -> Project:
        """The project of that name, added when it is not there; another process may add it at the same moment."""
        try:
            return self.project(name)
        except BadInput:
            name = check_name(name)
        row = {"name": name, "description": description, "created_at": now()}
        with self.database.write() as connection:
            # An insert that leaves the other process's row in place, and is no error.
            connection.execute(self.database.insert_new(projects), row)
        return self.project(name)

    def projects(self) -> list[Project]:
        """All projects, oldest first."""
        with self.database.read() as connection:
            return [
                Project(**row) for row in connection.execute(sa.select(projects).order_by(projects.c.id)).mappings()
            ]

    def rename_project(self, project: Project | str, name: str) -> Project:
        """Give a project another name; all that belongs to it stays.

        Raises:
            BadInput: The name is empty, too long, or taken.
        """
        project_id, name = self._project_id(project), check_name(name)
        with self.database.write() as connection, _explain_duplicate_name(name):
            connection.execute(sa.update(projects).where(projects.c.id == project_id).values(name=name))
        return self.project(name)

    def delete_project(self, project: Project | str) -> None:
        """Remove a project with its documents, sets, configurations, runs and jobs.

        Raises:
            BadInput: A run or a job of it is under way.
        """
        project_id = self._project_id(project)
        name = project.name if isinstance(project, Project) else project
        with self._removing(f"The project {name}", project_id) as connection:
            connection.execute(sa.delete(projects).where(projects.c.id == project_id))

    def save_documents(self, project: Project | str, items: Iterable[Document]) -> None:
        """Add documents; one of the same name is replaced. All or none."""
        project_id, moment = self._project_id(project), now()
        rows: list[dict[str, Any]] = [
            {
                "project_id": project_id,
                "name": item.name,
                "version": item.version,
                "characters": len(item.text),
                "saved_at": moment,
                "body": pack(item, Document),
            }
            for item in items
        ]
        if not rows:
            return
        with self.database.write() as connection:
            for row in rows:
                connection.execute(sa.delete(documents).where(has_name(documents, project_id, row["name"])))
            connection.execute(sa.insert(documents), rows)

    def documents(self, project: Project | str) -> list[Document]:
        """All documents, by name. One that cannot be read has no text, and a warning that says so."""
        project_id = self._project_id(project)
        query = sa.select(documents.c.name, documents.c.body).where(documents.c.project_id == project_id)
        with self.database.read() as connection:
            rows = list(connection.execute(query.order_by(documents.c.name)))
        return [self._document(project_id, name, body) for name, body in rows]

    def document_list(self, project: Project | str) -> list[SavedDocument]:
        """All documents without their texts, by name."""
        columns = (documents.c.name, documents.c.version, documents.c.characters, documents.c.saved_at)
        query = sa.select(*columns).where(documents.c.project_id == self._project_id(project))
        with self.database.read() as connection:
            return [SavedDocument(**row) for row in connection.execute(query.order_by(documents.c.name)).mappings()]

    def document(self, project: Project | str, name: str) -> Document:
        """One document.

        Raises:
            BadInput: There is none of that name.
        """
        project_id = self._project_id(project)
        query = sa.select(documents.c.body).where(has_name(documents, project_id, name))
        with self.database.read() as connection:
            body = connection.scalar(query)
        if body is None:
            raise BadInput(f"There is no document named {name} in this project.")
        return self._document(project_id, name, body)

    def _document(self, project_id: int, name: str, body: bytes) -> Document:
        """A stored document; without text, and with a warning, where it cannot be read."""
        document: Document | None = self._readable(project_id, f"Document {name}", body, Document)
        if document is not None:
            return document
        return Document(name, "", warnings=("Its stored text could not be read: add the file again.",))

    def delete_document(self, project: Project | str, name: str) -> None:
        """Remove a document; runs keep what they quoted from it."""
        project_id = self._project_id(project)
        with self.database.write() as connection:
            connection.execute(sa.delete(documents).where(has_name(documents, project_id, name)))
        self.unreadables.forget(project_id)

    def save_configuration(
        self, project: Project | str, name: str, spec: dict[str, Any], fingerprint: str
    ) -> SavedConfiguration:
        """Keep a configuration under a name. Other contents under a known name become its next version."""
        name = name.strip()
        if not name:
            raise BadInput("A configuration needs a name.")
        table, project_id = configurations, self._project_id(project)
        newest = sa.select(table.c.version, table.c.fingerprint, table.c.hidden, table.c.id)
        newest = newest.where(has_name(table, project_id, name)).order_by(table.c.version.desc()).limit(1)
        with self.database.write() as connection:
            last = connection.execute(newest).first()
            # The same contents: one that was taken off the list is back on it, and words that change no answer are as
            # they are now.
            if last is not None and last.fingerprint == fingerprint:
                connection.execute(
                    sa.update(table).where(table.c.id == last.id).values(hidden=False, body=pack(spec), saved_at=now())
                )
                version = last.version
            else:
                version = 1 if last is None else last.version + 1
                row = {"project_id": project_id, "name": name, "version": version, "fingerprint": fingerprint}
                connection.execute(sa.insert(table), {**row, "hidden": False, "saved_at": now(), "body": pack(spec)})
        return SavedConfiguration(name, version, fingerprint, spec, now())

    def configurations(self, project: Project | str) -> list[SavedConfiguration]:
        """The latest version of each configuration, in the order they were first saved."""
        table = configurations
        query = sa.select(table).where(table.c.project_id == self._project_id(project)).order_by(table.c.version)
        with self.database.read() as connection:
            rows = list(connection.execute(query).mappings())
        # Rows by number, so that a name keeps the place of its first version and the contents of its last.
        latest = {row["name"]: row for row in sorted(rows, key=lambda row: row["id"])}
        saved_configurations = []
        for row in latest.values():
            if row["hidden"]:
                continue
            name = row["name"]
            spec = self._readable(row["project_id"], f"Configuration {name}", row["body"])
            if isinstance(spec, dict):
                saved_configurations.append(
                    SavedConfiguration(name, row["version"], row["fingerprint"], spec, row["saved_at"])
                )
        return saved_configurations

    def delete_configuration(self, project: Project | str, name: str) -> None:
        """Take a configuration off the list; its runs keep it."""
        project_id = self._project_id(project)
        with self.database.write() as connection:
            connection.execute(
                sa.update(configurations).where(has_name(configurations, project_id, name)).values(hidden=True)
            )
        self.unreadables.forget(project_id)


@contextmanager
def _explain_duplicate_name(name: str) -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise BadInput(f"There is a project named {name} already; choose another name.") from error


def check_name(name: str) -> str:
    """A project's name as it is kept.

    Raises:
        BadInput: It is no name.
    """
    name = name.strip()
    # Line breaks, control characters and marks that turn the writing direction would break tables and forge lines of
    # logs.
    if not name or len(name) > _NAME_LENGTH or not name.isprintable():
        raise BadInput(f"A project's name has 1 to {_NAME_LENGTH} visible characters.")
    return name
