"""Jobs as the page shows them: started from saved sets, reported whole, led on to an evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.experiments.versions.training_sets import TrainingSetVersion, save_training_set
from llmopt_core.finetuning.data.examples import chat_example
from llmopt_core.finetuning.finetuners import all_jobs
from llmopt_core.finetuning.jobs.job import FineTunedModel, JobRequest
from llmopt_core.labs.finetuning import jobs
from llmopt_core.models.base import EmbeddingSpec, ModelSpec
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.prompts.template import render
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from tests.core.finetuning.helpers import colours
from tests.stub_finetuning import FineTuningStub


@pytest.fixture
def stub() -> Iterator[FineTuningStub]:
    with FineTuningStub() as running:
        yield running


@pytest.fixture
def access(tmp_path, stub: FineTuningStub) -> jobs.Access:
    settings = Settings(home=tmp_path / "home")
    return jobs.Access(settings, {"cloud": Endpoint(name="cloud", base_url=stub.url)}, {"cloud": "sk-secret-1"})


@pytest.fixture
def saved(access: jobs.Access) -> Iterator[TrainingSetVersion]:
    store = Store.open(access.settings)
    store.ensure_project("p")
    yield save_training_set(store, "p", "colours", colours(12).examples, colours(4, 50).examples)
    store.close()


REQUEST = JobRequest(name="mine", provider="cloud", base_model="big")


def test_what_leaves_the_machine_is_said_before_it_does(
    access: jobs.Access, saved: TrainingSetVersion, stub: FineTuningStub
) -> None:
    gone = jobs.summarize_departure(access, "cloud", saved)
    assert gone is not None
    assert (gone.examples, gone.validation_examples, gone.is_local) == (12, 4, True)
    alone = jobs.summarize_departure(access, "cloud", saved, validate=False)
    assert alone is not None
    assert alone.validation_examples == 0
    assert jobs.summarize_departure(access, "local", saved) is None
    with pytest.raises(BadInput, match="no endpoint"):
        jobs.summarize_departure(access, "elsewhere", saved)
    with pytest.raises(BadInput, match="Agree"):
        jobs.start(access, REQUEST, saved)
    assert stub.requests == []


def test_a_service_job_is_reported_whole_and_as_last_known_when_the_service_is_away(
    access: jobs.Access, saved: TrainingSetVersion, stub: FineTuningStub
) -> None:
    job = jobs.start(access, REQUEST, saved, is_confirmed=True)
    stub.event(job.remote_id, "Step 1", {"step": 1, "train_loss": 2.0})
    result = jobs.report(access, job.id)
    assert [p.train_loss for p in result.points] == [2.0]
    assert (result.data_name, result.problem, result.reading.fit) == ("colours v1", "", "unknown")
    assert (result.worst, result.best) == ([], [])
    # The key is gone with the session; what was fetched is still there.
    away = replace(access, endpoints={})
    last = jobs.report(away, job.id)
    assert "cloud" in last.problem
    assert [p.train_loss for p in last.points] == [2.0]
    assert jobs.cancel(access, job.id).status == "cancelled"
    assert jobs.resume(access, job.id).status == "cancelled"


def test_names_are_free_and_usable(access: jobs.Access, saved: TrainingSetVersion) -> None:
    jobs.start(access, REQUEST, saved, is_confirmed=True)
    known = all_jobs(access.settings)
    assert jobs.free_name("mine", known, []) == "mine-2"
    assert jobs.free_name("Ärzte & Co.", known, []) == "rzte-Co"
    assert jobs.free_name("…", known, [FineTunedModel("tuned", ModelSpec())]) == "tuned-2"


def test_the_name_of_a_model_says_what_it_has_learned(saved: TrainingSetVersion) -> None:
    named = replace(saved, name="Support answers!", number=3)
    assert jobs.model_name(named, "lora") == "Support-answers-v3-lora"
    assert jobs.model_name(named, "embedding") == "Support-answers-v3-embedding"
    assert jobs.model_name(named, "service") == "Support-answers-v3"
    preference = replace(
        named, train=replace(saved.train, examples=(replace(saved.train.examples[0], preferred=({},)),))
    )
    assert jobs.model_name(preference, "lora") == "Support-answers-v3-dpo"
    long = jobs.free_name(jobs.model_name(replace(named, name="n" * 60), "embedding"), [], [])
    assert long.endswith("n-v3-embedding")
    assert len(long) <= 34


def test_the_rough_time_follows_the_last_run_here(access: jobs.Access, saved: TrainingSetVersion) -> None:
    first = jobs.rough_seconds(saved, 3, [])
    (job,) = [jobs.start(access, REQUEST, saved, is_confirmed=True)]
    local = replace(job, provider="local", tokens_per_second=jobs.USUAL_SPEED * 2)
    assert jobs.rough_seconds(saved, 3, [job]) == pytest.approx(first)
    assert jobs.rough_seconds(saved, 3, [local]) == pytest.approx(first / 2)
    assert jobs.rough_seconds(saved, 6, []) == pytest.approx(2 * first)


@pytest.mark.parametrize("system", ["", "Say JSON.", 'Say {"a": 1}, never {{ x }} or {% raw %}.\nÜber "all".'])
def test_the_configuration_asks_as_the_examples_did(system: str) -> None:
    tuned = FineTunedModel("mine", ModelSpec(adapter="mine", mode="completion"))
    result = jobs.configuration_for_training(tuned, [chat_example(f"q{i}", "a", system=system) for i in range(3)])
    assert (result.name, result.model.adapter, result.prompt.template) == ("mine", "mine", "{{ question }}")
    assert render(result.prompt.system, {}) == system
    with pytest.raises(BadInput, match="embedding"):
        jobs.configuration_for_training(FineTunedModel("e", EmbeddingSpec()), [])
