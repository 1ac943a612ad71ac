"""Blind votes as training data: answers that were liked, and preference pairs."""

from __future__ import annotations

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.experiments.comparison import Comparison, new_id, start_comparison
from llmopt_core.experiments.comparison_plan import ComparisonPlan
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.votes import majority_likes
from llmopt_core.labs.finetuning.sources import good_records
from llmopt_core.labs.prompts.preferences import pairs_of_run
from llmopt_core.runs.store import Store
from llmopt_core.runs.store_labs import Vote
from llmopt_core.types import Answer, EvaluationSet, Example, Message, Record

ROWS = EvaluationSet("questions", tuple(Example(f"q{n}", f"How many is {n}?") for n in range(3)))


def compared(store: Store, said: str) -> Comparison:
    """`curt` and `wordy` have answered; what `curt` says ends with `said`."""
    variants = tuple(
        Configuration.model_validate({"name": name, "prompt": {"template": "{{ question }}"}})
        for name in ("curt", "wordy")
    )
    comparison = start_comparison(store, ComparisonPlan("p", variants, ROWS), new_id())
    for (run,), text in zip(comparison.runs, (f"{{0}} {said}", "It is {0}, I think."), strict=True):
        for place, example in enumerate(ROWS.examples):
            answer = Answer(text.format(place), prompt=(Message("user", example.question),))
            store.save_records(run.id, [(place, Record(example, answer))])
        store.finish_run(run.id, "finished")
    return comparison


def vote(store: Store, found: Comparison, voter: str, example: str, choice: str) -> None:
    store.save_vote("p", Vote(found.id, voter, example, "curt", "wordy", choice))  # type: ignore[arg-type]


def test_votes_count_for_the_answers_they_were_cast_on_only(store: Store) -> None:
    old, new = compared(store, "then"), compared(store, "now")
    vote(store, old, "me", "q0", "first")
    vote(store, new, "me", "q1", "first")
    assert [e.answer for e in good_records(store, new.runs[0][0].id, {})] == ["1 now"]
    assert [e.answer for e in good_records(store, old.runs[0][0].id, {})] == ["0 then"]


def test_the_larger_number_of_voters_decides(store: Store) -> None:
    result = compared(store, "")
    for voter, choice in (("a", "first"), ("b", "first"), ("c", "second")):
        vote(store, result, voter, "q0", choice)
    for voter, choice in (("a", "first"), ("b", "second")):
        vote(store, result, voter, "q1", choice)
    vote(store, result, "a", "q2", "tie")
    curt, wordy = (column[0] for column in result.runs)
    assert majority_likes(store, curt) == {"q0": True, "q2": True}
    assert majority_likes(store, wordy) == {"q0": False, "q2": True}
    assert majority_likes(store, curt, voter="c") == {"q0": False}


def test_votes_become_preference_pairs_with_the_runs_prompt(store: Store) -> None:
    result = compared(store, "")
    vote(store, result, "me", "q0", "first")
    vote(store, result, "me", "q1", "second")
    pairs = {(p.question, p.answer, str(p.rejected[0]["content"])) for p in pairs_of_run(store, result.runs[0][0])}
    assert pairs == {("How many is 0?", "0", "It is 0, I think."), ("How many is 1?", "It is 1, I think.", "1")}
    alone = store.start_run("p", {"name": "x"}, "x", evaluation_set="questions", set_version="", judge="j",
                            metrics=(), total=0)  # fmt: skip
    with pytest.raises(BadInput, match="no part of a comparison"):
        pairs_of_run(store, store.run(alone))
