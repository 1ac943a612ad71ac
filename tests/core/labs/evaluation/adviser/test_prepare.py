"""What a step's button makes ready: examples from outside of the set, good answers with what they cost in trust."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.experiments.configuration import configuration_from
from llmopt_core.labs.evaluation.adviser.prepare import (
    good_records,
    other_model,
    prepare_few_shot,
    save_good_answers,
)
from llmopt_core.types import EvaluationSet, Example, Span
from tests.core.labs.evaluation.adviser.test_drops import start
from tests.engine_lab import Lab


def shots_of(lab: Lab, run_id: int) -> tuple[list[dict[str, str]], str]:
    prepared = prepare_few_shot(lab.store, lab.store.run(run_id))
    # It is a configuration that can be run.
    configuration = configuration_from({**prepared.proposal.spec, "name": prepared.proposal.name})
    assert configuration.prompt.few_shot is not None
    return list(configuration.prompt.few_shot.examples), prepared.sentence


def test_examples_are_questions_outside_of_the_set_one_of_each_category_first(lab: Lab) -> None:
    run_id = start(lab, "rag", 10)
    others = (Example("a", "places 3?", "asked here"), Example("b", "Who?", "Ada", category="who"),
              Example("c", "Who else?", "Bob", category="who"), Example("d", "When?", "1900", category="when"),
              Example("e", "Without?", None, category="none"))  # fmt: skip
    lab.store.save_evaluation_set("p", EvaluationSet("others", others))
    shots, sentence = shots_of(lab, run_id)
    assert [shot["answer"] for shot in shots] == ["Ada", "1900", "Bob"]
    assert "other questions" in sentence


def test_without_other_questions_good_answers_are_shown_and_the_leakage_is_said(lab: Lab) -> None:
    run_id = start(lab, "rag", 10)
    shots, sentence = shots_of(lab, run_id)
    assert len(shots) == 3
    assert {shot["answer"] for shot in shots} == {"Momus"}
    # As the prompt writes them: with the passages that the answer was given from.
    assert all(shot["context"] for shot in shots)
    assert "measured on" in sentence
    assert "marked" in sentence


def test_where_nothing_is_good_and_nothing_lies_outside_that_is_one_sentence(lab: Lab) -> None:
    run_id = start(lab, "rag", 0)
    with pytest.raises(BadInput, match="nothing to show the model"):
        prepare_few_shot(lab.store, lab.store.run(run_id))
    with pytest.raises(BadInput, match="No answer of rag is known to be right"):
        save_good_answers(lab.store, lab.store.run(run_id), good_records(lab.store, lab.store.run(run_id)))


def test_questions_that_are_held_back_are_neither_shown_nor_learned(lab: Lab) -> None:
    run_id = start(lab, "rag", 20)
    # A later version of the same questions, each about a document of its own.
    places = lab.store.evaluation_set("p", "places").examples
    lab.store.save_evaluation_set(
        "p", EvaluationSet("places", tuple(replace(one, references=(Span(f"{one.id}.md", 0, 5),)) for one in places))
    )
    lab.store.make_split("p", "places", (40, 30, 30))
    held = {
        one.id
        for part in ("confirm", "never seen")
        for one in lab.store.evaluation_set("p", f"places, {part}").examples
    }
    assert held
    run = lab.store.run(run_id)
    good = {record.example.id for record in good_records(lab.store, run)}
    assert good
    assert not good & held


def test_good_answers_become_a_training_set_that_says_how_few_they_are(lab: Lab) -> None:
    run = lab.store.run(start(lab, "rag", 12))
    version, sentence = save_good_answers(lab.store, run, good_records(lab.store, run))
    assert [one.answer for one in version.train.examples] == ["Momus"] * 12
    assert "12 good answers of rag" in sentence
    assert "50 to 100 are advised" in sentence
    assert "scores on them are marked" in sentence


def test_another_model_keeps_all_else_and_takes_nothing_that_belongs_to_the_former_model(lab: Lab) -> None:
    configuration = lab.configuration("rag", retrieval={"top_k": 3})
    spec = configuration.model_dump(mode="json")
    spec["model"] |= {"adapter": "tone", "mode": "completion"}
    changed = other_model("rag", spec, "openai", "gpt-4.1")
    after = configuration_from({**changed.spec, "name": changed.name})
    assert (after.model.endpoint, after.model.name, after.model.adapter, after.model.mode) == (
        "openai", "gpt-4.1", "", "",
    )  # fmt: skip
    assert after.retrieval == configuration.retrieval
    assert changed.name == "rag · gpt-4.1"
