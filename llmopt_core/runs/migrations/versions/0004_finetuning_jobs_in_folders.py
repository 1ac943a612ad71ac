"""Fine-tuning jobs live in folders of the workspace; the table meant for them was never written to."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table("finetuning_jobs")


def downgrade() -> None:
    op.create_table(
        "finetuning_jobs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("project_id", sa.Integer, sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
        sa.Column("provider", sa.String(60), nullable=False),
        sa.Column("intent", sa.String(40), nullable=False, unique=True),
        sa.Column("provider_job", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_finetuning_jobs_project_id", "finetuning_jobs", ["project_id"])
    op.create_index("ix_finetuning_jobs_status", "finetuning_jobs", ["status"])
