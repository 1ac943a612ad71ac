"""Which comparisons are voted on, and who may see how the vote stands."""

from __future__ import annotations

from llmopt_core.experiments.comparison import Comparison, comparisons
from llmopt_core.labs.prompts.votes import (
    Ballots,
    ballots_of,
    has_voted,
    list_voted_examples,
)
from llmopt_core.runs.values import ACTIVE, Project
from llmopt_ui.prompts.live import grid_of
from llmopt_ui.prompts.state import prompt_state
from llmopt_ui.prompts.voter import (
    other_voter,
    voter_name,
)
from llmopt_ui.resources import store


def votable_comparisons(project: Project | str) -> dict[str, Comparison]:
    """The comparisons with something to choose between, by their ids; those that are still worked on among them."""
    return {one.id: one for one in comparisons(store(), project) if len(one.variants) > 1}


def may_see_result(comparison: Comparison) -> bool:
    """Whether the voter of this session has voted on every question or ended early, or there is nothing to vote on."""
    if comparison.status in ACTIVE:
        return False
    voter = voter_name()
    ballots = ballots_of(comparison, grid_of(comparison.project, comparison, None), voter)
    # Where there is nothing to vote on nothing is to be kept blind.
    return not ballots.ballots or (bool(voter) and sees_result(comparison, ballots, voter))


def sees_result(comparison: Comparison, ballots: Ballots, voter: str) -> bool:
    """Whether a voter who may see the result has not gone back to voting."""
    votes = store().votes(comparison.project, comparison.id)
    # Whoever takes the name of somebody who has voted must not see results by it.
    if other_voter(comparison, votes, voter):
        return False
    example_ids = list_voted_examples(votes, voter)
    has_more = any(ballot.example.id not in example_ids for ballot in ballots.ballots)
    # By default shown when nothing is left; who ended early or went back has said otherwise.
    return has_voted(votes, voter) and prompt_state().reveals.get((comparison.id, voter), not has_more)
