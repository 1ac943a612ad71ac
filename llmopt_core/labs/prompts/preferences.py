"""What people preferred in blind votes, as training data."""

from __future__ import annotations

from llmopt_core.errors import BadInput
from llmopt_core.experiments.comparison import comparison, plan_of
from llmopt_core.finetuning.data.examples import TrainingExample
from llmopt_core.labs.prompts.grid import load_grid
from llmopt_core.labs.prompts.votes import preference_pairs
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Run


def pairs_of_run(store: Store, run: Run) -> list[TrainingExample]:
    """Preference pairs from the votes on the comparison that a run is a part of, with the run's prompt as the input.

    Raises:
        BadInput: The run is no part of a comparison, or the comparison's examples are gone.
    """
    # Votes name variants of a comparison; a run by itself has none.
    if not run.comparison:
        raise BadInput(f"The run of {run.name} is no part of a comparison, so nothing was preferred over its answers.")
    stored_comparison = comparison(store, run.project, run.comparison)
    grid = load_grid(store, stored_comparison, plan_of(store, stored_comparison).evaluation_set.examples)
    return preference_pairs(grid, store.votes(run.project, run.comparison), run.name)
