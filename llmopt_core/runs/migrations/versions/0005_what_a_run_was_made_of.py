"""Runs know the version of their documents, and what their tuned parts were trained on; of older runs it is unknown."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("documents_version", sa.String(16)))
    op.add_column("runs", sa.Column("training", sa.LargeBinary))


def downgrade() -> None:
    op.drop_column("runs", "training")
    op.drop_column("runs", "documents_version")
