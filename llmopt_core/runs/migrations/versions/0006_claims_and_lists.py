"""Work under way is claimed, so that two processes do not pay for it twice; runs and jobs have indexes for lists."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Every column that a list's stamps are made of, so that the index alone answers.
_STAMPS = {
    "runs": ("project_id", "id", "status", "heartbeat", "finished_at"),
    "jobs": ("project_id", "kind", "id", "status", "heartbeat", "cancel_requested"),
}


def upgrade() -> None:
    op.create_table(
        "claims",
        sa.Column("stage", sa.String(40), primary_key=True),
        sa.Column("key", sa.String(200), primary_key=True),
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("owner_pid", sa.Integer),
        sa.Column("owner_started", sa.Double),
        sa.Column("owner_host", sa.String(255)),
        sa.Column("heartbeat", sa.Double),
    )
    for table, columns in _STAMPS.items():
        op.create_index(f"ix_{table}_stamp", table, columns)


def downgrade() -> None:
    for table in _STAMPS:
        op.drop_index(f"ix_{table}_stamp", table)
    op.drop_table("claims")
