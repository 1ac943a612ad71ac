"""What people preferred in blind votes, as training data."""

from __future__ import annotations

from collections import defaultdict

from llmopt_core.errors import BadInput
from llmopt_core.experiments.comparison import comparison, plan_of
from llmopt_core.finetuning.data.examples import TrainingExample
from llmopt_core.labs.prompts.grid import load_grid
from llmopt_core.labs.prompts.votes import preference_pairs
from llmopt_core.runs.store import Store
from llmopt_core.runs.store_labs import Vote
from llmopt_core.runs.values import Run


def votes_on(store: Store, run: Run, voter: str = "") -> list[Vote]:
    """The votes on a run's answers: those of its comparison, for a run of its own those on its configuration's name.

    Args:
        store: Where votes lie.
        run: Whose answers.
        voter: Only this voter's; all by default.
    """
    cast = store.votes(run.project, run.comparison or None)
    return [vote for vote in cast if run.name in (vote.first, vote.second) and voter in ("", vote.voter)]


def liked(store: Store, run: Run, voter: str = "") -> dict[str, bool]:
    """By example id, whether more votes were for the run's answer than against it; undecided examples are left out.

    A tie alone counts for it: none was better. Arguments as of `votes_on`.
    """
    cast: dict[str, list[int]] = defaultdict(list)
    for vote in votes_on(store, run, voter):
        sides = {"first": vote.first, "second": vote.second}
        if vote.choice == "tie":
            cast[vote.example_id].append(0)
        elif vote.choice in sides:
            cast[vote.example_id].append(1 if sides[vote.choice] == run.name else -1)
    return {key: sum(said) >= 0 for key, said in cast.items() if sum(said) or not any(said)}


def voted_pairs(store: Store, run: Run) -> list[TrainingExample]:
    """Preference pairs from the votes on the comparison that a run is a part of, with the run's prompt as the input.

    Raises:
        BadInput: The run is no part of a comparison, or the comparison's examples are gone.
    """
    if not run.comparison:
        raise BadInput(f"The run of {run.name} is no part of a comparison, so nothing was preferred over its answers.")
    found = comparison(store, run.project, run.comparison)
    grid = load_grid(store, found, plan_of(store, found).evaluation_set.examples)
    return preference_pairs(grid, store.votes(run.project, run.comparison), run.name)
