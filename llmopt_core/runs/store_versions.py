"""The part of the store that keeps numbered versions (prompts, few-shot sets, training sets), labels and drafts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from llmopt_core.errors import BadInput
from llmopt_core.runs.codec import pack
from llmopt_core.runs.reconnect import retrying
from llmopt_core.runs.store_part import StorePart
from llmopt_core.runs.tables import now, projects
from llmopt_core.runs.tables_labs import drafts, labels, versions
from llmopt_core.runs.values import Project
from llmopt_core.types import fingerprint


@dataclass(frozen=True, slots=True)
class Version:
    """One numbered version of a named thing, with the labels that point to it."""

    kind: str
    name: str
    number: int
    fingerprint: str
    note: str
    saved_at: datetime
    body: Any
    labels: tuple[str, ...] = ()


@retrying
class VersionStore(StorePart):
    """Append-only versions by kind and name. Bodies are plain JSON values."""

    def save_version(self, project: Project | str, kind: str, name: str, body: Any, note: str = "") -> Version:
        """Add a version, numbered from 1. The same content as the newest version adds nothing and gives that one.

        Raises:
            BadInput: The name is empty.
        """
        name = name.strip()
        if not name:
            raise BadInput(f"A {kind} needs a name.")
        project_id, content = self._project_id(project), fingerprint(body)
        newest = sa.select(versions.c.number, versions.c.fingerprint).where(_has_name(versions, project_id, kind, name))
        with self.database.write() as connection:
            # Inside the transaction that writes, and by turns.
            _take_turns(connection, project_id)
            last = connection.execute(newest.order_by(versions.c.number.desc()).limit(1)).first()
            number = 1 if last is None else last.number
            if last is None or last.fingerprint != content:
                number = 1 if last is None else last.number + 1
                row = {"project_id": project_id, "kind": kind, "name": name, "number": number, "note": note}
                connection.execute(
                    sa.insert(versions), {**row, "fingerprint": content, "saved_at": now(), "body": pack(body)}
                )
        return self.version(project, kind, name, number)

    def versions(self, project: Project | str, kind: str, name: str | None = None) -> list[Version]:
        """All versions of one thing, or of all things of a kind; oldest first."""
        project_id = self._project_id(project)
        where = sa.and_(versions.c.project_id == project_id, versions.c.kind == kind)
        if name is not None:
            where = _has_name(versions, project_id, kind, name)
        with self.database.read() as connection:
            rows = list(
                connection.execute(
                    sa.select(versions).where(where).order_by(versions.c.number, versions.c.id)
                ).mappings()
            )
            pointing = list(
                connection.execute(
                    sa.select(labels).where(labels.c.project_id == project_id, labels.c.kind == kind)
                ).mappings()
            )
        return [
            _version(row, pointing, body)
            for row in rows
            if (body := self._readable(project_id, f"{kind.capitalize()} {row['name']} v{row['number']}", row["body"]))
            is not None
        ]

    def version(self, project: Project | str, kind: str, name: str, number: int | str | None = None) -> Version:
        """One version by number or label; the newest where none is given.

        Raises:
            BadInput: There is no such version.
        """
        versions = self.versions(project, kind, name)
        matches = [v for v in versions if number is None or v.number == number or number in v.labels]
        if not matches:
            label = name if number is None else f"{name} in version {number}"
            raise BadInput(f"There is no {kind} named {label} in this project.")
        return matches[-1]

    def set_label(self, project: Project | str, kind: str, name: str, label: str, number: int) -> None:
        """Let a label, such as `production`, point to one version; it leaves the version it pointed to.

        Raises:
            BadInput: The label is empty, or there is no such version.
        """
        self.version(project, kind, name, number)
        if not label.strip():
            raise BadInput("A label needs a name, such as production.")
        project_id = self._project_id(project)
        row = {"project_id": project_id, "kind": kind, "name": name, "label": label.strip(), "number": number}
        with self.database.write() as connection:
            _take_turns(connection, project_id)
            connection.execute(_same_label(project_id, kind, name, label.strip()))
            connection.execute(sa.insert(labels), row)

    def remove_label(self, project: Project | str, kind: str, name: str, label: str) -> None:
        """Take a label away."""
        with self.database.write() as connection:
            connection.execute(_same_label(self._project_id(project), kind, name, label.strip()))

    def save_draft(self, project: Project | str, kind: str, name: str, body: Any) -> None:
        """Keep what is being typed, in place of the draft that was there."""
        project_id = self._project_id(project)
        with self.database.write() as connection:
            _take_turns(connection, project_id)
            _replace_draft(connection, project_id, kind, name, body)

    def change_draft(self, project: Project | str, kind: str, name: str, change: Callable[[Any | None], Any]) -> None:
        """Replace a draft by what is made of it; of two who do so at once, neither undoes what the other did.

        Args:
            project: Whose.
            kind: What it is a draft of.
            name: Its name.
            change: Given the draft, or None where nothing is kept. It must not ask the store, and may be called again.
        """
        project_id = self._project_id(project)
        query = sa.select(drafts.c.body).where(_has_name(drafts, project_id, kind, name))
        with self.database.write() as connection:
            _take_turns(connection, project_id)
            body = connection.scalar(query)
            before = None if body is None else self._readable(project_id, f"The draft of {kind} {name}", body)
            _replace_draft(connection, project_id, kind, name, change(before))

    def draft(self, project: Project | str, kind: str, name: str) -> Any | None:
        """What was being typed; None where nothing is kept."""
        project_id = self._project_id(project)
        query = sa.select(drafts.c.body).where(_has_name(drafts, project_id, kind, name))
        with self.database.read() as connection:
            body = connection.scalar(query)
        return None if body is None else self._readable(project_id, f"The draft of {kind} {name}", body)

    def draft_names(self, project: Project | str, kind: str) -> list[str]:
        """The names of all drafts of a kind."""
        project_id = self._project_id(project)
        query = sa.select(drafts.c.name).where(drafts.c.project_id == project_id, drafts.c.kind == kind)
        with self.database.read() as connection:
            return sorted(connection.scalars(query))

    def delete_draft(self, project: Project | str, kind: str, name: str) -> None:
        """Forget a draft."""
        with self.database.write() as connection:
            connection.execute(sa.delete(drafts).where(_has_name(drafts, self._project_id(project), kind, name)))


def _take_turns(connection: sa.Connection, project_id: int) -> None:
    """Wait for others who save in the project: on a server by its row, since what is not there yet has none."""
    # On SQLite this transaction holds the write lock.
    connection.execute(sa.select(projects.c.id).where(projects.c.id == project_id).with_for_update(key_share=True))


def _replace_draft(connection: sa.Connection, project_id: int, kind: str, name: str, body: Any) -> None:
    row = {"project_id": project_id, "kind": kind, "name": name, "saved_at": now(), "body": pack(body)}
    connection.execute(sa.delete(drafts).where(_has_name(drafts, project_id, kind, name)))
    connection.execute(sa.insert(drafts), row)


def _has_name(table: sa.Table, project_id: int, kind: str, name: str) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.project_id == project_id, table.c.kind == kind, table.c.name == name)


def _same_label(project_id: int, kind: str, name: str, label: str) -> sa.Delete:
    return sa.delete(labels).where(_has_name(labels, project_id, kind, name), labels.c.label == label)


def _version(row: Any, pointing: list[Any], body: Any) -> Version:
    labels = tuple(
        sorted(item["label"] for item in pointing if (item["name"], item["number"]) == (row["name"], row["number"]))
    )
    return Version(
        row["kind"], row["name"], row["number"], row["fingerprint"], row["note"], row["saved_at"],
        body, labels,
    )  # fmt: skip
