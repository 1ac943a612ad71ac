"""Runs keep what was paid, call by call; of older runs it is what their records say."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("paid", sa.LargeBinary))


def downgrade() -> None:
    op.drop_column("runs", "paid")
