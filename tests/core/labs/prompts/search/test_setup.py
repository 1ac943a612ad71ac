"""From what is chosen in a form to a task, a job, and its result."""

from __future__ import annotations

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.experiments.comparison_setup import VariantSetup
from llmopt_core.experiments.search.results import ChoiceResult, FewShotEffect, read_search_result
from llmopt_core.experiments.search.task import CHOICE, FEW_SHOT_EFFECT, split_task, without_repeats
from llmopt_core.labs.prompts.few_shot_effect import measure_few_shot_effect
from llmopt_core.labs.prompts.search_jobs import search_arguments
from llmopt_core.labs.prompts.search_setup import SearchSetup, search_jobs, task_for, task_from
from llmopt_core.models.base import ChatRequest, ModelSpec
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.prompts.spec import FewShotSpec
from llmopt_core.types import Document, EvaluationSet, Example

from .conftest import SHOTS, Lab, examples, reply

MODEL = ModelSpec(endpoint="scripted", name="m")


@pytest.fixture
def stored(lab: Lab) -> Lab:
    lab.store.save_evaluation_set("p", EvaluationSet("questions", examples(24)))
    lab.store.save_version("p", "prompt", "plain", {"system": "Answer.", "template": "{{ question }}"})
    return lab


def setup(**changes: object) -> SearchSetup:
    values = {"variant": VariantSetup(prompt="plain", model=MODEL), "set_name": "questions", "metric": "exact_match"}
    return SearchSetup.model_validate({**values, **changes})


def test_a_setup_becomes_a_task(stored: Lab) -> None:
    task = task_from(stored.store, "p", setup(questions=10, seed=3), FewShotSpec(examples=SHOTS), "shots v1")
    assert task.configuration.prompt.system == "Answer."
    assert task.configuration.prompt.few_shot == FewShotSpec(examples=SHOTS)
    assert (len(task.evaluation_set.examples), task.source, task.documents) == (10, "shots v1", ())


def test_what_is_gone_is_named(stored: Lab) -> None:
    with pytest.raises(BadInput, match="Choose an evaluation set"):
        task_from(stored.store, "p", setup(set_name=""))
    with pytest.raises(BadInput, match="missing"):
        task_from(stored.store, "p", setup(variant=VariantSetup(prompt="missing", model=MODEL)))


def test_a_job_keeps_its_result(stored: Lab) -> None:
    task = task_from(stored.store, "p", setup(), FewShotSpec(examples=SHOTS))
    runner = stored.runner()
    arguments = search_arguments(stored.store, FEW_SHOT_EFFECT, "shots", task, setup(), {})
    job_id = runner.submit(FEW_SHOT_EFFECT, "p", arguments)
    job = runner.wait(job_id, 60)
    assert job.status == "finished"
    result = read_search_result(job, FewShotEffect)
    assert result is not None
    assert len(result.examples) == 3
    assert job.progress["done"] == job.progress["total"] == 96
    assert [one.id for one in search_jobs(stored.store, "p", FEW_SHOT_EFFECT, "shots")] == [job_id]
    assert not search_jobs(stored.store, "p", FEW_SHOT_EFFECT, "others")
    assert not search_jobs(stored.store, "p", CHOICE, "shots")


def test_a_result_that_cannot_be_read_counts_as_none(stored: Lab) -> None:
    job_id = stored.store.start_job(FEW_SHOT_EFFECT, "p", {"subject": "s"})
    stored.store.update_job(job_id, status="finished", result={"found": {"other": "version"}})
    assert read_search_result(stored.store.job(job_id), FewShotEffect) is None


async def test_retrieved_passages_go_along(stored: Lab) -> None:
    stored.store.save_documents("p", [Document("a.md", "GUIDES stand at every corner of the town.")])
    retrieval = {"chunking": {"size": 20}, "search": {"method": "bm25"}, "top_k": 1}
    stored.store.save_configuration("p", "rag", {"name": "rag", "retrieval": retrieval}, "f")
    stored.store.save_version("p", "prompt", "passages", {"template": "{{ context }} {{ question }}"})
    variant = VariantSetup(prompt="passages", model=MODEL, retrieval="rag")
    rows = tuple(Example(f"q{n}", f"Who stands at the corner in number {n * 37}?", str(n * 37 + 1)) for n in range(12))
    stored.store.save_evaluation_set("p", EvaluationSet("corners", rows))
    shots = FewShotSpec(examples=({"question": "How warm is snow?", "answer": "cold"},), template="{{ question }}")
    result = await stored.run(
        measure_few_shot_effect, task_from(stored.store, "p", setup(variant=variant, set_name="corners"), shots)
    )
    assert result.full.mean == 1.0


# --- a set that is split


def split_set(stored: Lab, shares: tuple[int, int, int] = (50, 30, 20)) -> dict[str, set[str]]:
    stored.store.save_evaluation_set("p", EvaluationSet("questions", examples(40)))
    parts = stored.store.make_split("p", "questions", shares).parts
    texts = {example.id: example.question for example in examples(40)}
    return {part: {texts[i] for i, own in parts.items() if own == part} for part in ("search", "confirm", "never seen")}


def test_a_search_on_the_search_part_is_confirmed_on_the_confirm_part_and_asks_no_other_question(stored: Lab) -> None:
    texts = split_set(stored)
    questions: list[str] = []

    def answer(request: ChatRequest) -> str:
        questions.append(request.messages[-1].content)
        return reply(request)

    stored.chat = ScriptedChat(answer)
    own = setup(set_name="questions, search")
    task = task_from(stored.store, "p", own, FewShotSpec(examples=SHOTS))
    runner = stored.runner()
    job = runner.wait(runner.submit(CHOICE, "p", search_arguments(stored.store, CHOICE, "shots", task, own, {})), 60)
    result = read_search_result(job, ChoiceResult)
    assert result is not None
    assert result.verification is not None
    assert (result.training, result.held_back, result.verification.questions) == (20, 12, 12)
    assert set(result.trained_on) == texts["search"]
    assert set(questions) == texts["search"] | texts["confirm"]


def test_a_few_shot_example_that_repeats_a_confirming_question_is_left_out(stored: Lab) -> None:
    texts = split_set(stored)
    shots = (*SHOTS, {"question": min(texts["confirm"]), "answer": "1"})
    task = task_from(stored.store, "p", setup(set_name="questions, search"), FewShotSpec(examples=shots))
    assert without_repeats(task)[1:] == ((0, 1, 2), (min(texts["confirm"]),))
    smaller, places, _ = without_repeats(task, keep_examples=True)
    assert len(places) == 4
    assert 0 < len(smaller.confirm) < len(task.confirm)
    assert min(texts["confirm"]) not in {example.question for example in smaller.confirm}


def test_too_few_questions_to_confirm_with_are_told(stored: Lab) -> None:
    split_set(stored, (80, 10, 10))
    task = task_from(stored.store, "p", setup(set_name="questions, search"), FewShotSpec(examples=SHOTS))
    with pytest.raises(BadInput, match="32 questions to search with and 4 to confirm with; each needs at least 6"):
        split_task(task)


def test_the_confirm_part_is_that_of_the_moment_the_search_was_asked_for(stored: Lab) -> None:
    split_set(stored)
    own = setup(set_name="questions, search")
    task = task_from(stored.store, "p", own, FewShotSpec(examples=SHOTS))
    arguments = search_arguments(stored.store, CHOICE, "shots", task, own, {})
    stored.store.save_evaluation_set("p", EvaluationSet("questions", examples(60)))
    again = task_for(
        stored.store, "p", own, task.configuration, "", arguments.set_version, arguments.confirm_version
    )  # fmt: skip
    assert again.confirm == task.confirm
