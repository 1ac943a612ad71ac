"""Numbered versions with labels, drafts, votes, fine-tuning jobs, the ladder."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _table(name: str, *columns: Any, unique: tuple[str, ...] = ()) -> None:
    op.create_table(
        name,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("project_id", sa.Integer, sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
        *columns,
        *([sa.UniqueConstraint(*unique, name=f"uq_{name}_{'_'.join(unique)}")] if unique else []),
    )
    op.create_index(f"ix_{name}_project_id", name, ["project_id"])


def _text(name: str, length: int) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length), nullable=False)


def _bytes(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


def _moment(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Double, nullable=False)


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer, nullable=False)


def upgrade() -> None:
    _versions()
    _table(
        "votes",
        *(_bytes(name) for name in ("comparison", "voter", "example_id", "first", "second")),
        _text("choice", 10),
        _moment("saved_at"),
        unique=("project_id", "comparison", "voter", "example_id", "first", "second"),
    )
    _table(
        "finetuning_jobs",
        _text("provider", 60),
        sa.Column("intent", sa.String(40), nullable=False, unique=True),
        _bytes("provider_job"),
        _text("status", 20),
        _moment("created_at"),
        _moment("updated_at"),
        _bytes("body"),
    )
    op.create_index("ix_finetuning_jobs_status", "finetuning_jobs", ["status"])
    _table(
        "ladder_steps",
        sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
        _text("decision", 10),
        _bytes("note"),
        _moment("saved_at"),
        unique=("project_id", "run_id"),
    )


def _versions() -> None:
    _table(
        "versions",
        _text("kind", 40),
        _bytes("name"),
        _number("number"),
        _text("fingerprint", 16),
        _bytes("note"),
        _moment("saved_at"),
        _bytes("body"),
        unique=("project_id", "kind", "name", "number"),
    )
    _table(
        "labels",
        _text("kind", 40),
        _bytes("name"),
        _bytes("label"),
        _number("number"),
        unique=("project_id", "kind", "name", "label"),
    )
    _table(
        "drafts",
        _text("kind", 40),
        _bytes("name"),
        _moment("saved_at"),
        _bytes("body"),
        unique=("project_id", "kind", "name"),
    )
