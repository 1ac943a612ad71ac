"""`llmopt report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from llmopt_core.cli.output import JsonOption, write_json


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help="Write one self-contained HTML file about a result.")(report)


def report(
    file: Annotated[Path, typer.Argument(help="What `llmopt evaluate --json` wrote.")],
    out: Annotated[Path, typer.Option(help="The HTML file to write.")] = Path("report.html"),
    baseline: Annotated[str, typer.Option(help="Compare with this configuration (the one named baseline).")] = "",
    title: Annotated[str, typer.Option(help="Heading of the report.")] = "",
    json: JsonOption = "",
) -> None:
    """Write a report."""
    from llmopt_core.experiments.report import write_report
    from llmopt_core.experiments.result import read_result

    size = write_report(read_result(file), out, baseline=baseline, title=title)
    if json:
        write_json({"report": str(out), "bytes": size}, json)
    if json != "-":
        print(f"{out} written ({size / 1000:.0f} kB)")
