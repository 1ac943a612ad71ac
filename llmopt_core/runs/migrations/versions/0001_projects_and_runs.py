"""Projects with their documents, evaluation sets and configurations; runs, records, scores; jobs; the stage cache."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


# Written out here, not taken from `runs.tables`: a migration makes the tables as they were then, whatever they are now.
def _project(nullable: bool = False) -> sa.Column[Any]:
    return sa.Column("project_id", sa.Integer, sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=nullable)


def _owner() -> list[sa.Column[Any]]:
    return [
        sa.Column("owner_pid", sa.Integer),
        sa.Column("owner_started", sa.Double),
        sa.Column("owner_host", sa.String(255)),
        sa.Column("heartbeat", sa.Double),
    ]


def _body(name: str = "body") -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


def _moment(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Double, nullable=False)


def upgrade() -> None:
    _projects()
    _jobs()
    _runs()
    op.create_table(
        "cache",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("stage", sa.String(40), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        _moment("saved_at"),
        _body("value"),
        sa.UniqueConstraint("stage", "key", name="uq_cache_stage_key"),
    )


def _projects() -> None:
    op.create_table(
        "projects",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("description", sa.LargeBinary, nullable=False),
        _moment("created_at"),
        sa.UniqueConstraint("name", name="uq_projects_name"),
    )
    op.create_table(
        "documents",
        sa.Column("id", sa.Integer, primary_key=True),
        _project(),
        sa.Column("name", sa.LargeBinary, nullable=False),
        sa.Column("version", sa.String(16), nullable=False),
        sa.Column("characters", sa.Integer, nullable=False),
        _moment("saved_at"),
        _body(),
        sa.UniqueConstraint("project_id", "name", name="uq_documents_project_id_name"),
    )
    op.create_table(
        "evaluation_sets",
        sa.Column("id", sa.Integer, primary_key=True),
        _project(),
        sa.Column("name", sa.LargeBinary, nullable=False),
        sa.Column("version", sa.String(16), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        _moment("saved_at"),
        _body(),
        sa.UniqueConstraint("project_id", "name", "version", name="uq_evaluation_sets_project_id_name_version"),
    )
    op.create_table(
        "configurations",
        sa.Column("id", sa.Integer, primary_key=True),
        _project(),
        sa.Column("name", sa.LargeBinary, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("fingerprint", sa.String(16), nullable=False),
        sa.Column("hidden", sa.Boolean, nullable=False),
        _moment("saved_at"),
        _body(),
        sa.UniqueConstraint("project_id", "name", "version", name="uq_configurations_project_id_name_version"),
    )
    for table in ("documents", "evaluation_sets", "configurations"):
        op.create_index(f"ix_{table}_project_id", table, ["project_id"])


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Integer, primary_key=True),
        _project(nullable=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        _moment("created_at"),
        sa.Column("started_at", sa.Double),
        sa.Column("finished_at", sa.Double),
        sa.Column("cancel_requested", sa.Boolean, nullable=False),
        *_owner(),
        _body("error"),
        _body("arguments"),
        _body("progress"),
        _body("result"),
    )
    op.create_index("ix_jobs_project_id", "jobs", ["project_id"])
    op.create_index("ix_jobs_status", "jobs", ["status"])


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, primary_key=True),
        _project(),
        sa.Column("job_id", sa.Integer, sa.ForeignKey("jobs.id", ondelete="SET NULL")),
        _body("name"),
        sa.Column("fingerprint", sa.String(16), nullable=False),
        _body("evaluation_set"),
        sa.Column("set_version", sa.String(16), nullable=False),
        _body("judge"),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        _moment("created_at"),
        sa.Column("finished_at", sa.Double),
        sa.Column("seconds", sa.Double, nullable=False),
        *_owner(),
        _body("error"),
        _body("metrics"),
        _body("options"),
        _body("configuration"),
    )
    for column in ("project_id", "job_id", "status"):
        op.create_index(f"ix_runs_{column}", "runs", [column])
    op.create_table(
        "records",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        _body("example_id"),
        sa.Column("failed", sa.Boolean, nullable=False),
        sa.Column("prompt_tokens", sa.Integer, nullable=False),
        sa.Column("completion_tokens", sa.Integer, nullable=False),
        sa.Column("cost_usd", sa.Double),
        sa.Column("calls", sa.Integer, nullable=False),
        sa.Column("cached_calls", sa.Integer, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        _moment("saved_at"),
        _body(),
        _body("trace"),
        sa.UniqueConstraint("run_id", "position", name="uq_records_run_id_position"),
    )
    op.create_table(
        "scores",
        sa.Column("run_id", sa.Integer, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("metric", sa.String(200), primary_key=True),
        sa.Column("value", sa.Double),
        sa.Column("passed", sa.Boolean),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    for table in (
        "cache",
        "scores",
        "records",
        "runs",
        "jobs",
        "configurations",
        "evaluation_sets",
        "documents",
        "projects",
    ):
        op.drop_table(table)
