"""Each kind of job is done by a process that has nothing but the store, and gone on with where one has died."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmopt_core.experiments.comparison_setup import VariantSetup
from llmopt_core.experiments.experiment import run_experiment
from llmopt_core.experiments.search.task import CHOICE, FEW_SHOT_EFFECT, INSTRUCTION
from llmopt_core.jobs.kind import PLACES, JobKind
from llmopt_core.labs.chunking.jobs import SWEEP, sweep_arguments
from llmopt_core.labs.chunking.spec import sweep_spec
from llmopt_core.labs.documents.jobs import DRAFT, WRITING, WritingArguments
from llmopt_core.labs.documents.question_writing.writer import WritingSpec
from llmopt_core.labs.evaluation.jobs import ESTIMATE, RESUME, evaluation_arguments, resume_arguments
from llmopt_core.labs.finetuning.embedder import EmbedderPlan
from llmopt_core.labs.finetuning.embedder_gain import GAIN, GainArguments
from llmopt_core.labs.finetuning.example_jobs import DISTIL, PAIRS, DistilArguments, PairsArguments
from llmopt_core.labs.job_kinds import job_kinds
from llmopt_core.labs.prompts.search_jobs import SEARCHES, search_arguments
from llmopt_core.labs.prompts.search_setup import SearchSetup, task_from
from llmopt_core.labs.retrieval.inspection_cache import LOOK_KIND, LookSide, look_arguments
from llmopt_core.labs.retrieval.jobs import ABLATION, LAB_KINDS, MEASURE, Task, lab_arguments, pilot_of
from llmopt_core.labs.retrieval.jobs import SWEEP as RETRIEVAL_SWEEP
from llmopt_core.models.base import ModelSpec
from llmopt_core.prompts.spec import FewShotSpec
from llmopt_core.types import EvaluationSet, Example, Spec
from tests.engine_lab import EXAMPLES, Lab
from tests.job_process import do_jobs, embeddings_of, requests_of

MODEL = ModelSpec(endpoint="scripted", name="m")
SHOTS = FewShotSpec(
    examples=tuple({"question": f"What is {word}?", "answer": word} for word in ("snow", "rain", "hail"))
)
Made = tuple[JobKind[Any], Spec]


@pytest.fixture
def lab(lab: Lab) -> Lab:
    lab.store.save_documents("p", lab.documents)
    lab.store.save_evaluation_set("p", lab.evaluation_set)
    lab.store.save_version("p", "prompt", "plain", {"system": "Answer.", "template": "{{ question }}"})
    return lab


def sweep(lab: Lab) -> Made:
    spec = sweep_spec(methods=["fixed"], sizes=[10, 20], overlaps=[0], top_k=[1])
    return SWEEP, sweep_arguments(lab.evaluation_set, spec, 2, lab.models())


def writing(lab: Lab) -> Made:
    return WRITING, WritingArguments(spec=WritingSpec(model=MODEL, passages=3, passage_size=100))


def search(kind: str, **options: Any) -> Callable[[Lab], Made]:
    def make(lab: Lab) -> Made:
        variant = VariantSetup(prompt="plain", model=MODEL)
        many = tuple(Example(f"n{n}", f"What comes after {n}?", f"{n + 1}") for n in range(24))
        lab.store.save_evaluation_set("p", EvaluationSet("many", many))
        setup = SearchSetup(variant=variant, set_name="many", metric="exact_match", concurrency=1)
        task = task_from(lab.store, "p", setup, None if kind == INSTRUCTION else SHOTS)
        return SEARCHES[kind], search_arguments(lab.store, kind, "subject", task, setup, {}, **options)

    return make


def in_retrieval_lab(kind: str, **options: Any) -> Callable[[Lab], Made]:
    def make(lab: Lab) -> Made:
        hyde = {"method": "hyde", "n": 1, "model": MODEL.model_dump()}
        configuration = lab.configuration(retrieval={"chunking": {"size": 20}, "transform": hyde, "top_k": 1})
        task = Task(lab.store.project("p"), configuration, EXAMPLES, lab.documents, "questions")
        return LAB_KINDS[kind], lab_arguments(lab.store, kind, task, options)

    return make


def look(lab: Lab) -> Made:
    hyde = {"method": "hyde", "n": 2, "model": MODEL.model_dump()}
    sides = [
        LookSide(
            configuration=lab.configuration(
                name, retrieval={"chunking": {"size": 20}, "transform": hyde | {"n": n}, "top_k": 1}
            ),
            texts=None, key=name, index=name,
        )
        for name, n in (("one", 1), ("two", 2))
    ]  # fmt: skip
    return LOOK_KIND, look_arguments(sides, EXAMPLES[0])


def estimating(lab: Lab) -> Made:
    # One question of each configuration is tried.
    configurations = [lab.configuration(name, model={"endpoint": "scripted", "name": name}) for name in ("a", "b")]
    return ESTIMATE, evaluation_arguments(lab.store, lab.plan(*configurations, concurrency=1))


def going_on(lab: Lab) -> Made:
    plan = lab.plan(lab.configuration(), concurrency=1)
    asyncio.run(run_experiment(lab.store, plan, lab.models(), should_cancel=lambda: True))
    (run,) = lab.store.runs("p")
    return RESUME, resume_arguments(run)


def distillation(lab: Lab) -> Made:
    configuration = lab.configuration(retrieval=None, prompt={"template": "{{ question }}"})
    return DISTIL, DistilArguments(
        questions="questions", set_version=lab.evaluation_set.version, asked=configuration, teacher=MODEL,
        model="m", endpoint="scripted",
    )  # fmt: skip


def pairs(lab: Lab) -> Made:
    hyde = {"method": "hyde", "n": 1, "model": MODEL.model_dump()}
    configuration = lab.configuration(retrieval={"chunking": {"size": 20}, "transform": hyde, "top_k": 1})
    return PAIRS, PairsArguments(
        questions="questions", set_version=lab.evaluation_set.version, configuration="rag", asked=configuration
    )  # fmt: skip


def gain(lab: Lab) -> Made:
    tuned = lab.home / "embeddings" / "italian"
    tuned.mkdir(parents=True)
    (tuned / "modules.json").write_text("[]")
    plan = EmbedderPlan(
        name="italian", evaluation_set="questions", held_back_set="questions", configuration=lab.configuration(),
        pairs=4,
    )  # fmt: skip
    return GAIN, GainArguments(job="j", name="italian", set="questions", basis={}, plan=plan)


EVERY: dict[str, Callable[[Lab], Made]] = {
    "writing": writing,
    "effect": search(FEW_SHOT_EFFECT),
    "choice": search(CHOICE, method="random", most=2, trials=2),
    "instruction": search(INSTRUCTION, proposer=MODEL, rewrites=1, rounds=1),
    "measure": in_retrieval_lab(MEASURE, k=2),
    "measure pilot": in_retrieval_lab(pilot_of(MEASURE), k=2),
    "ablation": in_retrieval_lab(ABLATION, answers=True),
    "ablation pilot": in_retrieval_lab(pilot_of(ABLATION), answers=True),
    "more chunks": in_retrieval_lab(RETRIEVAL_SWEEP, ks=[1, 2]),
    "more chunks pilot": in_retrieval_lab(pilot_of(RETRIEVAL_SWEEP), ks=[1, 2]),
    "look": look,
    "estimate": estimating,
    "resume": going_on,
    "distillation": distillation,
    "pairs": pairs,
}
ONLY_EMBEDDING: dict[str, Callable[[Lab], Made]] = {"sweep": sweep, "gain": gain}
LATER = {"effect": 60, "choice": 30, "instruction": 14, "ablation": 5, "more chunks": 8}
"""Of kinds that ask often: the call in which a second process dies, after the first has died in its second one."""
_TRAINING = (
    "finetuning/test_training_jobs.py::test_a_process_that_is_killed_with_its_trainer_is_followed_by_one_that_goes_on"
)
ELSEWHERE = {
    "evaluation": "evaluation/test_evaluation_jobs.py::"
    "test_a_new_process_goes_on_with_nothing_but_the_store_and_pays_nothing_twice",
    "comparison": "prompts/test_comparison_jobs.py::"
    "test_another_process_answers_what_is_missing_and_pays_nothing_twice",
    "gold-audit": "data_questions/test_audit_job.py::test_a_process_does_an_audit_that_another_has_left",
    "lora-training": f"{_TRAINING}[lora]",
    "embedding-training": f"{_TRAINING}[embedding]",
    "fine-tuning start": "finetuning/test_upload_jobs.py::"
    "test_a_process_goes_on_with_an_upload_in_which_another_has_died",
}
"""Kinds whose processes are killed in a test of their own."""


@pytest.mark.parametrize("name", EVERY)
def test_a_new_process_goes_on_with_nothing_but_the_store_and_pays_nothing_twice(lab: Lab, name: str) -> None:
    kind, job_id = _queue(lab, EVERY[name])
    deaths = [2, LATER[name]] if name in LATER else [2]
    unanswered = [_die_in_call(lab, number) for number in deaths]
    assert do_jobs(lab.home) == 0
    job = lab.store.job(job_id)
    assert (job.status, job.error, job.attempts) == ("finished", "", 1 + len(deaths))
    assert job.result
    # What was answered is never asked again: only the calls in which a process died are made once more.
    requests = requests_of(lab.home)
    assert {request: times for request, times in Counter(requests).items() if times > 1} == dict.fromkeys(unanswered, 2)
    assert len(requests) == len(EXAMPLES) + 1 or name != "measure"
    assert kind is not WRITING or lab.store.draft("p", DRAFT, "") is not None


@pytest.mark.parametrize(("name", "die_at"), [("sweep", 1), ("gain", 1), ("gain", 2), ("gain", 4)])
def test_a_new_process_embeds_what_is_missing_and_nothing_twice(lab: Lab, name: str, die_at: int) -> None:
    _, job_id = _queue(lab, ONLY_EMBEDDING[name])
    assert do_jobs(lab.home, die_at, "embedder") == 9
    unanswered = embeddings_of(lab.home)[die_at - 1]
    assert lab.store.job(job_id).status == "queued"
    assert do_jobs(lab.home) == 0
    job = lab.store.job(job_id)
    assert (job.status, job.error, job.attempts) == ("finished", "", 2)
    assert job.result
    texts = Counter(text for call in embeddings_of(lab.home) for text in call)
    assert {text: times for text, times in texts.items() if times > 1} == dict.fromkeys(unanswered, 2)


def _queue(lab: Lab, make: Callable[[Lab], Made]) -> tuple[JobKind[Any], int]:
    """As a process that is gone has left it."""
    kind, arguments = make(lab)
    values = arguments.model_dump(mode="json")
    assert kind.read(values) == arguments
    job_id = lab.store.start_job(kind.name, "p", values, lane=kind.lane, versions={})
    with lab.store.database.write() as connection:
        connection.exec_driver_sql("UPDATE jobs SET owner_started = 1.0")
    return kind, job_id


def _die_in_call(lab: Lab, number: int) -> str:
    """Let a process die in the call of this number; gives the request that was not answered."""
    before = len(requests_of(lab.home))
    assert do_jobs(lab.home, number) == 9
    return requests_of(lab.home)[before + number - 1]


def test_the_process_of_every_kind_is_killed_in_a_test(lab: Lab) -> None:
    here = {make(lab)[0].name for make in (EVERY | ONLY_EMBEDDING).values()}
    assert here | ELSEWHERE.keys() == set(job_kinds())
    tests = [str(Path(__file__).parent / test) for test in ELSEWHERE.values()]
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *tests]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_kind_is_found_by_the_name_that_it_has() -> None:
    kinds = job_kinds()
    assert {name: kinds.kind(name).name for name in kinds} == {name: name for name in kinds}
    assert {kinds.kind(name).lane for name in kinds} <= set(PLACES)
