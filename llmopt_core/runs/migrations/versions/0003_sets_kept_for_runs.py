"""Sets that were only kept for a run, such as the part that a comparison was made on, are told from saved ones."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # With a default of the server: rows that are there get it, and without one the column could not be added.
    op.add_column("evaluation_sets", sa.Column("hidden", sa.Boolean, nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("evaluation_sets", "hidden")
