"""The blind votes between runs that are shown together, wherever their answers were voted on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from llmopt_core.experiments.comparison import comparisons
from llmopt_core.experiments.votes import votes_table
from llmopt_core.reporting.votes import VotesTable
from llmopt_core.runs.store import Store
from llmopt_core.runs.store_labs import Vote
from llmopt_core.runs.values import Run

_FIELDS = ("voter", "example_id", "first", "second", "choice")


def votes_between(store: Store, runs: Sequence[Run], names: Sequence[str]) -> list[Vote]:
    """What was voted in comparisons of these configurations on these questions, oldest first.

    Args:
        store: Where the votes lie.
        runs: Over one set.
        names: What they are called where they are shown; the votes come under these names.
    """
    first = runs[0]
    votes = store.votes(first.project)
    if not votes:
        return []
    # By what they are, not by name: a comparison of prompts may have called the same configuration otherwise.
    labels = {run.fingerprint: name for run, name in zip(runs, names, strict=True)}
    variant_labels = {
        comparison.id: {v.name: labels[v.fingerprint] for v in comparison.variants if v.fingerprint in labels}
        for comparison in comparisons(store, first.project)
        if (comparison.set_name, comparison.set_version) == (first.evaluation_set, first.set_version)
    }
    labelled_votes = [(vote, variant_labels.get(vote.comparison, {})) for vote in votes]
    return [
        _in_order(replace(vote, first=names_of[vote.first], second=names_of[vote.second]), names)
        for vote, names_of in labelled_votes
        if vote.first in names_of and vote.second in names_of
    ]


def votes_to(votes: Sequence[Vote]) -> list[dict[str, str]]:
    """Votes as plain values."""
    return [{name: getattr(vote, name) for name in _FIELDS} for vote in votes]


def votes_table_in(result: Mapping[str, Any], names: Sequence[str]) -> VotesTable | None:
    """What the votes of a result come to; None where it has none. What is no vote is left out."""
    values = result.get("votes")
    rows = [row for row in values if isinstance(row, Mapping)] if isinstance(values, list) else []
    # A choice that is none of the four counts nowhere, so the type of a file's word need not be checked here.
    votes = [Vote("", **{name: str(row.get(name, "")) for name in _FIELDS}) for row in rows]  # type: ignore[arg-type]
    known_votes = [vote for vote in votes if {vote.first, vote.second} <= set(names)]
    known_names = {name for vote in known_votes for name in (vote.first, vote.second)}
    return votes_table([name for name in names if name in known_names], known_votes)


def _in_order(vote: Vote, names: Sequence[str]) -> Vote:
    """The vote with its names in the order in which they are shown."""
    if names.index(vote.first) < names.index(vote.second):
        return vote
    opposites = {"first": "second", "second": "first"}
    return replace(vote, first=vote.second, second=vote.first, choice=opposites.get(vote.choice, vote.choice))  # type: ignore[arg-type]
