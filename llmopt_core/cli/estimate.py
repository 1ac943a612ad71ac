"""What `llmopt evaluate` will take: with `--estimate` alone, and before every run that asks a service."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from llmopt_core.cli.output import note, print_result, table
from llmopt_core.cli.setup import open_models

if TYPE_CHECKING:
    from llmopt_core.experiments.estimate import Estimate
    from llmopt_core.experiments.experiment_file import Experiment
    from llmopt_core.experiments.plan import Plan
    from llmopt_core.runs.store import Store


def tell_estimate(store: Store, plan: Plan, experiment: Experiment, concurrency: int | None, json: str) -> int:
    """Try a few questions of each configuration, within the budget, and say what the rest will take.

    Raises:
        BadInput: A configuration could only fail, or the budget needs a price.
    """
    import asyncio

    from llmopt_core.labs.evaluation.estimate_values import estimate_values

    estimates = asyncio.run(_estimate(store, plan, experiment, concurrency))
    print_result(_text(estimates), {"estimates": [estimate_values(one) for one in estimates]}, json)
    _note_problems(estimates)
    return 0


def estimate_first(
    store: Store, plan: Plan, experiment: Experiment, concurrency: int | None, *, resume: bool, yes: bool, quiet: bool
) -> Plan:
    """The plan with what a pilot has paid, once it was said what the rest will take, and agreed to.

    Nothing is tried where no service is asked, where a stopped run is gone on with (that was agreed to), and where
    nobody reads it: quiet, and without a question. A question is asked at a terminal alone, and not where a budget
    bounds what it may cost.

    Raises:
        BadInput: A configuration could only fail, or the budget needs a price.
        typer.Abort: It was not agreed to.
    """
    import asyncio

    from llmopt_core.experiments.plan import asks_service

    is_question = _is_terminal() and not yes and plan.budget_usd is None
    # The pilot leaves at least one question to agree to.
    if not asks_service(plan) or len(plan.examples) < 2 or (quiet and not is_question):
        return plan
    if resume and _is_stopped(store, plan):
        return plan
    # Where nobody is asked the run follows, and what the pilot makes must be what the run needs.
    estimates = asyncio.run(_estimate(store, plan, experiment, concurrency, agreed=not is_question))
    if any(one.calls for one in estimates):
        note(_text(estimates))
        if is_question:
            typer.confirm("Go on?", default=True, abort=True, err=True)
    dearest: dict[str, float] = {}
    for one in estimates:
        dearest |= {model: max(cost, dearest.get(model, 0.0)) for model, cost in one.dearest.items()}
    return replace(plan, pilot={one.configuration: one.pilot_usage for one in estimates}, dearest=dearest)


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _is_stopped(store: Store, plan: Plan) -> bool:
    from llmopt_core.experiments.experiment import earlier_runs

    is_known = any(plan.project in {one, one.name} for one in store.projects())
    return is_known and bool(earlier_runs(store, plan))


async def _estimate(
    store: Store, plan: Plan, experiment: Experiment, concurrency: int | None, *, agreed: bool = False
) -> list[Estimate]:
    from llmopt_core.experiments.estimate import estimate

    async with open_models(store, experiment, concurrency) as models:
        return await estimate(store, plan, models, agreed=agreed)


def _text(estimates: Sequence[Estimate]) -> str:
    from llmopt_core.experiments.estimate import PILOT
    from llmopt_core.labs.evaluation.estimate_values import cost_words, time_words
    from llmopt_core.reporting.formatting import money
    from llmopt_core.types import Usage

    rows = [
        [
            one.configuration,
            f"{one.records - one.cached} of {one.records}",
            str(one.calls),
            cost_words(one.cost_usd, one.cost_range),
            time_words(one.seconds, one.seconds_range),
        ]
        for one in estimates
    ]
    usage = sum((one.pilot_usage for one in estimates), Usage())
    text = table(["configuration", "questions left", "model calls", "cost", "time"], rows)
    pilot = (
        f"From a pilot of up to {PILOT} questions each ({money(usage.cost_usd)}), whose answers are kept and not paid"
    )
    return f"{text}\n\n{pilot} again.\nIn brackets: what nine of ten such runs stay within."


def _note_problems(estimates: Sequence[Estimate]) -> None:
    for one in estimates:
        for line in (*one.failures, *([one.note] if one.note else [])):
            note(f"llmopt: {one.configuration}: {line}")
