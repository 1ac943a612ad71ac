"""Results whose questions, documents, prompt, model, address or configuration have changed say so, and what."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.evaluation.judge_agreement import JUDGE
from llmopt_core.experiments.comparison import new_id, start_comparison
from llmopt_core.experiments.comparison_plan import ComparisonPlan
from llmopt_core.experiments.configuration import Configuration, configuration_from
from llmopt_core.experiments.experiment import save_configuration
from llmopt_core.experiments.keys import documents_version
from llmopt_core.experiments.provenance import BEHIND, models_basis
from llmopt_core.finetuning.training.adapters import adapters_root, write_card
from llmopt_core.labs.finetuning.factorial import arm_configurations
from llmopt_core.models.base import ChatRequest, ModelSpec
from llmopt_core.models.endpoint_file import save_endpoint
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.retrieval.spec import RetrievalSpec
from llmopt_core.runs.store import Store
from llmopt_core.types import Answer, Document, EvaluationSet, Example, Record, Score, Span, fingerprint
from llmopt_ui import resources

App = Callable[..., AppTest]
Script = Callable[..., object]
EARLIER = "From an earlier state:"
TEXT = "The harbour was built in 1712. Two lighthouses stand there.\n\nThe market opens in spring. It closes in snow."
SHOTS = [{"question": f"Which colour is number {word}?", "answer": word} for word in ("one", "two", "three")]


def words(test: AppTest) -> str:
    assert not test.exception
    parts = [*test.caption, *test.markdown, *test.text, *test.warning]
    return "\n".join(str(part.value) for part in parts).replace("\\", "")


def finished(test: AppTest) -> AppTest:
    """Wait for what runs, and look again."""
    for job in resources.store().jobs(active=True):
        resources.job_runner().wait(job.id, 60)
    return test.run()


def pressed(test: AppTest, key: str) -> AppTest:
    """Press the button and wait for the job."""
    test.button(key=key).click().run()
    assert not test.exception
    return finished(test)


def reply(request: ChatRequest) -> str:
    text = "\n".join(message.content for message in request.messages)
    if "Better instruction:" in text:
        return "Be good."
    number = int(re.findall(r"\d+", text)[-1])
    return str(number + 1) if "Be good" in text or number % 3 == 0 else "no"


@pytest.fixture
def town(store: Store, script: Script) -> Store:
    """A project with a document, questions with places, a prompt and a few-shot set."""
    script(reply)
    store.ensure_project("town")
    store.save_documents("town", [Document("town.txt", TEXT)])
    place = (Span("town.txt", 25, 29),)
    examples = tuple(
        Example(f"q{n}", f"What number follows {n * 37}?", f"{n * 37 + 1}", place, "numbers") for n in range(24)
    )
    store.save_evaluation_set("town", EvaluationSet("questions", examples))
    store.save_version("town", "prompt", "plain", {"system": "Answer.", "template": "{{ question }}"})
    store.save_version("town", "few-shot", "good", {"examples": SHOTS, "select": "all", "template": "{{ question }}"})
    return store


def change_questions(store: Store) -> None:
    result = store.evaluation_set("town", "questions")
    first = replace(result.examples[0], category="other")
    store.save_evaluation_set("town", EvaluationSet("questions", (first, *result.examples[1:])))


def change_prompt(store: Store) -> None:
    store.save_version("town", "prompt", "plain", {"system": "Answer briefly.", "template": "{{ question }}"})


def change_few_shot(store: Store) -> None:
    store.save_version("town", "few-shot", "good", {"examples": SHOTS[:2], "select": "all"})


def change_documents(store: Store) -> None:
    store.save_documents("town", [Document("town.txt", TEXT + "\n\nIt rains.")])


def remove_questions(store: Store) -> None:
    store.save_evaluation_set("town", EvaluationSet("others", store.evaluation_set("town", "questions").examples))
    store.delete_evaluation_set("town", "questions")


TABS = {
    "instruction_start": {"prompts_view": "Instruction search"},
    "worth_start": {"prompts_view": "Few-shot", "few_shot": "good", "few_shot_part": "What each is worth"},
    "choice_start": {"prompts_view": "Few-shot", "few_shot": "good", "few_shot_part": "Automatic choice"},
}


@pytest.mark.parametrize(
    ("start", "change", "told"),
    [
        ("instruction_start", change_questions, "the questions have changed since"),
        ("instruction_start", change_prompt, "the prompt has changed since"),
        ("instruction_start", remove_questions, "The evaluation set questions is gone"),
        ("worth_start", change_few_shot, "the few-shot examples have changed since"),
        ("choice_start", change_few_shot, "the few-shot examples have changed since"),
        ("choice_start", change_prompt, "the prompt has changed since"),
    ],
)
def test_a_search_on_prompts_says_what_has_changed_since(
    app: App, town: Store, start: str, change: Callable[[Store], None], told: str
) -> None:
    test = pressed(app("pages/prompt_lab.py", project="town", **TABS[start]), start)
    assert "on questions: " in words(test)
    change_documents(town)
    assert EARLIER not in words(test.run()), "it looks nothing up, so documents do not matter"
    change(town)
    assert f"{EARLIER} {told}" in words(test.run())
    assert "on questions: " in words(test), "what was found is still there"


def test_a_search_of_an_earlier_version_says_that_nobody_knows(app: App, town: Store, monkeypatch) -> None:
    test = app("pages/prompt_lab.py", project="town", **TABS["instruction_start"])
    test = pressed(test, "instruction_start")
    (job,) = town.jobs("town")
    old = {key: value for key, value in job.arguments.items() if key not in ("basis", "setup")}
    monkeypatch.setattr(Store, "jobs", lambda *_, **__: [replace(job, arguments=old)])
    assert "it may be of an earlier state" in words(test.run())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (change_documents, "the documents have changed since"),
        (change_questions, "the questions have changed since"),
        (remove_questions, "the questions have changed since"),
    ],
)
def test_a_sweep_says_what_has_changed_since(app: App, town: Store, change: Callable[[Store], None], told: str) -> None:
    test = app("pages/documents.py", project="town", documents_tab="Sweep")
    for name, values in {"sweep_sizes_tokens": ["10", "40"], "sweep_overlaps_tokens": ["0"]}.items():
        test.multiselect(key=name).set_value(values)
    test = next(button for button in test.button if button.label.startswith("Start the sweep")).click().run()
    test = finished(test)
    assert EARLIER not in words(test)
    change(town)
    test = app("pages/documents.py", project="town", documents_tab="Sweep")
    assert f"{EARLIER} {told}" in words(test)


def test_a_measurement_of_retrieval_that_is_not_current_is_named_and_not_shown(
    app: App, store: Store, used: str, script: Script
) -> None:
    script(lambda _: "unused")
    test = app("pages/retrieval_lab.py", project=used, left="rag", right="rag-rerank", retrieval_view="Whole set")
    test = pressed(test, "start_retrieval-measure")
    assert len(test.get("plotly_chart")) == 3
    store.save_documents(used, [Document("harbour.md", "The harbour was built in 1713.")])
    text = words(test.run())
    assert not test.get("plotly_chart")
    assert re.search(r"rag was measured on \d+ \w+, [\d:]+; the documents have changed since\.", text)
    assert re.search(r"rag-rerank was measured on .*; the documents have changed since\.", text)


@pytest.fixture
def far(store: Store, used: str) -> str:
    """A finished run that asked an endpoint, kept with the address that stood behind the endpoint's name."""
    settings = resources.settings()
    save_endpoint(settings, Endpoint(name="far", base_url="http://127.0.0.1:1/v1", default_model="m"))
    body = {"name": "served", "model": {"endpoint": "far"}, "prompt": {"template": "{{ question }}"}}
    configuration = configuration_from(body)
    save_configuration(store, used, configuration)
    versions = store.evaluation_sets(used)[0]
    run = store.start_run(
        used, configuration.model_dump(mode="json"), configuration.fingerprint, evaluation_set=versions.name,
        set_version=versions.version, judge=JUDGE, metrics=("answer_f1",), total=24,
        options={BEHIND: models_basis(configuration, resources.models())},
    )  # fmt: skip
    score = {"answer_f1": Score("answer_f1", 0.5)}
    examples = store.evaluation_set(used, versions.name).examples
    store.save_records(run, [(i, Record(e, Answer("a"), scores=score)) for i, e in enumerate(examples)])
    store.finish_run(run, "finished")
    return used


def test_results_say_which_runs_are_of_an_earlier_state_and_why(app: App, store: Store, far: str) -> None:
    pages = (("pages/evaluation.py", {"evaluation_view": "Results"}), ("pages/overview.py", {}))
    for page, more in pages:
        assert EARLIER not in words(app(page, project=far, **more))
    save_endpoint(resources.settings(), Endpoint(name="far", base_url="http://127.0.0.1:2/v1", default_model="m"))
    for page, more in pages:
        assert f"{EARLIER} the address of far has changed since served ran." in words(app(page, project=far, **more))
    body = {"name": "baseline", "model": {"max_tokens": 16}, "prompt": {"template": "{{ question }}"}}
    store.save_configuration(far, "baseline", body, fingerprint(body))
    result = store.evaluation_set(far, "questions")
    first = replace(result.examples[0], reference="1713")
    store.save_evaluation_set(far, EvaluationSet("questions", (first, *result.examples[1:])))
    text = words(app("pages/evaluation.py", project=far, evaluation_view="Results"))
    assert "the questions, the prompt and the model have changed since baseline ran" in text
    assert "the questions have changed since rag, rag-rerank ran" in text
    assert "the questions and the address of far have changed since served ran" in text


def test_a_comparison_says_that_an_address_behind_its_variants_is_another(app: App, store: Store, far: str) -> None:
    body = {"name": "plain", "model": {"endpoint": "far"}, "prompt": {"template": "{{ question }}"}}
    rows = EvaluationSet("questions", store.evaluation_set(far, "questions").examples[:2])
    comparison = start_comparison(
        store, ComparisonPlan(far, (configuration_from(body),), rows), new_id(), resources.models()
    )
    for column in comparison.runs:
        store.save_records(column[0].id, [(i, Record(e, Answer("a"))) for i, e in enumerate(rows.examples)])
        store.finish_run(column[0].id, "finished")
    page = ("pages/prompt_lab.py", {"prompts_view": "Side by side", "comparison": comparison.id})
    assert EARLIER not in words(app(page[0], project=far, **page[1]))
    save_endpoint(resources.settings(), Endpoint(name="far", base_url="http://127.0.0.1:2/v1", default_model="m"))
    text = words(app(page[0], project=far, **page[1]))
    assert f"{EARLIER} the address of far has changed since plain ran." in text


def test_the_factorial_says_what_has_changed_since_its_arms_ran(app: App, store: Store) -> None:
    store.ensure_project("p")
    store.save_documents("p", [Document("town.txt", TEXT)])
    plain, rag = Configuration(name="plain"), Configuration(name="passages", retrieval=RetrievalSpec())
    for configuration in (plain, rag):
        save_configuration(store, "p", configuration)
    examples = tuple(Example(f"{i}", f"Where does the ferry number {i} land?", "a") for i in range(8))
    where = store.save_evaluation_set("p", EvaluationSet("ferries", examples))
    root = adapters_root(resources.settings())
    root.mkdir(parents=True)
    (root / "reader.gguf").write_bytes(b"GGUF")
    write_card(root / "reader.json", {"text_format": "completion"})
    version = documents_version(store.documents("p"))
    for configuration in arm_configurations(plain, rag, ModelSpec(adapter="reader", mode="completion"), "reader"):
        behind = models_basis(configuration, resources.models())
        run = store.start_run("p", configuration.model_dump(mode="json"), configuration.fingerprint,
                              evaluation_set=where.name, set_version=where.version, judge="j",
                              metrics=("answer_f1",), total=8, documents_version=version,
                              options={BEHIND: behind})  # fmt: skip
        scores = {"answer_f1": Score("answer_f1", 0.5)}
        store.save_records(run, [(i, Record(e, Answer("a"), scores=scores)) for i, e in enumerate(examples)])
        store.finish_run(run, "finished")
    test = app("pages/finetuning_lab.py", project="p", tuning_view="2 × 2")
    assert EARLIER not in words(test)
    store.save_documents("p", [Document("town.txt", "Another text.")])
    (root / "reader.gguf").write_bytes(b"GGUF of another training")
    text = words(app("pages/finetuning_lab.py", project="p", tuning_view="2 × 2"))
    assert "the fine-tuned model has changed since fine-tuned ran" in text
    assert "the documents have changed since base + RAG ran" in text
    assert "the documents and the fine-tuned model have changed since fine-tuned + RAG ran" in text
