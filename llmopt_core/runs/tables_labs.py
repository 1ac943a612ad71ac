"""What the labs keep: numbered versions with labels, drafts, votes, labels of answers, and the ladder."""

from __future__ import annotations

import sqlalchemy as sa

from llmopt_core.runs.tables import Moment, Words, project_table

versions = project_table(
    "versions",
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("name", Words, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("fingerprint", sa.String(16), nullable=False),
    sa.Column("note", Words, nullable=False, default=""),
    sa.Column("saved_at", Moment, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    unique=("project_id", "kind", "name", "number"),
)

labels = project_table(
    "labels",
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("name", Words, nullable=False),
    sa.Column("label", Words, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    unique=("project_id", "kind", "name", "label"),
)

drafts = project_table(
    "drafts",
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("name", Words, nullable=False),
    sa.Column("saved_at", Moment, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    unique=("project_id", "kind", "name"),
)

votes = project_table(
    "votes",
    sa.Column("comparison", Words, nullable=False),
    sa.Column("voter", Words, nullable=False),
    sa.Column("example_id", Words, nullable=False),
    sa.Column("first", Words, nullable=False),
    sa.Column("second", Words, nullable=False),
    sa.Column("choice", sa.String(10), nullable=False),
    sa.Column("saved_at", Moment, nullable=False),
    unique=("project_id", "comparison", "voter", "example_id", "first", "second"),
)

judge_labels = project_table(
    "judge_labels",
    sa.Column("subject", sa.String(16), nullable=False),
    sa.Column("criterion", Words, nullable=False),
    sa.Column("person", Words, nullable=False),
    sa.Column("choice", sa.String(10), nullable=False),
    sa.Column("example_id", Words, nullable=False),
    sa.Column("question", Words, nullable=False),
    sa.Column("answer", Words, nullable=False),
    sa.Column("saved_at", Moment, nullable=False),
    unique=("project_id", "subject", "criterion", "person"),
)

ladder_steps = project_table(
    "ladder_steps",
    sa.Column("run_id", sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    sa.Column("decision", sa.String(10), nullable=False),
    sa.Column("note", Words, nullable=False, default=""),
    sa.Column("saved_at", Moment, nullable=False),
    sa.Column("author", Words),
    unique=("project_id", "run_id"),
)
