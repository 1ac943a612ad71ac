"""The schema. A lab that needs a table of its own adds a `tables_<lab>.py` on this metadata and a migration.

Texts that come from users or models are stored as UTF-8 bytes, because PostgreSQL refuses NUL characters in its text
type and neither database takes lone surrogates; JSON bodies are compressed (see `codec`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from llmopt_core.text.valid_text import without_surrogates


class Moment(TypeDecorator[datetime]):
    """A point in time, stored as seconds since 1970 (UTC)."""

    impl = sa.Double
    # Says that its values depend on no setting; without, SQLAlchemy compiles each statement anew.
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> float | None:
        """Datetime -> seconds."""
        return None if value is None else value.timestamp()

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Seconds -> datetime in UTC."""
        try:
            return None if value is None else datetime.fromtimestamp(value, UTC)
        # A damaged moment must not make a whole list unreadable.
        except (ValueError, OverflowError, OSError, TypeError):
            return datetime.fromtimestamp(0, UTC)


class Words(TypeDecorator[str]):
    """Any Python text, stored as UTF-8 bytes; what is no character becomes U+FFFD, one for one."""

    impl = sa.LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """Text -> bytes."""
        return None if value is None else without_surrogates(value).encode()

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """Bytes -> text."""
        # SQLite gives back what was stored whatever the column says: text, where another tool wrote it.
        if value is None or isinstance(value, str):
            return value
        try:
            return without_surrogates(bytes(value).decode("utf-8", "surrogatepass"))
        except (UnicodeDecodeError, TypeError):
            return bytes(value).decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


# Constraints need names that are known beforehand: a migration on SQLite can drop none without.
metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def now() -> datetime:
    """The current moment in UTC."""
    return datetime.now(UTC)


def project_table(name: str, *columns: sa.Column[Any], unique: tuple[str, ...] = ()) -> sa.Table:
    """A table whose rows have a number and go with their project."""
    return sa.Table(
        name,
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("project_id", sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False, index=True),
        *columns,
        *([sa.UniqueConstraint(*unique)] if unique else []),
    )


projects = sa.Table(
    "projects",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(200), nullable=False, unique=True),
    sa.Column("description", Words, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
)

documents = project_table(
    "documents",
    sa.Column("name", Words, nullable=False),
    sa.Column("version", sa.String(16), nullable=False),
    sa.Column("characters", sa.Integer, nullable=False),
    sa.Column("saved_at", Moment, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    unique=("project_id", "name"),
)

evaluation_sets = project_table(
    "evaluation_sets",
    sa.Column("name", Words, nullable=False),
    sa.Column("version", sa.String(16), nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("saved_at", Moment, nullable=False),
    sa.Column("hidden", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("body", sa.LargeBinary, nullable=False),
    unique=("project_id", "name", "version"),
)

configurations = project_table(
    "configurations",
    sa.Column("name", Words, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("fingerprint", sa.String(16), nullable=False),
    sa.Column("hidden", sa.Boolean, nullable=False, default=False),
    sa.Column("saved_at", Moment, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    unique=("project_id", "name", "version"),
)
