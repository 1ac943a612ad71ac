"""`llmopt sql-compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llmopt_core.cli.output import JsonOption, ProgressLine, print_result, table

if TYPE_CHECKING:
    from llmopt_core.databases.comparison.verdicts import Verdict

DatabasesOption = Annotated[
    Path, typer.Option(metavar="DIR", help="The database NAME of a line is any NAME.sqlite below this folder.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "sql-compare",
        help="Compare predicted queries with golds: by our own rule and as Spider's test suite, BIRD, Spider 2 and "
        "Defog do.",
    )(sql_compare)


def sql_compare(
    file: Annotated[
        Path,
        typer.Argument(
            help='A JSON object a line: "id", "database", "gold" (a text, or a list of which any is right), '
            '"prediction"; "question", "query_category" and "defog_gold" are read where they are.',
            show_default=False,
        ),
    ],
    databases: DatabasesOption,
    json: JsonOption = "",
) -> None:
    """Run the pairs of a file and compare their results."""
    from llmopt_core.databases.comparison.pair_file import compare_file

    with ProgressLine() as line:
        results = compare_file(file, databases, lambda done, total: line(lambda: f"{done:,} of {total:,} pairs"))
    print_result(_text(results), {"pairs": [{"id": name, "verdicts": found} for name, found in results]}, json)


def _text(results: list[tuple[str, dict[str, Verdict]]]) -> str:
    from llmopt_core.databases.comparison.pair_file import disagreements, verdict_counts

    rows = [
        [name, *(str(counts.get(verdict, 0)) for verdict in (True, False, "unprovable", None))]
        for name, counts in verdict_counts(results).items()
    ]
    shown = table(["comparator", "right", "wrong", "unprovable", "no verdict"], rows)
    return f"{shown}\n\nThe published comparators disagree on {disagreements(results)} of {len(results)} pairs."
