"""`llmopt sql`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmopt_core.cli.output import JsonOption, note, one_line, print_error, print_result, table, write_json

if TYPE_CHECKING:
    from llmopt_core.databases.limits import QueryLimits
    from llmopt_core.databases.outcome import QueryOutcome

# Rows that are printed for people; JSON has all that were read.
_PRINTED_ROWS = 50
_CELL_CHARACTERS = 60


def register(app: typer.Typer) -> None:
    """Add the command."""
    # A query may begin with a comment, `-- so`, which is no option.
    app.command(
        name="sql",
        context_settings={"ignore_unknown_options": True},
        help="Run one query over a database or files of tables, within limits and without writing. Exits with 0 where "
        "it ran, with 1 where it was refused, ended at a limit, or was an error, and with 2 where there is no such "
        "database.",
    )(sql)


def sql(
    source: Annotated[
        str,
        typer.Argument(
            help="A file (.sqlite, .db, .duckdb, .csv, .tsv, .xlsx, .parquet), a folder of such tables, or a URL "
            "(sqlite:///, duckdb:///, postgresql://)."
        ),
    ],
    query: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT; - reads it from standard input.")],
    *,
    seconds: Annotated[float, typer.Option(help="Longest time, by the clock and of the processor.")] = 10.0,
    memory: Annotated[int, typer.Option(help="Most memory, in megabytes.")] = 512,
    rows: Annotated[int, typer.Option(help="Most rows that are read.")] = 10_000,
    megabytes: Annotated[float, typer.Option(help="Most of the result that is read, in megabytes.")] = 10.0,
    json: JsonOption = "",
) -> int:
    """Run one query."""
    from llmopt_core.databases.executor import run_query
    from llmopt_core.databases.outcome import QueryOutcome
    from llmopt_core.databases.source import DataSource
    from llmopt_core.errors import BadInput

    limits = _limits(seconds=seconds, memory=memory * 1_000_000, rows=rows, result_bytes=int(megabytes * 1_000_000))
    text = sys.stdin.read() if query == "-" else query
    try:
        where = DataSource.parse(source)
    except BadInput as error:
        # Whoever reads the file finds the reason there, too.
        if json:
            write_json(QueryOutcome("error", str(error)).values(), json)
        raise
    outcome = run_query(where, text, limits)
    if outcome.status == "ok":
        print_result(_text(outcome), outcome.values(), json)
    elif json:
        write_json(outcome.values(), json)
    if outcome.status != "ok":
        return print_error(f"{outcome.status}: {outcome.reason}", code=1)
    if outcome.reason:
        note(f"llmopt: {outcome.reason}")
    return 0


def _limits(**values: Any) -> QueryLimits:
    from pydantic import ValidationError

    from llmopt_core.databases.limits import QueryLimits
    from llmopt_core.errors import BadInput, field_problem

    try:
        return QueryLimits.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = str(first["loc"][0])
        option = {"result_bytes": "megabytes"}.get(field, field)
        # Megabytes were asked for, bytes are complained of.
        problem = "it is too small" if field in ("memory", "result_bytes") else f"it {field_problem(first)}"
        raise BadInput(f"--{option}: {problem}.") from None


def _text(outcome: QueryOutcome) -> str:
    """The rows as a table."""
    if not outcome.columns:
        return f"{len(outcome.rows)} rows"
    header = [one_line(name, _CELL_CHARACTERS) for name in outcome.columns]
    cells = [[one_line(_cell(value), _CELL_CHARACTERS) for value in row] for row in outcome.values()["rows"]]
    lines = [table(header, cells[:_PRINTED_ROWS])]
    if len(cells) > _PRINTED_ROWS:
        lines.append(f"… {len(cells) - _PRINTED_ROWS:,} more rows (--json has all that were read)")
    lines.append(f"{len(cells):,} rows")
    return "\n".join(lines)


def _cell(value: Any) -> str:
    # Not an empty text: missing is missing.
    return "NULL" if value is None else str(value)
