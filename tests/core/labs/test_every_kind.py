"""Each kind of job is done by a process that has nothing but the store, and gone on with where one has died."""

from __future__ import annotations

import asyncio
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
from tests.job_process import calls_of, do_jobs

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


EVERY: dict[str, Callable[[Lab], Made]] = {
    "sweep": sweep,
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
ELSEWHERE = {
    "evaluation": "evaluation/test_evaluation_jobs.py",
    "comparison": "prompts/test_comparison_jobs.py",
    "lora-training": "finetuning/test_training_jobs.py",
    "embedding-training": "finetuning/test_training_jobs.py",
    "embedder-before-after": "finetuning/test_training_jobs.py",
    "fine-tuning start": "finetuning/test_upload_jobs.py",
}
"""Kinds whose processes are killed in a test of their own; both trainings are the same work."""


@pytest.mark.parametrize("name", EVERY)
def test_a_new_process_goes_on_with_nothing_but_the_store(lab: Lab, name: str) -> None:
    kind, arguments = EVERY[name](lab)
    values = arguments.model_dump(mode="json")
    assert kind.read(values) == arguments
    job_id = lab.store.start_job(kind.name, "p", values, lane=kind.lane, versions={})
    with lab.store.database.write() as connection:
        connection.exec_driver_sql("UPDATE jobs SET owner_started = 1.0")
    asks = kind is not SWEEP
    if asks:
        assert do_jobs(lab.home, 2) == 9
    assert do_jobs(lab.home) == 0
    job = lab.store.job(job_id)
    assert (job.status, job.error, job.attempts) == ("finished", "", 1 + asks)
    assert job.result
    if asks:
        # What was paid is paid once: only the call in which the first process died is made again.
        asked = calls_of(lab.home)
        assert asked[1] in asked[2:]
        if name == "measure":
            assert len(asked) == len(EXAMPLES) + 1
        assert lab.store.draft("p", DRAFT, "") is not None or kind is not WRITING


def test_the_process_of_every_kind_is_killed_in_a_test(lab: Lab) -> None:
    here = {make(lab)[0].name for make in EVERY.values()}
    assert here | ELSEWHERE.keys() == set(job_kinds())
    assert all((Path(__file__).parent / file).exists() for file in ELSEWHERE.values())


def test_every_kind_is_found_by_the_name_that_it_has() -> None:
    kinds = job_kinds()
    assert {name: kinds.kind(name).name for name in kinds} == {name: name for name in kinds}
    assert {kinds.kind(name).lane for name in kinds} <= set(PLACES)
