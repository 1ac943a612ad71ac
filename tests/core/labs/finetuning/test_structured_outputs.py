"""Structured answers of stored runs, and the prompting baseline that a tuned model must beat."""

from __future__ import annotations

import pytest

from llmopt_core.finetuning.jobs.job import FineTunedModel
from llmopt_core.labs.finetuning.sources import sample_questions, sample_training
from llmopt_core.labs.finetuning.structured_outputs import (
    is_structured,
    list_structured_runs,
    prompting_baseline,
    report_structured_outputs,
)
from llmopt_core.models.base import ModelSpec
from llmopt_core.runs.store import Store
from llmopt_core.types import Answer, EvaluationSet, Example, Failure, Record


def test_runs_on_structured_questions_are_reported(store: Store) -> None:
    questions = EvaluationSet("snips-test", sample_questions().examples[:4])
    version = store.save_evaluation_set("p", questions)
    for name, answers in (("base", ["no", "{}", None, "[]"]), ("tuned", [e.reference for e in questions.examples])):
        run = store.start_run("p", {"name": name}, name, evaluation_set=version.name, set_version=version.version,
                              judge="j", metrics=("exact_match",), total=4)  # fmt: skip
        store.save_records(run, [
            (i, Record(e, Answer(text)) if text else Record(e, failure=Failure("answer", "timeout", "too slow")))
            for i, (e, text) in enumerate(zip(questions.examples, answers, strict=True))
        ])  # fmt: skip
        store.finish_run(run, "finished")
    base, tuned = list_structured_runs(store, "p", version)
    assert (base.name, tuned.name) == ("base", "tuned")
    assert report_structured_outputs(store, base).valid.value == 0.25
    best = report_structured_outputs(store, tuned)
    assert (best.valid.value, best.intent.value, best.slot_f1.value, best.exact.value) == (1.0, 1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("reference", "structured"), [('{"intent": "a"}', True), ('{"slots": {}}', False), ("1712", False), (None, False)]
)
def test_structured_sets_are_recognised(reference: str | None, structured: bool) -> None:
    assert is_structured(EvaluationSet("x", (Example("1", "q", reference),))) is structured
    assert not is_structured(EvaluationSet("x", ()))


def test_the_baseline_shows_the_nearest_training_examples_to_the_base_model() -> None:
    result = prompting_baseline(FineTunedModel("mine", ModelSpec(adapter="mine", mode="completion")), sample_training())
    assert (result.model.adapter, result.model.stop) == ("", ("\n",))
    assert result.prompt.system.startswith("Turn the request into JSON")
    shots = result.prompt.few_shot
    assert shots is not None
    assert (shots.select, shots.k, len(shots.examples)) == ("nearest", 7, 300)
