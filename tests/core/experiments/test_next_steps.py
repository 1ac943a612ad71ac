"""What to do next follows from the state of the project alone."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from llmopt_core.experiments.next_steps import ProjectState, leader_of, next_steps
from llmopt_core.runs.values import SavedConfiguration
from llmopt_core.statistics.intervals import Summary

RAG = {"retrieval": {"top_k": 3}}


def saved(**specs: dict[str, Any]) -> list[SavedConfiguration]:
    return [SavedConfiguration(name, 1, f"f-{name}", spec, datetime.now(UTC)) for name, spec in specs.items()]


def test_what_was_run_is_told_by_its_contents_and_not_by_its_name() -> None:
    def run_of(name: str, fingerprint: str) -> Any:
        run = SimpleNamespace(fingerprint=fingerprint, failed=0, total=20)
        return SimpleNamespace(name=name, run=run, summaries={}, comparisons={}, overlap_count=0)

    # The first has another name since, the second other contents.
    entries = [run_of("plain", "f-renamed"), run_of("changed", "f-before")]
    state = ProjectState(3, 20, saved(renamed=RAG, changed=RAG, left_out=RAG), entries, None, evaluated=["f-left_out"])
    assert [step.why for step in next_steps(state)] == ["Not run on this set yet: changed."]


def test_advice_begins_with_what_is_missing() -> None:
    empty = ProjectState(0, 0, (), (), None)
    assert [step.title for step in next_steps(empty)] == [
        "Add documents", "Add questions", "Make a first configuration",
    ]  # fmt: skip
    ready = ProjectState(3, 20, saved(a=RAG), (), None)
    assert [step.title for step in next_steps(ready)] == ["Evaluate 1 configuration"]


@pytest.mark.parametrize(
    ("means", "titles"),
    [
        ({"context_recall": 0.4, "answer_f1": 0.2}, {"Raise context recall": "Sweep"}),
        ({"context_recall": 0.9, "context_precision": 0.3}, {"Raise context precision": "Whole set"}),
        ({"context_recall": 0.9, "answer_f1": 0.2}, {"Fine-tune the model": "Training data"}),
        ({"context_recall": 0.9, "answer_f1": 0.9}, {}),
        ({"answer_f1": 0.2}, {}),
    ],
)
def test_low_scores_lead_to_the_lab_that_can_raise_them(means: dict[str, float], titles: dict[str, str]) -> None:
    summaries = {metric: Summary(mean, None, None, 9, 9) for metric, mean in means.items()}
    run: Any = SimpleNamespace(fingerprint="f-a", failed=0, total=200)
    leader: Any = SimpleNamespace(name="a", run=run, summaries=summaries, comparisons={}, overlap_count=0)
    steps = next_steps(ProjectState(3, 200, saved(a=RAG), (leader,), leader))
    assert {step.title: step.view for step in steps} == titles
    tuned = saved(a=RAG, b={"model": {"adapter": "reader"}})
    assert "Fine-tune the model" not in [
        step.title for step in next_steps(ProjectState(3, 200, tuned, (leader,), leader))
    ]


def test_each_step_has_its_reason_and_the_lab_it_is_done_in() -> None:
    steps = next_steps(ProjectState(3, 20, saved(a=RAG, b=RAG), (), None, running=("a",), at_work={"Run": "a set"}))
    assert [(step.title, step.area, step.view) for step in steps] == [
        ("Evaluating 1 configuration", "evaluation", "Run"), ("Evaluate 1 configuration", "evaluation", "Run"),
    ]  # fmt: skip
    assert "Not run on this set yet: b." in steps[1].why


def test_what_was_trained_on_its_questions_leads_nothing() -> None:
    def entry(name: str, mean: float, seen: int = 0) -> Any:
        run = SimpleNamespace(done=9, failed=0, total=9, status="finished")
        return SimpleNamespace(
            name=name, run=run, summaries={"answer_f1": Summary(mean, None, None, 9, 9)}, overlap_count=seen
        )

    entries = [entry("plain", 0.3), entry("better", 0.5), entry("trained", 0.9, seen=4)]
    found = leader_of(entries, ("answer_f1",))
    assert found is not None
    assert found.name == "better"
    assert leader_of(entries[2:], ("answer_f1",)) is None
