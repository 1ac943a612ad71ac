"""The part of the store that keeps evaluation sets."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from llmopt_core.errors import BadInput, StorageError
from llmopt_core.runs.codec import Unreadable, pack, unpack
from llmopt_core.runs.reconnect import retrying
from llmopt_core.runs.store_part import StorePart, has_name
from llmopt_core.runs.tables import evaluation_sets, now
from llmopt_core.runs.values import Project, SavedSet
from llmopt_core.types import EvaluationSet, Example


@retrying
class EvaluationSetStore(StorePart):
    """The versions of evaluation sets. A project may be given by name or as a `Project`."""

    def save_evaluation_set(self, project: Project | str, item: EvaluationSet) -> SavedSet:
        """Keep this version of a set; it becomes the latest of its name, whatever the clock says."""
        project_id = self._project_id(project)
        row = _set_row(project_id, item)
        condition = sa.and_(has_name(evaluation_sets, project_id, item.name), evaluation_sets.c.version == item.version)
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
        query = sa.select(table.c.body).where(has_name(table, project_id, name))
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
            connection.execute(sa.delete(evaluation_sets).where(has_name(evaluation_sets, project_id, name)))


def _set_row(project_id: int, item: EvaluationSet) -> dict[str, Any]:
    return {
        "project_id": project_id,
        "name": item.name,
        "version": item.version,
        "size": len(item.examples),
        "saved_at": now(),
        "body": pack(item, EvaluationSet),
    }
