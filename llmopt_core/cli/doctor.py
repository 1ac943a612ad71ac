"""`llmopt doctor`."""

from __future__ import annotations

import dataclasses

import typer

from llmopt_core.cli.output import JsonOption, print_result

# Padded to the width of the longest, so that the names stand in one column.
_SIGNS = {"ok": "ok     ", "warning": "warning", "missing": "MISSING"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help="Say what is there, what is missing, and the fix.")(doctor)


def doctor(json: JsonOption = "") -> int:
    """Look at the installation."""
    import asyncio
    import os

    from llmopt_core.experiments.doctor import examine

    # Asynchronous, because every endpoint is asked at the same time: one that is down costs its timeout once.
    findings = asyncio.run(examine(os.environ))
    lines = []
    for finding in findings:
        lines.append(f"{_SIGNS[finding.status]}  {finding.name}: {finding.detail}")
        # Indented to where the name stands, below the finding that it mends.
        lines += [f"         fix: {finding.fix}"] if finding.fix else []
    print_result("\n".join(lines), {"checks": [dataclasses.asdict(finding) for finding in findings]}, json)
    # A warning leaves the program usable, so a script that checks an installation goes on.
    return 1 if any(finding.status == "missing" for finding in findings) else 0
