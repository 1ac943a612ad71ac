"""A model that learned to read passages: how it is shown, how it is asked, and whether it pays."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.experiment import save_configuration
from llmopt_core.experiments.versions.training_sets import save_training_set
from llmopt_core.finetuning.data.examples import TrainingSet, chat_example
from llmopt_core.finetuning.jobs.folder import JobFolder
from llmopt_core.finetuning.jobs.job import JobRequest
from llmopt_core.finetuning.jobs.new_folder import new_folder
from llmopt_core.finetuning.training.adapters import adapters_root, write_card
from llmopt_core.labs.finetuning.factorial import arm_configurations
from llmopt_core.models.base import ModelSpec
from llmopt_core.prompts.spec import PromptSpec
from llmopt_core.retrieval.spec import RetrievalSpec
from llmopt_core.runs.store import Store
from llmopt_core.types import Answer, EvaluationSet, Example, Record, Score, Usage
from llmopt_ui import resources

App = Callable[..., AppTest]
PAGE = "pages/finetuning_lab.py"
FILLER = "of which much more could be told than is of use here " * 4
READING = [
    chat_example(f"Copy the answer.\n\nPassage: place {i} {FILLER}\nQuestion: where is {i}?\nAnswer:", f"place {i}")
    for i in range(20)
]
PLAIN = Configuration(name="plain", prompt=PromptSpec(template="Question: {{ question }}\nAnswer:"))
RAG = Configuration(
    name="with passages",
    prompt=PromptSpec(system="Copy the answer.", template="Passage: {{ context }}\nQuestion: {{ question }}\nAnswer:"),
    retrieval=RetrievalSpec(),
)


def words(test: AppTest) -> str:
    return "\n".join(str(part.value) for part in (*test.caption, *test.markdown, *test.text))


@pytest.fixture
def reader(store: Store) -> JobFolder:
    """A finished job on passages, in a project with two configurations and a set of questions."""
    settings = resources.settings()
    store.ensure_project("p")
    for configuration in (PLAIN, RAG):
        save_configuration(store, "p", configuration)
    request = JobRequest(name="reader", hyperparameters={"text_format": "completion"})
    held = TrainingSet("held", tuple(READING[:12]))
    folder = new_folder(settings, request, "lora", TrainingSet("reading", tuple(READING)), held)
    for step in range(1, 21):
        valid = {"valid_loss": 1.0 + 2.0 / step} if step % 4 == 0 else {}
        folder.append("metrics.jsonl", {"step": step, "train_loss": 1.0 + 3.0 / step, **valid})
    for number in range(12):
        folder.append("validation_losses.jsonl", {"number": number, "loss": 0.1 * number, "tokens": 4})
    folder.update_state(status="finished", step=20, total_steps=20, tuned_model="reader")
    adapters_root(settings).mkdir(parents=True)
    (adapters_root(settings) / "reader.gguf").write_bytes(b"GGUF")
    write_card(adapters_root(settings) / "reader.json", {"text_format": "completion", "job_id": folder.id})
    store.save_evaluation_set("p", EvaluationSet("general-questions", (Example("g", "2 + 2?", "4"),)))
    store.save_evaluation_set("p", EvaluationSet("places", (Example("q", "where is it?", "place"),)))
    store.save_evaluation_set("p", EvaluationSet("general-questions", (Example("g", "2 + 3?", "5"),)))
    return folder


def test_it_is_evaluated_as_it_was_trained_on_questions_of_its_kind(app: App, store: Store, reader: JobFolder) -> None:
    test = app(PAGE, project="p", tuning_view="Jobs")
    assert not test.exception
    assert test.selectbox(key=f"tuning_asked_{reader.id}").value == "with passages"
    test.button(key=f"tuning_evaluate_{reader.id}").click().run()
    assert not test.exception
    assert test.multiselect(key="run_configurations").value == ["with passages", "with passages · reader"]
    assert test.selectbox(key="run_set").value == "places"
    (results,) = [item for item in store.configurations("p") if item.name == "with passages · reader"]
    assert results.spec["model"]["adapter"] == "reader"
    assert results.spec["retrieval"]


def test_where_nothing_asks_as_it_was_trained_the_page_says_so(app: App, store: Store, reader: JobFolder) -> None:
    store.ensure_project("other")
    test = app(PAGE, project="other", tuning_view="Jobs")
    assert not test.exception
    assert test.selectbox(key=f"tuning_asked_{reader.id}").value == "As its training examples ask"
    assert "hold more than a question each" in words(test)


def test_validation_examples_are_told_apart_by_their_questions(app: App, store: Store, reader: JobFolder) -> None:
    test = app(PAGE, project="p", tuning_view="Jobs")
    worst, best = [t.value for t in test.dataframe if "Wanted answer" in t.value.columns]
    assert worst["Question"].tolist() == [f"… Question: where is {i}?" for i in (11, 10, 9, 8, 7)]
    assert best["Question"].tolist() == [f"… Question: where is {i}?" for i in range(5)]
    assert [caption.value for caption in test.caption].count("A good fit.") == 0
    assert "Both losses fell and levelled off together." in words(test)


def test_saving_with_worse_answers_is_called_so(app: App, store: Store, reader: JobFolder) -> None:
    where = store.save_evaluation_set(
        "p", EvaluationSet("many", tuple(Example(f"{i}", f"{i}?", "a") for i in range(30)))
    )
    four = arm_configurations(PLAIN, RAG, ModelSpec(adapter="reader", mode="completion"), "reader")
    for configuration, score, step in zip(four, (0.1, 0.8, 0.2, 0.9), (1, 2, 3, 4), strict=True):
        run_id = store.start_run("p", configuration.model_dump(mode="json"), configuration.fingerprint,
                               evaluation_set=where.name, set_version=where.version, judge="j",
                               metrics=("answer_f1",), total=30)  # fmt: skip
        tokens = 400 if configuration.retrieval else 50
        store.save_records(run_id, [
            (i, Record(e, Answer("a", usage=Usage(tokens, 5, None, 1), seconds=0.5),
                       scores={"answer_f1": Score("answer_f1", score + i % 3 * step / 100)}))
            for i, e in enumerate(store.evaluation_set("p", "many").examples)
        ])  # fmt: skip
        store.finish_run(run_id, "finished")
    test = app(PAGE, project="p", tuning_view="2 × 2")
    assert not test.exception
    assert "The answers get worse: that is paid with quality" in words(test)
    test.selectbox(key="pay_base").set_value("base").run()
    assert "The answers get better too" in words(test)
    assert r"+0\.12 " in words(test)
    test.selectbox(key="pay_tuned").set_value("fine-tuned + RAG").run()
    assert "The answers get better too" in words(test)
    assert r"+0\.83 " in words(test)


def test_what_is_rare_stands_above_what_is_everywhere(app: App, store: Store) -> None:
    store.ensure_project("p")
    odd = [chat_example("how tall is the tower?", answer) for answer in ("90 m", "ninety metres and more")]
    save_training_set(store, "p", "reading", [*READING, *odd])
    test = app(PAGE, project="p", tuning_view="Lint")
    assert not test.exception
    (table,) = [t.value for t in test.dataframe if "What" in t.value.columns]
    assert table["What"].iloc[0] == "the same input as line 21, with another answer"
    assert table["Kind"].iloc[-1] == "No system message"


def test_a_link_with_the_former_name_of_a_tab_opens_it(app: App, used: str, store: Store) -> None:
    examples = [chat_example(f"What is {number} and one?", str(number + 1)) for number in range(12)]
    save_training_set(store, used, "sums", examples)
    test = app(PAGE, project=used, tuning_view="Checks")
    assert not test.exception
    assert "Evaluation sets to keep apart" in [one.label for one in test.multiselect]
