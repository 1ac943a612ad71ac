"""The budget of work that goes on: what was paid before counts, and what a call of a model may cost is known."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from llmopt_core.errors import BadInput
from llmopt_core.execution.budget import Budget
from llmopt_core.execution.money import dollars
from llmopt_core.runs.values import Run
from llmopt_core.types import Usage


def remaining_budget(
    usd: float | None, runs: Collection[Run], *, extra: Usage = Usage(), dearest: Mapping[str, float] | None = None
) -> Budget:
    """A budget within which these runs cost what they did.

    Args:
        usd: The most, earlier work included.
        runs: Earlier runs.
        extra: What was paid beside them.
        dearest: By model, what the dearest call beside them cost.
    """
    highest_costs = dict(dearest or {})
    for run in runs:
        for model, cost in run.dearest.items():
            # The dearest call so far is what the next one is expected to cost at most.
            highest_costs[model] = max(cost, highest_costs.get(model, 0.0))
    return Budget(usd, usage=sum((run.usage for run in runs), extra), dearest=highest_costs)


def check_larger(name: str, before: float | None, usd: float | None, runs: Collection[Run]) -> None:
    """Insist on a budget that leaves something to spend where there was a budget before.

    Raises:
        BadInput: Says what was spent.
    """
    cost = sum((run.usage for run in runs), Usage()).cost_usd or 0.0
    if before is not None and (usd is None or usd <= cost):
        raise BadInput(
            f"Say what {name} may cost in all: {dollars(cost)} are spent already, so it takes a larger budget."
        )
