"""The part of the store that keeps votes, fine-tuning jobs and the ladder's decisions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from llmopt_core.errors import BadInput
from llmopt_core.runs.codec import pack, unpack
from llmopt_core.runs.store_part import StorePart
from llmopt_core.runs.tables import now
from llmopt_core.runs.tables_labs import finetuning_jobs, ladder_steps, votes
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


@dataclass(frozen=True, slots=True)
class FinetuningJob:
    """A fine-tuning job as we know it.

    Attributes:
        intent: Our own key, stored before the provider is asked, so that a retry finds it.
        provider_job: The provider's id; empty until it is known.
        body: Whatever the provider's adapter keeps: data version, hyperparameters, result.
    """

    id: int
    provider: str
    intent: str
    provider_job: str
    status: str
    created_at: datetime
    updated_at: datetime
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LadderStep:
    """The decision on one run: kept or dropped, with a note."""

    run_id: int
    decision: Literal["kept", "dropped"]
    note: str
    saved_at: datetime


class LabStore(StorePart):
    """Votes, fine-tuning jobs, ladder steps."""

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
        same = sa.and_(*(votes.c[name] == value for name, value in row.items()))
        with self.database.write() as connection:
            connection.execute(sa.delete(votes).where(same))
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
        wanted = {
            "project_id": self._project_id(project), "comparison": comparison, "voter": voter, "example_id": example_id
        }  # fmt: skip
        with self.database.write() as connection:
            connection.execute(sa.delete(votes).where(*(votes.c[name] == value for name, value in wanted.items())))

    def start_finetuning(
        self, project: Project | str, provider: str, intent: str, body: dict[str, Any]
    ) -> FinetuningJob:
        """Store what is about to be asked for. The same intent twice gives the job that is there."""
        row = {"project_id": self._project_id(project), "provider": provider, "intent": intent, "provider_job": ""}
        moment = now()
        known = sa.select(finetuning_jobs.c.id).where(finetuning_jobs.c.intent == intent)
        with self.database.write() as connection:
            if connection.scalar(known) is None:
                connection.execute(
                    sa.insert(finetuning_jobs),
                    {**row, "status": "queued", "created_at": moment, "updated_at": moment, "body": pack(body)},
                )
        return self.finetuning_job(intent)

    def finetuning_job(self, intent: str) -> FinetuningJob:
        """The job of that intent.

        Raises:
            BadInput: There is none.
        """
        query = sa.select(finetuning_jobs).where(finetuning_jobs.c.intent == intent)
        with self.database.read() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise BadInput(f"There is no fine-tuning job {intent}.")
        return _job(row)

    def finetuning_jobs(self, project: Project | str | None = None) -> list[FinetuningJob]:
        """All jobs, of one project or of all; newest first."""
        query = sa.select(finetuning_jobs).order_by(finetuning_jobs.c.id.desc())
        if project is not None:
            query = query.where(finetuning_jobs.c.project_id == self._project_id(project))
        with self.database.read() as connection:
            return [_job(row) for row in connection.execute(query).mappings()]

    def update_finetuning(
        self,
        intent: str,
        *,
        provider_job: str | None = None,
        status: str | None = None,
        body: dict[str, Any] | None = None,
    ) -> FinetuningJob:
        """Change what is given and keep the rest; `body` is merged into the stored one."""
        old = self.finetuning_job(intent)
        new = replace(
            old,
            provider_job=old.provider_job if provider_job is None else provider_job,
            status=status or old.status,
            body={**old.body, **(body or {})},
        )
        values = {"provider_job": new.provider_job, "status": new.status, "body": pack(new.body), "updated_at": now()}
        with self.database.write() as connection:
            connection.execute(sa.update(finetuning_jobs).where(finetuning_jobs.c.intent == intent).values(**values))
        return self.finetuning_job(intent)

    def decide(self, project: Project | str, run_id: int, decision: Literal["kept", "dropped"], note: str = "") -> None:
        """Put a run on the ladder as kept or dropped; an earlier decision on it is replaced."""
        row = {"project_id": self._project_id(project), "run_id": run_id}
        same = sa.and_(*(ladder_steps.c[name] == value for name, value in row.items()))
        with self.database.write() as connection:
            connection.execute(sa.delete(ladder_steps).where(same))
            connection.execute(sa.insert(ladder_steps), {**row, "decision": decision, "note": note, "saved_at": now()})

    def ladder_steps(self, project: Project | str) -> list[LadderStep]:
        """All decisions, in the order they were taken."""
        table = ladder_steps
        query = sa.select(table).where(table.c.project_id == self._project_id(project)).order_by(table.c.id)
        with self.database.read() as connection:
            return [
                LadderStep(row["run_id"], row["decision"], row["note"], row["saved_at"])
                for row in connection.execute(query).mappings()
            ]


def _job(row: Any) -> FinetuningJob:
    return FinetuningJob(
        row["id"], row["provider"], row["intent"], row["provider_job"], row["status"], row["created_at"],
        row["updated_at"], unpack(row["body"]),
    )  # fmt: skip
