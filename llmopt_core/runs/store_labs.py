"""The part of the store that keeps votes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from llmopt_core.runs.reconnect import retrying
from llmopt_core.runs.store_part import StorePart
from llmopt_core.runs.tables import now
from llmopt_core.runs.tables_labs import votes
from llmopt_core.runs.values import Project

Choice = Literal["first", "second", "tie", "neither"]


@dataclass(frozen=True, slots=True)
class Vote:
    """One voter's choice between the answers of two configurations to one example."""

    comparison: str
    voter: str
    example_id: str
    first: str
    second: str
    choice: Choice
    saved_at: datetime | None = None


@retrying
class LabStore(StorePart):
    """Votes."""

    def save_vote(self, project: Project | str, vote: Vote) -> None:
        """Keep a vote; the same voter's earlier vote on the same pair is replaced."""
        row = {
            "project_id": self._project_id(project),
            "comparison": vote.comparison,
            "voter": vote.voter,
            "example_id": vote.example_id,
            "first": vote.first,
            "second": vote.second,
        }
        condition = sa.and_(*(votes.c[name] == value for name, value in row.items()))
        with self.database.write() as connection:
            # Added anew, not changed: with its new number the list keeps the order in which people decided.
            connection.execute(sa.delete(votes).where(condition))
            connection.execute(sa.insert(votes), {**row, "choice": vote.choice, "saved_at": now()})

    def votes(self, project: Project | str, comparison: str | None = None) -> list[Vote]:
        """All votes of a project, or of one comparison; oldest first."""
        query = sa.select(votes).where(votes.c.project_id == self._project_id(project)).order_by(votes.c.id)
        if comparison is not None:
            query = query.where(votes.c.comparison == comparison)
        with self.database.read() as connection:
            return [
                Vote(**{name: row[name] for name in Vote.__dataclass_fields__})
                for row in connection.execute(query).mappings()
            ]

    def delete_votes(self, project: Project | str, comparison: str, voter: str, example_id: str) -> None:
        """Take back what a voter said about one example of a comparison."""
        criteria = {
            "project_id": self._project_id(project), "comparison": comparison, "voter": voter, "example_id": example_id
        }  # fmt: skip
        with self.database.write() as connection:
            connection.execute(sa.delete(votes).where(*(votes.c[name] == value for name, value in criteria.items())))
