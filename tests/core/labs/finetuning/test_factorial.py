"""The 2 x 2 from stored runs, its price, what was forgotten, and tuned models as choices."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.finetuning.finetuners import all_jobs
from llmopt_core.finetuning.jobs.job import JobRequest
from llmopt_core.finetuning.jobs.new_folder import new_folder
from llmopt_core.finetuning.training.adapters import adapters_root, write_card
from llmopt_core.labs.finetuning.catalogue import list_chat_models, list_embedding_models, model_of_job
from llmopt_core.labs.finetuning.factorial import arm_configurations, economics, read_factorial
from llmopt_core.labs.finetuning.forgetting import forgetting, general_pair
from llmopt_core.labs.finetuning.training_pairs import ARMS
from llmopt_core.models.base import ModelSpec
from llmopt_core.models.prices import Prices
from llmopt_core.retrieval.spec import RetrievalSpec, TransformSpec
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import SavedSet
from llmopt_core.settings import Settings
from llmopt_core.types import Answer, EvaluationSet, Example, Record, Score, StageTrace, Usage
from tests.core.finetuning.helpers import colours

PLAIN = Configuration(name="plain")
RAG = Configuration(name="rag", retrieval=RetrievalSpec())
TUNED = ModelSpec(adapter="mine", mode="completion")
MEANS = dict(zip(ARMS, (0.1, 0.4, 0.45, 0.7), strict=True))
COUNT = 40


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    opened = Store.open(settings)
    opened.ensure_project("p")
    yield opened
    opened.close()


def saved_set(store: Store, name: str = "set") -> SavedSet:
    examples = tuple(Example(f"q{i}", f"{name} {i}?", "a", category="even" if i % 2 == 0 else "") for i in range(COUNT))
    return store.save_evaluation_set("p", EvaluationSet(name, examples))


def run(store: Store, configuration: Configuration, where: SavedSet, mean: float, **options: object) -> int:
    """A stored run whose scores lie around a mean; RAG prompts are longer."""
    run_id = store.start_run("p", configuration.model_dump(mode="json"), configuration.fingerprint,
                           evaluation_set=where.name, set_version=where.version,
                           judge=str(options.get("judge", "j")), metrics=("answer_f1",), total=COUNT)  # fmt: skip
    examples = store.evaluation_set("p", where.name).examples
    tokens = 400 if configuration.retrieval else 50
    store.save_records(run_id, [
        (i, Record(e, Answer("a", usage=Usage(tokens, 10, None, 1), seconds=0.5),
                   scores={"answer_f1": Score("answer_f1", min(1.0, mean + (i % 5) / 20))}))
        for i, e in enumerate(examples)
    ])  # fmt: skip
    store.finish_run(run_id, "finished")
    return run_id


def test_four_runs_become_a_factorial_with_paired_differences(store: Store) -> None:
    where, four = saved_set(store), arm_configurations(PLAIN, RAG, TUNED, "mine")
    assert [c.name for c in four] == ["plain", "rag", "plain · mine", "rag · mine"]
    for name, configuration in zip(ARMS, four, strict=True):
        run(store, configuration, where, MEANS[name])
    factorial = read_factorial(store, "p", four, where, "answer_f1")
    assert factorial.whole
    assert factorial.best == "fine-tuned + RAG"
    assert factorial.comparisons["base", "fine-tuned"].difference == pytest.approx(0.35)
    assert factorial.comparisons["base", "fine-tuned"].verdict == "better"
    assert factorial.comparisons["base + RAG", "fine-tuned"].verdict in ("better", "cannot tell")
    arm = factorial.arms["fine-tuned + RAG"]
    assert (arm.prompt_tokens, arm.completion_tokens, arm.seconds) == (400, 10, 0.5)
    assert arm.summary.scored == COUNT


def test_what_was_not_run_is_missing_and_other_sets_do_not_count(store: Store) -> None:
    where, four = saved_set(store), arm_configurations(PLAIN, RAG, TUNED, "mine")
    empty = read_factorial(store, "p", four, where, "answer_f1")
    assert (empty.arms, empty.best, empty.whole) == ({}, "", False)
    run(store, four[0], where, 0.2)
    run(store, four[1], saved_set(store, "other"), 0.2)
    run(store, four[2], where, 0.4, judge="another judge")
    factorial = read_factorial(store, "p", four, where, "answer_f1")
    assert list(factorial.arms) == ["fine-tuned"]
    assert read_factorial(store, "p", four, where, "exact_match").arms == {}


def test_a_short_try_from_the_cache_stands_in_for_no_whole_run(store: Store) -> None:
    where, four = saved_set(store), arm_configurations(PLAIN, RAG, TUNED, "mine")
    whole = run(store, four[1], where, 0.4)
    run_id = store.start_run("p", four[1].model_dump(mode="json"), four[1].fingerprint, evaluation_set=where.name,
                           set_version=where.version, judge="j", metrics=("answer_f1",), total=3)  # fmt: skip
    examples = store.evaluation_set("p", where.name).examples[:3]
    short = [(i, Record(e, Answer("a"), scores={"answer_f1": Score("answer_f1", 1.0)})) for i, e in enumerate(examples)]
    store.save_records(run_id, short)
    store.finish_run(run_id, "finished")
    assert read_factorial(store, "p", four, where, "answer_f1").arms["base + RAG"].run.id == whole
    again = run(store, four[1], where, 0.5)
    assert read_factorial(store, "p", four, where, "answer_f1").arms["base + RAG"].run.id == again


def test_a_request_costs_what_it_took_when_it_was_asked(store: Store) -> None:
    hyde = RAG.model_copy(update={"retrieval": RetrievalSpec(transform=TransformSpec(method="hyde"))})
    where, four = saved_set(store), arm_configurations(PLAIN, hyde, TUNED, "mine")
    asked, rewritten, written = Usage(400, 10, 0.5, 1), Usage(100, 20, 0.25, 1), Usage(9_000, 9_000, 9.0, 9)
    run_id = store.start_run("p", four[1].model_dump(mode="json"), four[1].fingerprint, evaluation_set=where.name,
                           set_version=where.version, judge="j", metrics=("answer_f1",), total=COUNT)  # fmt: skip
    records = []
    for i, example in enumerate(store.evaluation_set("p", where.name).examples):
        cached = i % 2 == 0
        trace = (StageTrace("transform", "hyde", usage=rewritten.from_cache if cached else rewritten),
                 StageTrace("embed", "summary", usage=written if i == 0 else Usage()))  # fmt: skip
        answer = Answer("a", usage=asked.from_cache if cached else asked, seconds=0.5)
        records.append((i, Record(example, answer, trace, {"answer_f1": Score("answer_f1", 0.5)})))
    store.save_records(run_id, records)
    store.finish_run(run_id, "finished")
    arm = read_factorial(store, "p", four, where, "answer_f1").arms["base + RAG"]
    assert (arm.prompt_tokens, arm.completion_tokens, arm.cost_usd) == (500.0, 30.0, 0.75)


def test_the_shorter_prompt_pays_for_the_training(store: Store) -> None:
    where, four = saved_set(store), arm_configurations(PLAIN, RAG, TUNED, "mine")
    for name, configuration in zip(ARMS, four, strict=True):
        run(store, configuration, where, MEANS[name])
    factorial = read_factorial(store, "p", four, where, "answer_f1").arms
    prices = Prices(prompt=1.0, completion=2.0)
    result = economics(factorial["base + RAG"], factorial["fine-tuned"], prices, prices, training_usd=3.5)
    assert result.result.requests == 10_000
    base, tuned = result.total(10_000)
    assert base == pytest.approx(tuned)
    free = economics(factorial["base + RAG"], factorial["fine-tuned"], None, None, training_usd=0.0, hourly_usd=1.0)
    assert free.base_cost.usd == pytest.approx(0.5 / 3600)
    assert (
        economics(
            factorial["base"], factorial["fine-tuned"], prices, Prices(prompt=9.0), training_usd=1
        ).result.requests
        is None
    )


def test_forgetting_is_the_paired_difference_on_a_general_set(store: Store) -> None:
    where, pair = saved_set(store, "general"), general_pair(PLAIN, TUNED, "mine")
    assert forgetting(store, "p", pair, where, "answer_f1") is None
    run(store, pair[0], where, 0.6)
    run(store, pair[1], where, 0.3)
    result = forgetting(store, "p", pair, where, "answer_f1")
    assert result is not None
    assert result.comparison.difference == pytest.approx(-0.3)
    assert result.comparison.verdict == "worse"
    assert (result.worse, result.better) == (COUNT, 0)
    assert result.by_category == {"even": pytest.approx((0.7, 0.4, 20)), "": pytest.approx((0.7, 0.4, 20))}
    assert len(result.losses) == 10
    first = result.losses[0]
    assert (first.reference, first.base_answer, first.tuned_answer) == ("a", "a", "a")
    assert first.base_score - first.tuned_score == pytest.approx(0.3)
    with pytest.raises(BadInput, match="already"):
        general_pair(pair[1], TUNED, "mine")


def test_tuned_models_are_choices(settings: Settings) -> None:
    assert list_chat_models(settings) == []
    assert list_embedding_models(settings) == []
    request = JobRequest(name="far", provider="cloud", base_model="big", hyperparameters={})
    folder = new_folder(settings, request, "service", colours(4), None)
    folder.update_state(status="finished", remote_id="ftjob-1", tuned_model="ft:big:far", trained_tokens=7)
    adapters_root(settings).mkdir(parents=True)
    (adapters_root(settings) / "near.gguf").write_bytes(b"GGUF")
    write_card(adapters_root(settings) / "near.json", {"text_format": "completion", "job_id": "other"})
    assert [m.name for m in list_chat_models(settings)] == ["near", "ft:big:far"]
    (far,) = list_chat_models(settings, "cloud")
    assert far.spec == ModelSpec(endpoint="cloud", name="ft:big:far", mode="chat")
    (job,) = all_jobs(settings)
    assert model_of_job(job, list_chat_models(settings)) == far
    assert [m.name for m in list_chat_models(settings, "builtin")] == ["near"]
