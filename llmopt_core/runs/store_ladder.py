"""The part of the store that keeps which experiments were kept or dropped."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from llmopt_core.errors import BadInput
from llmopt_core.runs.reconnect import retrying
from llmopt_core.runs.store_part import StorePart
from llmopt_core.runs.tables import now
from llmopt_core.runs.tables_labs import ladder_steps
from llmopt_core.runs.tables_runs import runs
from llmopt_core.runs.values import Project

Choice = Literal["kept", "dropped"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided on a run.

    Attributes:
        note: Why.
        author: Who; empty where that was not said.
    """

    run_id: int
    choice: Choice
    note: str = ""
    author: str = ""
    saved_at: datetime | None = None


@retrying
class LadderStore(StorePart):
    """Decisions on runs."""

    def save_decision(self, project: Project | str, decision: Decision) -> None:
        """Keep a decision; an earlier one on the same run is replaced.

        Raises:
            BadInput: The project has no such run.
        """
        project_id = self._project_id(project)
        row = {"project_id": project_id, "run_id": decision.run_id}
        is_run = sa.select(runs.c.id).where(runs.c.id == decision.run_id, runs.c.project_id == project_id)
        values = {"decision": decision.choice, "note": decision.note, "author": decision.author, "saved_at": now()}
        with self.database.write() as connection:
            if connection.scalar(is_run) is None:
                raise BadInput(f"There is no run {decision.run_id} in this project.")
            connection.execute(sa.delete(ladder_steps).where(*_is(row)))
            connection.execute(sa.insert(ladder_steps), {**row, **values})

    def decisions(self, project: Project | str) -> list[Decision]:
        """All decisions of a project, the oldest first."""
        query = sa.select(ladder_steps).where(ladder_steps.c.project_id == self._project_id(project))
        with self.database.read() as connection:
            rows = connection.execute(query.order_by(ladder_steps.c.saved_at, ladder_steps.c.id)).mappings().all()
        return [
            Decision(row["run_id"], row["decision"], row["note"], row["author"] or "", row["saved_at"])
            for row in rows
            # Another word is of another version of the program, and decides nothing here.
            if row["decision"] in ("kept", "dropped")
        ]

    def delete_decisions(self, project: Project | str, run_ids: Collection[int]) -> None:
        """Take back what was decided on these runs."""
        criteria = (ladder_steps.c.project_id == self._project_id(project), ladder_steps.c.run_id.in_(run_ids))
        with self.database.write() as connection:
            connection.execute(sa.delete(ladder_steps).where(*criteria))


def _is(row: dict[str, int]) -> list[sa.ColumnElement[bool]]:
    return [ladder_steps.c[name] == value for name, value in row.items()]
