"""The first steps of a project follow from its state alone; who leads; a proposal that is saved."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from llmopt_core.experiments.measured_run import leader_of
from llmopt_core.labs.evaluation.adviser.advise import Situation, advise
from llmopt_core.labs.evaluation.adviser.changes import proposal, save_proposal
from llmopt_core.labs.evaluation.adviser.setup import ProjectSetup
from llmopt_core.runs.values import SavedConfiguration
from llmopt_core.statistics.intervals import Summary
from tests.engine_lab import Lab

RAG = {"retrieval": {"top_k": 3}}


def saved(**specs: dict[str, Any]) -> list[SavedConfiguration]:
    return [SavedConfiguration(name, 1, f"f-{name}", spec, datetime.now(UTC)) for name, spec in specs.items()]


def steps_of(**values: Any) -> list[tuple[str, str]]:
    setup = ProjectSetup(**{"documents": 3, "questions": 20, **values})
    return [(step.rule, step.title) for step in advise(Situation(setup=setup)).steps]


def test_advice_begins_with_what_is_missing() -> None:
    assert steps_of(documents=0, questions=0) == [
        ("documents", "Add documents"), ("questions", "Add questions"), ("baseline", "Make a first configuration"),
    ]  # fmt: skip
    assert steps_of(configurations=saved(a=RAG)) == [("baseline", "Evaluate 1 configuration")]


def test_what_was_run_is_told_by_its_contents_and_not_by_its_name() -> None:
    # The first has another name since, the second other contents.
    setup = ProjectSetup(
        3, 20, saved(renamed=RAG, changed=RAG, left_out=RAG), evaluated=["f-renamed", "f-before", "f-left_out"]
    )
    (step,) = advise(Situation(setup=setup)).steps
    assert step.reason.endswith("takes a minute or two.")
    assert step.title == "Evaluate 1 configuration"


def test_each_step_has_its_reason_and_the_lab_it_is_done_in() -> None:
    setup = ProjectSetup(3, 20, saved(a=RAG, b=RAG), running=("a",), at_work={"Run": "a set"})
    steps = advise(Situation(setup=setup)).steps
    assert [(step.title, step.area, step.view) for step in steps] == [
        ("Evaluating 1 configuration", "evaluation", "Run"), ("Evaluate 1 configuration", "evaluation", "Run"),
    ]  # fmt: skip
    assert "Not run on this set yet: b." in steps[1].reason
    assert steps[1].reason.startswith("Running now: a set.")


def test_what_was_trained_on_its_questions_leads_nothing() -> None:
    def entry(name: str, mean: float, seen: int = 0) -> Any:
        summaries = {"answer_f1": Summary(mean, None, None, 9, 9)}
        return SimpleNamespace(name=name, done=9, failed=0, summaries=summaries, overlap_count=seen)

    entries = [entry("plain", 0.3), entry("better", 0.5), entry("trained", 0.9, seen=4)]
    found = leader_of(entries, ("answer_f1",))
    assert found is not None
    assert found.name == "better"
    assert leader_of(entries[2:], ("answer_f1",)) is None


def test_a_proposal_is_saved_once_under_a_free_name(lab: Lab) -> None:
    base = lab.configuration("rag")
    lab.store.save_configuration("p", "rag", base.model_dump(mode="json"), base.fingerprint)
    proposed = proposal("hybrid-search", "rag", base.model_dump(mode="json"))
    assert proposed is not None
    first = save_proposal(lab.store, "p", proposed)
    assert first.name == "rag · hybrid"
    assert first.spec["retrieval"]["search"]["method"] == "hybrid"
    # The same settings again are the configuration that is there; others of the same name get a name of their own.
    assert save_proposal(lab.store, "p", proposed).name == first.name
    other = proposal("hybrid-search", "rag", lab.configuration("rag", retrieval={"top_k": 7}).model_dump(mode="json"))
    assert other is not None
    assert save_proposal(lab.store, "p", other).name == "rag · hybrid (2)"
    assert [item.name for item in lab.store.configurations("p")] == ["rag", "rag · hybrid", "rag · hybrid (2)"]
