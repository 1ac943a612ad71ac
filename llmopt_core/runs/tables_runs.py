"""Runs with their records and scores, jobs, the stage cache, and who works on what is not in it yet."""

from __future__ import annotations

import sqlalchemy as sa

from llmopt_core.runs.tables import Moment, Words, metadata, project_table


def _owner() -> list[sa.Column[object]]:
    """Which process does the work, so that others can tell whether it still lives."""
    return [
        sa.Column("owner_pid", sa.Integer),
        sa.Column("owner_started", sa.Double),
        sa.Column("owner_host", sa.String(255)),
        sa.Column("heartbeat", Moment),
    ]


jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("project_id", sa.ForeignKey("projects.id", ondelete="CASCADE"), index=True),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("status", sa.String(20), nullable=False, index=True),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("started_at", Moment),
    sa.Column("finished_at", Moment),
    sa.Column("cancel_requested", sa.Boolean, nullable=False, default=False),
    *_owner(),
    sa.Column("error", Words, nullable=False, default=""),
    sa.Column("arguments", sa.LargeBinary, nullable=False),
    sa.Column("progress", sa.LargeBinary, nullable=False),
    sa.Column("result", sa.LargeBinary, nullable=False),
    sa.Column("lane", sa.String(20)),
    sa.Column("versions", sa.LargeBinary),
    sa.Column("key_names", sa.LargeBinary),
    sa.Column("claim", sa.String(32)),
    sa.Column("attempts", sa.Integer, nullable=False, default=0, server_default="0"),
)

runs = project_table(
    "runs",
    # Runs outlast their job: they are the result.
    sa.Column("job_id", sa.ForeignKey("jobs.id", ondelete="SET NULL"), index=True),
    sa.Column("name", Words, nullable=False),
    sa.Column("fingerprint", sa.String(16), nullable=False),
    sa.Column("evaluation_set", Words, nullable=False),
    sa.Column("set_version", sa.String(16), nullable=False),
    sa.Column("documents_version", sa.String(16)),
    sa.Column("training", sa.LargeBinary),
    sa.Column("paid", sa.LargeBinary),
    sa.Column("judge", Words, nullable=False),
    sa.Column("total", sa.Integer, nullable=False),
    sa.Column("status", sa.String(20), nullable=False, index=True),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("finished_at", Moment),
    sa.Column("seconds", sa.Double, nullable=False, default=0.0),
    *_owner(),
    sa.Column("error", Words, nullable=False, default=""),
    sa.Column("metrics", sa.LargeBinary, nullable=False),
    sa.Column("options", sa.LargeBinary, nullable=False),
    sa.Column("configuration", sa.LargeBinary, nullable=False),
)

records = sa.Table(
    "records",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run_id", sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("example_id", Words, nullable=False),
    sa.Column("failed", sa.Boolean, nullable=False),
    sa.Column("prompt_tokens", sa.Integer, nullable=False),
    sa.Column("completion_tokens", sa.Integer, nullable=False),
    sa.Column("cost_usd", sa.Double),
    sa.Column("calls", sa.Integer, nullable=False),
    sa.Column("cached_calls", sa.Integer, nullable=False),
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Column("saved_at", Moment, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("trace", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("run_id", "position"),
)

scores = sa.Table(
    "scores",
    metadata,
    sa.Column("run_id", sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("metric", sa.String(200), primary_key=True),
    sa.Column("value", sa.Double),
    sa.Column("passed", sa.Boolean),
    # The rows lie in the order of their key, so those of a run are read in one piece, and there is no second index.
    sqlite_with_rowid=False,
)

claims = sa.Table(
    "claims",
    metadata,
    sa.Column("stage", sa.String(40), primary_key=True),
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Column("token", sa.String(32), nullable=False),
    *_owner(),
)

# What tells that a run or a job has changed since it was read, without reading it.
sa.Index("ix_runs_stamp", runs.c.project_id, runs.c.id, runs.c.status, runs.c.heartbeat, runs.c.finished_at)
sa.Index(
    "ix_jobs_stamp",
    jobs.c.project_id, jobs.c.kind, jobs.c.id, jobs.c.status, jobs.c.heartbeat, jobs.c.cancel_requested,
)  # fmt: skip

cache = sa.Table(
    "cache",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("stage", sa.String(40), nullable=False),
    sa.Column("key", sa.String(200), nullable=False),
    sa.Column("saved_at", Moment, nullable=False),
    sa.Column("value", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("stage", "key"),
)
