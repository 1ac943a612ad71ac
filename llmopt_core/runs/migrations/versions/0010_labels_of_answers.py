"""What people say of single answers is kept, so that judges can be measured by it."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    texts = (sa.Column(name, sa.LargeBinary, nullable=False) for name in ("criterion", "person"))
    bodies = (sa.Column(name, sa.LargeBinary, nullable=False) for name in ("example_id", "question", "answer"))
    op.create_table(
        "judge_labels",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("project_id", sa.Integer, sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        *texts,
        sa.Column("choice", sa.String(10), nullable=False),
        *bodies,
        sa.Column("saved_at", sa.Double, nullable=False),
        sa.UniqueConstraint(
            "project_id", "subject", "criterion", "person", name="uq_judge_labels_project_id_subject_criterion_person"
        ),
    )
    op.create_index("ix_judge_labels_project_id", "judge_labels", ["project_id"])


def downgrade() -> None:
    op.drop_table("judge_labels")
