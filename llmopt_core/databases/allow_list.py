"""Which queries may run: one SELECT, made of nothing but what is on the lists.

Two looks at the same text must agree: the tokens say what is called, the tree says what it is made of. The engine then
gets the tokens without comments.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from llmopt_core.databases.functions import FUNCTIONS
from llmopt_core.databases.lexicon import (
    begins_as_query,
    call_problem,
    call_sentence,
    looks_hostile,
    space_exponents,
    without_comments,
)
from llmopt_core.databases.source import Dialect

if TYPE_CHECKING:
    from sqlglot.tokens import Token

# Parts of a query, by their classes in sqlglot, that are no functions. INTO, FOR UPDATE, everything that writes or
# commands, parameters, and operators and types by the name of an object are not among them.
_PART_NAMES = """
    Add Alias Aliases All Any AtTimeZone Between BitString BitwiseAnd BitwiseLeftShift BitwiseNot BitwiseOr
    BitwiseRightShift BitwiseXor Boolean Bracket ByteString CTE Column ColumnDef Comprehension Cube DPipe DataType
    DataTypeParam Distance Distinct Div Dot EQ Escape Except Fetch Filter From GT GTE Glob Group GroupingSets Having
    HavingMax Heredoc HexString ILike Identifier IgnoreNulls In IntDiv Intersect Interval IntervalSpan Is JSONKeyValue
    JSONPath JSONPathFilter JSONPathKey JSONPathRecursive JSONPathRoot JSONPathSelector JSONPathSlice JSONPathSubscript
    JSONPathUnion JSONPathWildcard Join Kwarg LT LTE Lambda Lateral Like Limit LimitOptions Literal Match Mod Mul NEQ
    National Neg Not Null NullSafeEQ NullSafeNEQ Offset Order Ordered Overlaps Paren Pivot PivotAlias PivotAny
    PositionalColumn PropertyEQ Qualify RawString RespectNulls Rollup Select Semicolon SimilarTo Slice Star Sub Subquery
    Table TableAlias TableSample TimeUnit Tuple UnicodeString Union UnpivotColumns Values Var Where Window WindowSpec
    With WithinGroup
    """
_PARTS = frozenset(_PART_NAMES.split())
# Functions without parentheses that tell about the session.
_SESSION_NAMES = """
    CurrentCatalog CurrentDatabase CurrentRole CurrentSchema CurrentSchemas CurrentUser CurrentVersion SessionUser
    """
_SESSION = frozenset(_SESSION_NAMES.split())
_SESSION_COLUMNS = frozenset(
    ("user", "current_user", "session_user", "system_user", "current_role", "current_catalog", "current_schema")
)
_SYSTEM_SCHEMAS = frozenset(("information_schema", "system", "temp", "sqlite_temp"))
_SYSTEM_NAMES = ("sqlite_", "pragma_", "pg_", "duckdb_", "dbstat")
# DuckDB takes them in the place of a table, too.
_STATEMENT_NAMES = frozenset(("show", "describe", "desc", "summarize", "explain", "call", "pragma", "pivot", "unpivot"))
# Signs of a file, an address or a pattern of files.
_PATH = re.compile(r"[/\\:*?.\[]")
# What printf may pad to: four digits. A star takes the width from an argument.
_WIDE_FORMAT = re.compile(r"%[^a-zA-Z%]*(?:\*|\d{5})")


@dataclass(frozen=True, slots=True)
class Names:
    """What a database calls its own, in lower case.

    Attributes:
        tables: Tables and views. One of them may look like a path.
        row_functions: Functions of one argument, which PostgreSQL also calls as `argument.function`.
    """

    tables: frozenset[str] = frozenset()
    row_functions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a look at a query found.

    Attributes:
        status: `ok`, `refused`, or `error` for a slip that no engine would take either.
        reason: One sentence where it may not run.
        sql: What the engine gets.
    """

    status: Literal["ok", "refused", "error"]
    reason: str = ""
    sql: str = ""


class _Problem(Exception):
    """Why a query may not run."""

    def __init__(self, reason: str, status: Literal["refused", "error"] = "refused") -> None:
        super().__init__(reason)
        self.reason = reason
        self.status: Literal["refused", "error"] = status


def inspect_query(sql: str, dialect: Dialect, names: Names | None = None) -> Inspection:
    """Look at a query.

    Args:
        sql: The text as it was written.
        dialect: Whose SQL it is.
        names: Those of the database, where it is open.
    """
    # It would warn of each statement that it does not know, on stderr.
    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
    try:
        # SQLite skips a byte order mark, and so does whoever looks at a text that was saved with one.
        sql, tokens = _tokens(sql.removeprefix("\ufeff"), dialect)
        text = without_comments(sql, tokens, dialect)
        query = _query(sql, tokens, dialect)
        _look_at_tree(query, tokens, dialect, names)
    except RecursionError:
        return Inspection("refused", "The query is nested too deeply to be looked at.")
    except _Problem as problem:
        return Inspection(problem.status, problem.reason)
    if text is None:
        return Inspection(
            "refused", "The query holds a quoted text, a space or a sign that programs read in different ways."
        )
    return Inspection("ok", sql=text)


def _tokens(sql: str, dialect: Dialect) -> tuple[str, list[Token]]:
    """The text as it was split, and its tokens without those that end the statement."""
    from sqlglot.dialects.dialect import Dialect as SqlglotDialect
    from sqlglot.errors import SqlglotError

    if "\x00" in sql:
        raise _Problem("The query holds a NUL character, which may hide what follows.")
    parser = SqlglotDialect.get_or_raise(dialect)
    try:
        tokens = list(parser.tokenize(sql))
        spaced = space_exponents(sql, tokens)
        if spaced != sql:
            sql, tokens = spaced, list(parser.tokenize(spaced))
    except SqlglotError:
        raise _Problem("The query ends in the middle of a text, a name or a comment.") from None
    while tokens and tokens[-1].token_type.name == "SEMICOLON":
        tokens.pop()
    if not tokens:
        raise _Problem("The query is empty; expected one SELECT.")
    if not begins_as_query(tokens):
        raise _Problem(f"Only one SELECT may run, and this begins with {tokens[0].text[:60]!r}.")
    if any(token.token_type.name == "SEMICOLON" for token in tokens):
        raise _Problem("The text holds several statements; expected one SELECT.")
    return sql, tokens


def _query(sql: str, tokens: list[Token], dialect: Dialect) -> Any:
    """The tree of the query."""
    from sqlglot import exp
    from sqlglot.dialects.dialect import Dialect as SqlglotDialect
    from sqlglot.errors import ParseError

    try:
        statements = SqlglotDialect.get_or_raise(dialect).parser().parse(tokens, sql)
    except ParseError as error:
        status: Literal["refused", "error"] = "refused" if looks_hostile(sql, tokens, dialect) else "error"
        raise _Problem(_parse_sentence(error), status) from None
    if len(statements) != 1 or statements[0] is None:
        raise _Problem("Expected one SELECT.")
    if not isinstance(statements[0], exp.Select | exp.SetOperation | exp.Subquery):
        raise _Problem(f"Only one SELECT may run, and this is {_word(statements[0])}.")
    return statements[0]


def _parse_sentence(error: Any) -> str:
    first = error.errors[0] if error.errors else {}
    near = f"line {first.get('line')}, near {str(first.get('highlight'))[:60]!r}"
    # What follows names a class of the parser.
    description = re.split(r" but got <| for <class", str(first.get("description")))[0].rstrip(".")
    return f"The query cannot be read as SQL ({near}: {description})."


def _look_at_tree(query: Any, tokens: list[Token], dialect: Dialect, names: Names | None) -> None:
    from sqlglot import exp

    # Where names of tables with columns behind them begin, and names that the query itself gives to tables.
    places, own = set(), set()
    for node in query.walk():
        if isinstance(node, exp.TableAlias) and node.columns and node.this is not None:
            places.add(node.this.meta.get("start"))
        if isinstance(node, exp.CTE):
            own.add(node.alias.lower())
    for node in query.walk():
        _look_at_node(node, dialect, names or Names())
    problem = call_problem(tokens, dialect, places)
    if problem is not None:
        raise _Problem(problem)
    # DuckDB alone has more readings of a name that is no table: a file, a statement, a variable of Python. Elsewhere
    # the engine says it, which knows tables that are newer than the connection.
    if names is not None and dialect == "duckdb":
        _look_for_tables(query, names.tables | own)


def _look_for_tables(query: Any, known: Collection[str]) -> None:
    from sqlglot import exp

    for table in query.find_all(exp.Table):
        if isinstance(table.this, exp.Identifier) and table.name.lower() not in known:
            raise _Problem(f"There is no table {table.name[:60]!r} in this database.", "error")


def _look_at_node(node: Any, dialect: Dialect, names: Names) -> None:
    from sqlglot import exp

    kind = type(node).__name__
    if isinstance(node, exp.Func):
        _look_at_function(node, dialect)
    elif kind not in _PARTS:
        raise _Problem(f"Only one plain SELECT may run, and this one holds {_word(node)}.")
    elif isinstance(node, exp.Table):
        _look_at_table(node, names.tables)
    elif isinstance(node, exp.In) and dialect == "sqlite":
        # `x IN name` reads a table.
        _look_at_name(str(node.args.get("field") or "").strip('"`[]').lower())
    elif dialect == "postgres":
        _look_at_row(node, names.row_functions)


def _look_at_function(node: Any, dialect: Dialect) -> None:
    from sqlglot import exp

    if type(node).__name__ in _SESSION:
        raise _Problem(f"{_word(node)} tells about the session and not about the data.")
    anonymous = isinstance(node, exp.Anonymous | exp.AnonymousAggFunc)
    if anonymous and node.name.lower() not in FUNCTIONS[dialect]:
        raise _Problem(call_sentence(node.name))
    if dialect != "sqlite":
        return
    if isinstance(node, exp.Format):
        _look_at_format(node.this)
    elif anonymous and node.name.lower() == "printf":
        _look_at_format(next(iter(node.expressions), None))


def _look_at_format(template: Any) -> None:
    if template is None or not getattr(template, "is_string", False) or _WIDE_FORMAT.search(template.this):
        raise _Problem("printf may run with a format that is written out, without stars and with widths below 10,000.")


def _look_at_table(table: Any, tables: Collection[str]) -> None:
    for part in table.parts[:-1]:
        if part.name.lower() in _SYSTEM_SCHEMAS:
            raise _Problem(f"{part.name[:60]} holds no data but is the database's own, and queries may not read it.")
        _look_at_name(part.name)
    name = table.name.lower()
    _look_at_name(name)
    if name not in tables and _PATH.search(name):
        raise _Problem(f"{table.name[:60]!r} is no table of this database, and queries may not read files.")
    if name in _STATEMENT_NAMES and name not in tables:
        raise _Problem(f"Only one SELECT may run, and this one holds {name.upper()}.")


def _look_at_name(name: str) -> None:
    if name.lower().startswith(_SYSTEM_NAMES):
        raise _Problem(f"{name[:60]} is the database's own, and queries may not read it.")


def _look_at_row(node: Any, row_functions: Collection[str]) -> None:
    """PostgreSQL reads `row.name` and `(value).name` as `name(row)` where there is no such column."""
    from sqlglot import exp

    if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Identifier):
        raise _Problem(f"A value with {node.expression.name[:60]!r} behind a dot may be the call of a function.")
    if not isinstance(node, exp.Column):
        return
    name = node.name.lower()
    if not node.table and name in _SESSION_COLUMNS and not node.this.args.get("quoted"):
        raise _Problem(f"{name} tells about the session and not about the data.")
    if node.table and (name.startswith(("pg_", "lo_")) or name in row_functions):
        raise _Problem(call_sentence(name))


def _word(node: Any) -> str:
    """The node's class as SQL would say it: `CurrentUser` is CURRENT USER."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(node).__name__).upper()
