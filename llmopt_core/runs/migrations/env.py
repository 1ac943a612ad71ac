"""Alembic's entry: runs on the connection that `runs.migrate` hands over."""

from alembic import context

from llmopt_core.runs import tables_runs
from llmopt_core.runs.tables import metadata

assert tables_runs.runs.metadata is metadata  # noqa: S101  (the import registers the tables)

connection = context.config.attributes["connection"]
# SQLite can change little of a table in place; in batches Alembic copies the table instead.
context.configure(connection=connection, target_metadata=metadata, render_as_batch=connection.dialect.name == "sqlite")
with context.begin_transaction():
    context.run_migrations()
