"""A person's decision on an experiment: kept or dropped, why, by whom."""

from __future__ import annotations

from llmopt_core.errors import BadInput
from llmopt_core.labs.evaluation.ladder.build import experiment_key
from llmopt_core.labs.evaluation.ladder.rung import Ladder, Rung
from llmopt_core.runs.store import Store
from llmopt_core.runs.store_ladder import Choice, Decision

# As long as a paragraph; whatever is longer belongs into a report.
_LONGEST_REASON, _LONGEST_AUTHOR = 1000, 100


def decide(store: Store, ladder: Ladder, rung: Rung, choice: Choice, reason: str, *, author: str = "") -> Decision:
    """Keep or drop an experiment, whatever its verdict proposes.

    Args:
        store: Where it is kept.
        ladder: Of the project.
        rung: The experiment.
        choice: What becomes of it.
        reason: Why: a stakeholder will read it.
        author: Who decides.

    Raises:
        BadInput: There is no reason, or the experiment is the baseline or was not run in this project.
    """
    run_id = _run_id(rung)
    text, name = " ".join(reason.split()), " ".join(author.split())
    if rung.proposal.state == "baseline":
        raise BadInput(f"{rung.name} is the baseline, which the others are compared with; decide on another one.")
    if not text:
        raise BadInput(f"Say why {rung.name} is {choice}: a reason in a few words.")
    if len(text) > _LONGEST_REASON or len(name) > _LONGEST_AUTHOR:
        raise BadInput(f"A reason has at most {_LONGEST_REASON:,} characters, and a name {_LONGEST_AUTHOR}.")
    # One decision for each experiment: an earlier run of the same may have one.
    _forget(store, ladder, run_id)
    decision = Decision(run_id, choice, text, name)
    store.save_decision(ladder.project, decision)
    return decision


def take_back(store: Store, ladder: Ladder, rung: Rung) -> None:
    """Let the verdict's proposal count again."""
    _forget(store, ladder, _run_id(rung))


def find_rung(ladder: Ladder, text: str) -> Rung:
    """The experiment of a run's number, else of that name, on the questions that were used last.

    Raises:
        BadInput: There is none.
    """
    key = text.strip()
    by_number = [rung for rung in ladder.rungs if rung.run_id is not None and str(rung.run_id) == key]
    # Experiments of one name are on other questions each; the newest is meant.
    by_name = [rung for rung in ladder.rungs if rung.name == key]
    matches = by_number or by_name
    if not matches:
        names = ", ".join(f"{rung.name} (run {rung.run_id})" for rung in ladder.rungs)
        has = f"it has: {names}" if names else "it has none yet"
        raise BadInput(f"There is no experiment {key} on the ladder of {ladder.project}; {has}.")
    return matches[-1]


def _run_id(rung: Rung) -> int:
    if rung.run_id is None:
        raise BadInput(f"{rung.name} is an example and no run of this project.")
    return rung.run_id


def _forget(store: Store, ladder: Ladder, run_id: int) -> None:
    """Take back what was decided on any run of an experiment."""
    runs = store.runs(ladder.project)
    own = next((run for run in runs if run.id == run_id), None)
    # It may have been deleted since the ladder was built.
    if own is None:
        raise BadInput(f"There is no run {run_id} in {ladder.project} any more.")
    store.delete_decisions(ladder.project, [run.id for run in runs if experiment_key(run) == experiment_key(own)])
