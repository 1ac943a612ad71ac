"""`llmopt export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from llmopt_core.cli.output import JsonOption, print_result


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help="Write everything in a result as tables: runs, metrics, records, scores, contexts, comparisons.")(
        export
    )


def export(
    file: Annotated[Path, typer.Argument(help="What `llmopt evaluate --json` wrote.")],
    out: Annotated[Path, typer.Option(help="The folder for the tables, one file each.")] = Path("export"),
    form: Annotated[str, typer.Option("--format", help="csv, json or parquet.")] = "csv",
    baseline: Annotated[str, typer.Option(help="Compare with this configuration (the one named baseline).")] = "",
    json: JsonOption = "",
) -> None:
    """Write the tables."""
    from llmopt_core.errors import BadInput
    from llmopt_core.experiments.result_file import read_result
    from llmopt_core.experiments.result_tables import result_tables
    from llmopt_core.reporting.table_files import TABLE_FORMATS, write_tables

    table_format = next((one for one in TABLE_FORMATS if one == form.casefold()), None)
    if table_format is None:
        raise BadInput(f"--format is one of {', '.join(TABLE_FORMATS)}, and not {form}.")
    if out.exists() and not out.is_dir():
        raise BadInput(f"--out {out} is a file: name a folder for the tables.")
    tables = result_tables(read_result(file), baseline)
    paths = write_tables(tables, out, table_format)
    rows = {table.name: len(table.rows) for table in tables}
    lines = [f"{path} written ({rows[name]:,} rows)" for name, path in paths.items()]
    value = {"tables": {name: {"file": str(path), "rows": rows[name]} for name, path in paths.items()}}
    print_result("\n".join(lines), value, json)
