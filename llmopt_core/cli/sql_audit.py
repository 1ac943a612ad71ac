"""`llmopt sql-audit`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llmopt_core.cli.output import JsonOption, ProgressLine, print_result, table
from llmopt_core.cli.sql_compare import DatabasesOption

if TYPE_CHECKING:
    from llmopt_core.labs.data_questions.golds.finding import Finding


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "sql-audit",
        help="Find golds that fail, return nothing, are not deterministic, depend on repeated rows, or are right only "
        "by accident.",
    )(sql_audit)


def sql_audit(
    file: Annotated[
        Path,
        typer.Argument(
            help='A JSON object a line: "id", "database", "gold"; "question" is read where it is.', show_default=False
        ),
    ],
    databases: DatabasesOption,
    json: JsonOption = "",
) -> None:
    """Audit the golds of a file."""
    from llmopt_core.labs.data_questions.golds.audit import audit_file

    with ProgressLine() as line:
        results = audit_file(file, databases, lambda done, total: line(lambda: f"{done:,} of {total:,} golds"))
    golds = [
        {"id": name, "findings": [{"kind": one.kind, "evidence": one.evidence()} for one in findings]}
        for name, findings in results
    ]
    print_result(_text(results), {"golds": golds}, json)


def _text(results: list[tuple[str, list[Finding]]]) -> str:
    from llmopt_core.labs.data_questions.golds.finding import KIND_WORDS

    marked = [(name, findings) for name, findings in results if findings]
    counts = {kind: sum(any(one.kind == kind for one in found) for _, found in marked) for kind in KIND_WORDS}
    shown = table(["a gold that", "golds"], [[KIND_WORDS[kind], str(count)] for kind, count in counts.items()])
    lines = [f"{name}: {one.reason}" for name, findings in marked for one in findings]
    head = f"{len(marked)} of {len(results)} golds cannot be trusted.\n\n{shown}"
    return "\n".join([head, "", *lines]) if lines else head
