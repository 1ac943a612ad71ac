"""`llmopt advise`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmopt_core.cli.output import JsonOption, note, print_result

if TYPE_CHECKING:
    from llmopt_core.labs.evaluation.adviser.drops import Drop
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

    result = read_result(file)
    advice = rank_steps(situation_from_result(result, _drops(result)))
    print_result(_text(advice), advice.to_json(), json)


def _drops(result: Mapping[str, Any]) -> tuple[Drop, ...]:
    """What was dropped in the project of this file, where the workspace has it: no file says what was decided later."""
    from llmopt_core.errors import LlmOptError
    from llmopt_core.labs.evaluation.adviser.drops import read_drops
    from llmopt_core.runs.store import Store
    from llmopt_core.settings import Settings

    settings = Settings.from_environment()
    # A file alone needs no workspace, and none is made for it.
    if not settings.database_url and not (settings.home / "llmopt.db").is_file():
        return ()
    try:
        store = Store.open(settings)
        name = next((one.name for one in store.projects() if one.name == result.get("project")), None)
        if name is None:
            return ()
        own = {run.fingerprint for run in store.runs(name)}
        # Another project may have the same name elsewhere.
        return read_drops(store, name) if own & {str(run.get("fingerprint")) for run in result["runs"]} else ()
    except LlmOptError as error:
        note(f"llmopt: the workspace was not asked what was dropped: {error}")
        return ()


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
