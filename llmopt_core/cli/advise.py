"""`llmopt advise`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llmopt_core.cli.output import JsonOption, print_result

if TYPE_CHECKING:
    from llmopt_core.labs.evaluation.adviser.step import Advice, Step

# All ids of hundreds of records would push the next step out of the window; the JSON has them all.
_IDS = 5


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help="What to do next, from a result file: ranked steps with their evidence.")(advise)


def advise(
    file: Annotated[Path, typer.Argument(help="What `llmopt evaluate --json` wrote.")],
    json: JsonOption = "",
) -> None:
    """Rank the next steps."""
    from llmopt_core.experiments.result_file import read_result
    from llmopt_core.labs.evaluation.adviser.advise import advise as rank_steps
    from llmopt_core.labs.evaluation.adviser.from_result import situation_from_result

    advice = rank_steps(situation_from_result(read_result(file)))
    print_result(_text(advice), advice.to_json(), json)


def _text(advice: Advice) -> str:
    blocks = [_block(number, step) for number, step in enumerate(advice.steps, start=1)]
    if not blocks:
        blocks = ["Nothing to advise: no kind of failure is more than chance."]
    tried = [f"Tried already, {trial.rule}: {trial.sentence}" for trial in advice.tried]
    return "\n\n".join([*blocks, *(["\n".join(tried)] if tried else [])])


def _block(number: int, step: Step) -> str:
    ids = f"{', '.join(step.evidence[:_IDS])}{' …' if len(step.evidence) > _IDS else ''}"
    lines = [
        f"{number}. {step.title} [{step.rule}]",
        step.reason,
        f"Expected: {step.expected} {step.elsewhere}".rstrip() if step.expected else "",
        f"Cost: {step.cost}" if step.cost else "",
        f"Evidence: {ids}" if ids.strip() else "",
    ]
    return "\n   ".join(line for line in lines if line)
