"""`llmopt evaluate --estimate`: what a run will take, before it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

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

    from llmopt_core.experiments.estimate import PILOT
    from llmopt_core.labs.evaluation.estimate_values import cost_words, estimate_values, time_words
    from llmopt_core.reporting.formatting import money
    from llmopt_core.types import Usage

    estimates = asyncio.run(_estimate(store, plan, experiment, concurrency))
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
    print_result(f"{text}\n\n{pilot} again.\nIn brackets: what nine of ten such runs stay within.",
                 {"estimates": [estimate_values(one) for one in estimates]}, json)  # fmt: skip
    for one in estimates:
        for line in (*one.failures, *([one.note] if one.note else [])):
            note(f"llmopt: {one.configuration}: {line}")
    return 0


async def _estimate(store: Store, plan: Plan, experiment: Experiment, concurrency: int | None) -> list[Estimate]:
    from llmopt_core.experiments.estimate import estimate

    async with open_models(store, experiment, concurrency) as models:
        return await estimate(store, plan, models)
