"""Which queries may run: one SELECT, by what the parser sees in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmopt_core.databases.source import Dialect

if TYPE_CHECKING:
    from sqlglot import Expression

_SCHEMA_WORDS = ("sqlite_", "pragma_", "pg_", "duckdb_")


def refusal(sql: str, dialect: Dialect) -> str | None:
    """Why a query may not run, in one sentence; None where it may.

    Args:
        sql: The text as it was written.
        dialect: Whose SQL it is.
    """
    import sqlglot
    from sqlglot.errors import ParseError, SqlglotError

    if "\x00" in sql:
        return "The query holds a NUL character, which hides what follows from some programs."
    try:
        statements = [statement for statement in sqlglot.parse(sql, dialect=dialect) if statement is not None]
    except ParseError as error:
        first = error.errors[0] if error.errors else {}
        near = f"line {first.get('line')}, near {str(first.get('highlight'))[:60]!r}"
        return f"The query cannot be read as SQL ({near}: {str(first.get('description')).rstrip('.')})."
    except SqlglotError as error:
        return f"The query cannot be read as SQL ({' '.join(str(error).split())[:200].rstrip('.')})."
    except RecursionError:
        return "The query is nested too deeply to be looked at."
    if len(statements) != 1:
        return f"Expected one SELECT, found {len(statements)} statements."
    return _statement_refusal(statements[0])


def _statement_refusal(statement: Expression) -> str | None:
    from sqlglot import exp

    if not isinstance(statement, exp.Query):
        return f"Only one SELECT may run, and this is {statement.key.upper()}."
    forbidden: tuple[Any, ...] = (exp.Into, exp.DML, exp.DDL, exp.Command, exp.Lock, exp.Pragma, exp.Set, exp.Drop)
    for node in statement.walk():
        # A query is a DDL to sqlglot as well, as it may stand behind CREATE.
        if isinstance(node, forbidden) and not isinstance(node, exp.Query):
            return f"Only one SELECT may run, and this one holds {node.key.upper()}."
        if isinstance(node, exp.Table) and node.name.lower().startswith(_SCHEMA_WORDS):
            return f"{node.name} is a system table, which queries may not read."
    return None
