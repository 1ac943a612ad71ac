"""Jobs keep their lane, the versions of what they work on, and who claims them, so that any process can do them.

Jobs from before have no versions: they were tied to their process, and end with it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("lane", sa.String(20)))
    op.add_column("jobs", sa.Column("versions", sa.LargeBinary))
    op.add_column("jobs", sa.Column("key_names", sa.LargeBinary))
    op.add_column("jobs", sa.Column("claim", sa.String(32)))
    op.add_column("jobs", sa.Column("attempts", sa.Integer, nullable=False, server_default="0"))


def downgrade() -> None:
    for column in ("attempts", "claim", "key_names", "versions", "lane"):
        op.drop_column("jobs", column)
