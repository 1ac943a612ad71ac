"""The part of the store that keeps projects: documents, evaluation sets, configurations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from llmopt_core.errors import BadInput, StorageError
from llmopt_core.runs.codec import Unreadable, pack, unpack
from llmopt_core.runs.reconnect import retrying
from llmopt_core.runs.store_part import StorePart
from llmopt_core.runs.tables import configurations, documents, evaluation_sets, now, projects
from llmopt_core.runs.values import Project, SavedConfiguration, SavedDocument, SavedSet
from llmopt_core.types import Document, EvaluationSet, Example

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
                connection.execute(sa.delete(documents).where(_has_name(documents, project_id, row["name"])))
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
        query = sa.select(documents.c.body).where(_has_name(documents, project_id, name))
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
            connection.execute(sa.delete(documents).where(_has_name(documents, project_id, name)))
        self.unreadables.forget(project_id)

    def save_evaluation_set(self, project: Project | str, item: EvaluationSet) -> SavedSet:
        """Keep this version of a set; it becomes the latest of its name, whatever the clock says."""
        project_id = self._project_id(project)
        row = _set_row(project_id, item)
        condition = sa.and_(
            _has_name(evaluation_sets, project_id, item.name), evaluation_sets.c.version == item.version
        )
        with self.database.write() as connection:
            connection.execute(sa.delete(evaluation_sets).where(condition))
            connection.execute(sa.insert(evaluation_sets), row)
        return SavedSet(item.name, item.version, len(item.examples), row["saved_at"])

    def keep_evaluation_set(self, project: Project | str, item: EvaluationSet) -> None:
        """Keep this version of a set for a run, out of the list, where it is not there already."""
        row = {**_set_row(self._project_id(project), item), "hidden": True}
        with self.database.write() as connection:
            connection.execute(self.database.insert_new(evaluation_sets), row)

    def evaluation_sets(self, project: Project | str, *, every_version: bool = False) -> list[SavedSet]:
        """The saved sets of a project, latest first; one per name unless every version is asked for."""
        table = evaluation_sets
        query = sa.select(table.c.name, table.c.version, table.c.size, table.c.saved_at)
        query = query.where(table.c.project_id == self._project_id(project), table.c.hidden.is_(False)).order_by(
            table.c.id.desc()
        )
        with self.database.read() as connection:
            saved_sets = [SavedSet(**row) for row in connection.execute(query).mappings()]
        # The last of a name wins in a dictionary, and `saved_sets` begins with the latest: reversed, and reversed back.
        return saved_sets if every_version else list({item.name: item for item in reversed(saved_sets)}.values())[::-1]

    def evaluation_set(self, project: Project | str, name: str, version: str | None = None) -> EvaluationSet:
        """One evaluation set; its latest saved version where none is named.

        Raises:
            BadInput: There is none of that name and version.
        StorageError: Nothing of it can be read.
        """
        table, project_id = evaluation_sets, self._project_id(project)
        query = sa.select(table.c.body).where(_has_name(table, project_id, name))
        if version is not None:
            query = query.where(table.c.version == version)
        with self.database.read() as connection:
            # A saved version goes before one that was only kept for a run; without a wanted version the latter counts
            # if there is no other.
            body = connection.scalar(query.order_by(table.c.hidden, table.c.id.desc()).limit(1))
        if body is None:
            label = name if version is None else f"{name} in version {version}"
            raise BadInput(f"There is no evaluation set named {label} in this project.")
        return self._set(project_id, name, body)

    def _set(self, project_id: int, name: str, body: bytes) -> EvaluationSet:
        """A stored set, without the examples that cannot be read."""
        try:
            # Whole at first, without mending: only a set that cannot be read so is taken apart, question by question.
            evaluation_set: EvaluationSet = unpack(body, EvaluationSet)
            return evaluation_set
        except Unreadable as error:
            reason = str(error)
        fields = self._readable(project_id, f"Evaluation set {name}", body)
        rows = fields.get("examples") if isinstance(fields, dict) else None
        if not isinstance(rows, list):
            self.unreadables.note(project_id, f"Evaluation set {name}", reason)
            raise StorageError(f"The evaluation set {name} could not be read ({reason}): add its file again.")
        examples = []
        for number, row in enumerate(rows, 1):
            what = f"Question {number} of the evaluation set {name}"
            example: Example | None = self._readable(project_id, what, pack(row), Example)
            # Where the answer stands is the part that versions differ in; question and answer are worth keeping without
            # it.
            if example is None and isinstance(row, dict) and row.get("references"):
                example = self._readable(project_id, what, pack({**row, "references": []}), Example)
                if example is not None:
                    self.unreadables.note(project_id, f"Where the answer stands to question {number} of {name}", reason)
            examples += [example] if example is not None else []
        return EvaluationSet(name, tuple(examples))

    def delete_evaluation_set(self, project: Project | str, name: str) -> None:
        """Remove every version of a set; runs keep the examples they answered.

        Raises:
            BadInput: A run or a job over it is under way.
        """
        project_id = self._project_id(project)
        with self._removing(f"The set {name}", project_id, name) as connection:
            connection.execute(sa.delete(evaluation_sets).where(_has_name(evaluation_sets, project_id, name)))

    def save_configuration(
        self, project: Project | str, name: str, spec: dict[str, Any], fingerprint: str
    ) -> SavedConfiguration:
        """Keep a configuration under a name. Other contents under a known name become its next version."""
        name = name.strip()
        if not name:
            raise BadInput("A configuration needs a name.")
        table, project_id = configurations, self._project_id(project)
        newest = sa.select(table.c.version, table.c.fingerprint, table.c.hidden, table.c.id)
        newest = newest.where(_has_name(table, project_id, name)).order_by(table.c.version.desc()).limit(1)
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
                sa.update(configurations).where(_has_name(configurations, project_id, name)).values(hidden=True)
            )
        self.unreadables.forget(project_id)


@contextmanager
def _explain_duplicate_name(name: str) -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise BadInput(f"There is a project named {name} already; choose another name.") from error


def _set_row(project_id: int, item: EvaluationSet) -> dict[str, Any]:
    return {
        "project_id": project_id,
        "name": item.name,
        "version": item.version,
        "size": len(item.examples),
        "saved_at": now(),
        "body": pack(item, EvaluationSet),
    }


def _has_name(table: sa.Table, project_id: int, name: str) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.project_id == project_id, table.c.name == name)


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
