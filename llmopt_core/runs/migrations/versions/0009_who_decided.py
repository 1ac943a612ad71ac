"""Decisions on the ladder keep who made them; of older ones that is not known."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("ladder_steps", sa.Column("author", sa.LargeBinary))


def downgrade() -> None:
    op.drop_column("ladder_steps", "author")
