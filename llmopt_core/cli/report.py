"""`llmopt report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from llmopt_core.cli.output import JsonOption, MarginOption, caveat_lines, print_result


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help="Write one self-contained HTML file about a result.")(report)


def report(  # noqa: PLR0917
    file: Annotated[Path, typer.Argument(help="What `llmopt evaluate --json` wrote.")],
    out: Annotated[Path, typer.Option(help="The HTML file to write.")] = Path("report.html"),
    baseline: Annotated[str, typer.Option(help="Compare with this configuration (the one named baseline).")] = "",
    title: Annotated[str, typer.Option(help="Heading of the report.")] = "",
    goal: Annotated[str, typer.Option(help="What the evaluation is for, in a sentence at the top.")] = "",
    margin: MarginOption = None,
    json: JsonOption = "",
) -> None:
    """Write a report."""
    from llmopt_core.experiments.caveats import caveats, run_caveats
    from llmopt_core.experiments.margin import check_margin
    from llmopt_core.experiments.result_file import read_result
    from llmopt_core.labs.evaluation.report.build import write_whole_report

    result = read_result(file)
    if margin is not None:
        result = {**result, "margin": check_margin(margin)}
    size = write_whole_report(result, out, baseline=baseline, title=title, goal=goal)
    caveat_sets = [run_caveats(run) for run in result["runs"]]
    value = {"report": str(out), "bytes": size, "caveats": [caveat.text for caveat in caveats(caveat_sets)]}
    # Thousands of bytes, as file managers of most systems show it.
    print_result("\n".join([f"{out} written ({size / 1000:.0f} kB)", *caveat_lines(caveat_sets)]), value, json)
