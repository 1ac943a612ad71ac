"""The part of the store that keeps what people said of single answers, for judges to be measured by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from llmopt_core.runs.reconnect import retrying
from llmopt_core.runs.store_part import StorePart
from llmopt_core.runs.tables import now, projects
from llmopt_core.runs.tables_labs import judge_labels
from llmopt_core.runs.values import Project

LabelChoice = Literal["pass", "fail", "unsure"]


@dataclass(frozen=True, slots=True)
class JudgeLabel:
    """What one person said of one answer by one criterion.

    Attributes:
        subject: Hash of all that the person looked at; the same answer in another run has the same.
        criterion: The judged metric.
        choice: `unsure` is no label: the answer is done with, and counts nowhere.
        example_id: Of the run that it was labelled in, for people who read the list.
    """

    subject: str
    criterion: str
    person: str
    choice: LabelChoice
    example_id: str = ""
    question: str = ""
    answer: str = ""
    saved_at: datetime | None = None


_WHO = ("subject", "criterion", "person")


@retrying
class JudgeLabelStore(StorePart):
    """Labels of answers."""

    def save_judge_label(self, project: Project | str, label: JudgeLabel) -> None:
        """Keep a label; the same person's earlier label of the same answer by the same criterion is replaced."""
        row = {name: getattr(label, name) for name in JudgeLabel.__dataclass_fields__}
        row |= {"project_id": self._project_id(project), "saved_at": label.saved_at or now()}
        with self.database.write() as connection:
            # On a server two tabs of one person take turns by the project's row.
            connection.execute(sa.select(projects.c.id).where(projects.c.id == row["project_id"]).with_for_update())
            # Added anew, not changed: with its new number the list keeps the order in which people decided.
            connection.execute(sa.delete(judge_labels).where(_is(row)))
            connection.execute(sa.insert(judge_labels), row)

    def judge_labels(self, project: Project | str, criterion: str | None = None) -> list[JudgeLabel]:
        """All labels of a project, or those by one criterion; oldest first."""
        query = sa.select(judge_labels).where(judge_labels.c.project_id == self._project_id(project))
        if criterion is not None:
            query = query.where(judge_labels.c.criterion == criterion)
        with self.database.read() as connection:
            return [
                JudgeLabel(**{name: row[name] for name in JudgeLabel.__dataclass_fields__})
                for row in connection.execute(query.order_by(judge_labels.c.id)).mappings()
            ]

    def delete_judge_label(self, project: Project | str, subject: str, criterion: str, person: str) -> None:
        """Take back what a person said of an answer."""
        row = {"project_id": self._project_id(project), "subject": subject, "criterion": criterion, "person": person}
        with self.database.write() as connection:
            connection.execute(sa.delete(judge_labels).where(_is(row)))


def _is(row: dict[str, object]) -> sa.ColumnElement[bool]:
    return sa.and_(*(judge_labels.c[name] == row[name] for name in ("project_id", *_WHO)))
