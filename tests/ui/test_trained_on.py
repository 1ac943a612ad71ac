"""The pages say which scores are owed to training on the questions, and which runs were made over other documents."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from llmopt_core.evaluation.judge_agreement import JUDGE
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.experiment import save_configuration
from llmopt_core.experiments.keys import documents_version
from llmopt_core.experiments.training_overlap import TrainedPart, TrainingOverlap
from llmopt_core.experiments.versions.training_sets import save_training_set
from llmopt_core.finetuning.data.examples import TrainingSet, chat_example
from llmopt_core.finetuning.jobs.job import JobRequest
from llmopt_core.finetuning.jobs.new_folder import new_folder
from llmopt_core.finetuning.training.adapters import CARD, adapters_root, embeddings_root, write_card
from llmopt_core.labs.finetuning.factorial import arm_configurations
from llmopt_core.models.base import EmbeddingSpec, ModelSpec
from llmopt_core.prompts.spec import PromptSpec
from llmopt_core.retrieval.spec import RetrievalSpec
from llmopt_core.runs.codec import pack
from llmopt_core.runs.store import Store
from llmopt_core.runs.tables_runs import runs as runs_table
from llmopt_core.runs.values import Status
from llmopt_core.types import Answer, Document, EvaluationSet, Example, Record, Score, Usage
from llmopt_ui import resources

App = Callable[..., AppTest]
SENTENCE = "20 of 24 questions stand in the training data of mine"
PART = TrainedPart(kind="model", name="mine", source="fine-tuning job 1", exact=18, near=2)
SEEN = TrainingOverlap(questions=24, exact=18, near=2, parts=(PART,))


def words(test: AppTest) -> str:
    return "\n".join(str(part.value) for part in (*test.caption, *test.markdown, *test.text)).replace("\\", "")


def table(test: AppTest) -> str:
    """The leaderboard with its leading metrics."""
    return str(test.table[0].value.to_csv()).replace("\\", "")


@pytest.fixture
def tuned(store: Store, used: str) -> int:
    """A run of a tuned model that is right throughout, on questions of which it was trained on twenty."""
    body = {"name": "tuned", "model": {"adapter": "mine", "max_tokens": 32}, "prompt": {"template": "{{ question }}"}}
    adapters_root(resources.settings()).mkdir(parents=True, exist_ok=True)
    (adapters_root(resources.settings()) / "mine.gguf").write_bytes(b"GGUF")
    store.save_configuration(used, "tuned", body, "f" * 16)
    versions = store.evaluation_sets(used)[0]
    run = store.start_run(used, body, "f" * 16, evaluation_set=versions.name, set_version=versions.version,
                          judge=JUDGE, metrics=("answer_relevancy", "answer_f1"), total=24,
                          training=SEEN.model_dump(mode="json"))  # fmt: skip
    examples = store.evaluation_set(used, versions.name).examples
    scores = {name: Score(name, 1.0) for name in ("answer_relevancy", "answer_f1")}
    answer = Answer("a", usage=Usage(10, 2, 0.0, 1), seconds=0.1)
    store.save_records(run, [(i, Record(e, answer, scores=scores)) for i, e in enumerate(examples)])
    store.finish_run(run, "finished", seconds=3)
    return run


def made_over(store: Store, run_id: int, version: str, status: Status) -> None:
    """Let a run be one over documents of this version."""
    store.resume_run(run_id, documents_version=version)
    store.finish_run(run_id, status)


def hatched(figure: dict) -> dict[str, list[str]]:
    return {bar["name"]: bar["marker"]["pattern"].get("shape", "") for bar in figure["data"]
            if bar["type"] == "bar" and "name" in bar}  # fmt: skip


def test_results_show_it_in_red_hatch_the_bars_and_never_say_better(app: App, used: str, tuned: int) -> None:
    test = app("pages/evaluation.py", project=used, evaluation_view="Results")
    assert not test.exception
    assert f":red[:material/warning: tuned: {SENTENCE} (18 word for word, 2 nearly)" in words(test)
    row = table(test).split("\n3,")[1]
    assert ":red[trained on 20 of these 24 questions]" in row
    assert ":red[≠ not comparable]" in row
    assert "better" not in row
    finding = next(str(m.value) for m in test.markdown if "**tuned**" in str(m.value) and "on Answer" in str(m.value))
    assert "better" not in finding
    chart = json.loads(test.get("plotly_chart")[0].proto.spec)
    shapes = hatched(chart)
    assert set(shapes["tuned (trained on these questions)"]) == {"/"}
    assert "/" not in shapes["rag"]


def test_the_overview_lets_it_lead_nothing(app: App, used: str, tuned: int) -> None:
    test = app("pages/overview.py", project=used)
    assert not test.exception
    assert f"tuned: {SENTENCE}" in words(test)
    assert "trained on 20 of these 24 questions" in table(test)
    assert "≠ not comparable" in table(test)
    links = json.dumps([link.proto.label for link in test.get("page_link")])
    assert "Add fresh questions" in links
    assert "tuned was trained on 20 of its 24 questions" in words(test)
    chart = json.loads(test.get("plotly_chart")[1].proto.spec)
    assert "trained on it" in json.dumps(chart)
    assert "Answer F1 1.00" not in json.dumps(chart)


def test_an_old_run_of_an_adapter_without_a_card_has_unknown_training_data(
    app: App, store: Store, used: str, tuned: int
) -> None:
    with store.database.write() as connection:
        connection.execute(sa.update(runs_table).values(training=None))
    test = app("pages/evaluation.py", project=used, evaluation_view="Results")
    assert "tuned: Training data unknown: mine may have learned from these questions." in words(test)
    assert ":orange[training data unknown]" in table(test)


def test_runs_over_other_documents_are_marked(app: App, store: Store, used: str) -> None:
    newest = [run.id for run in store.runs(used)][:2]
    for run_id, version in zip(newest, ("a" * 16, "b" * 16), strict=True):
        made_over(store, run_id, version, "finished")
    for page, more in (("pages/evaluation.py", {"evaluation_view": "Results"}), ("pages/overview.py", {})):
        test = app(page, project=used, **more)
        assert not test.exception
        assert (
            "These runs were made over different documents (rag: documents bbbbbb; rag-rerank: documents aaaaaa)"
            in (words(test))
        )
        assert ":orange[documents bbbbbb]" in table(test)
        assert table(test).count("documents ") == 2, "the plain baseline needs none"


def test_a_run_over_other_documents_cannot_be_resumed_by_its_button(app: App, store: Store, used: str) -> None:
    run = store.runs(used)[0]
    made_over(store, run.id, documents_version(store.documents(used)), "cancelled")
    test = app("pages/evaluation.py", project=used, evaluation_view="Run")
    assert not test.button(key=f"run_resume_{run.id}").disabled
    store.save_documents(used, [Document("harbour.md", "The harbour was built in 1713.")])
    test = app("pages/evaluation.py", project=used, evaluation_view="Run")
    assert test.button(key=f"run_resume_{run.id}").disabled
    assert "was made over other documents than the project has now" in words(test)


def test_the_factorial_hatches_the_tuned_arms_and_calls_none_of_them_best(app: App, store: Store) -> None:
    store.ensure_project("p")
    plain = Configuration(name="plain", prompt=PromptSpec(template="Question: {{ question }}\nAnswer:"))
    prompt = PromptSpec(template="Passage: {{ context }}\nQuestion: {{ question }}\nAnswer:")
    rag = Configuration(name="passages", prompt=prompt, retrieval=RetrievalSpec())
    for configuration in (plain, rag):
        save_configuration(store, "p", configuration)
    examples = tuple(Example(f"{i}", f"Where does the ferry number {i} land?", "a") for i in range(30))
    where = store.save_evaluation_set("p", EvaluationSet("ferries", examples))
    settings = resources.settings()
    data = TrainingSet("d", tuple(chat_example(f"Question: {e.question}\nAnswer:", "a") for e in examples[:26]))
    folder = new_folder(settings, JobRequest(name="reader"), "lora", data, None)
    folder.update_state(status="finished", tuned_model="reader")
    adapters_root(settings).mkdir(parents=True)
    (adapters_root(settings) / "reader.gguf").write_bytes(b"GGUF")
    write_card(adapters_root(settings) / "reader.json", {"text_format": "completion", "job_id": folder.id})
    four = arm_configurations(plain, rag, ModelSpec(adapter="reader", mode="completion"), "reader")
    for configuration, score in zip(four, (0.0, 0.33, 0.66, 1.0), strict=True):
        run_id = store.start_run("p", configuration.model_dump(mode="json"), configuration.fingerprint,
                               evaluation_set=where.name, set_version=where.version, judge="j",
                               metrics=("answer_f1",), total=30)  # fmt: skip
        answer, scores = Answer("a", usage=Usage(50, 5, None, 1)), {"answer_f1": Score("answer_f1", score)}
        store.save_records(run_id, [(i, Record(e, answer, scores=scores)) for i, e in enumerate(examples)])
        store.finish_run(run_id, "finished")
    test = app("pages/finetuning_lab.py", project="p", tuning_view="2 × 2")
    assert not test.exception
    text = words(test)
    sentence = "26 of 30 questions stand in the training data of reader (word for word)"
    assert text.count(sentence) == 1
    assert f":red[:material/warning: fine-tuned, fine-tuned + RAG: {sentence}" in text
    assert "Highest of those not trained on these questions: **base + RAG**" in text
    answers = test.table[1].value
    assert answers["Verdict"].str.contains("better").tolist() == [False, False, True, False, False]
    assert answers["Verdict"].str.contains("not comparable").tolist() == [True, True, False, True, True]
    chart = json.loads(next(c for c in test.get("plotly_chart") if "Plain" in c.proto.spec).proto.spec)
    shapes = [bar["marker"]["pattern"]["shape"] for bar in chart["data"] if bar["type"] == "bar"]
    assert shapes == [[""], [""], ["/"], ["/"]]
    assert "get better" not in text


def test_no_source_of_training_data_begins_with_a_held_back_set(app: App, store: Store, used: str) -> None:
    examples = store.evaluation_set(used, "questions").examples
    store.save_evaluation_set(used, EvaluationSet("questions-test", examples[:8]))
    newest = store.start_run(used, {"name": "rag"}, "f" * 16, evaluation_set="questions-test", set_version="1",
                             judge="j", metrics=("answer_f1",), total=1)  # fmt: skip
    record = Record(examples[0], Answer("a"), scores={"answer_f1": Score("answer_f1", 1.0)})
    store.save_records(newest, [(0, record)])
    store.finish_run(newest, "finished")
    (resources.settings().home / "endpoints.yaml").write_text("teacher:\n  base_url: http://127.0.0.1:9/v1\n")
    test = app("pages/finetuning_lab.py", project=used)
    assert not test.exception
    assert test.selectbox(key="pairs_set").value == test.selectbox(key="distil_set").value == "questions"
    assert test.selectbox(key="tuning_run").value != newest
    test = app("pages/finetuning_lab.py", project=used, tuning_view="Next to label")
    assert newest not in test.multiselect(key="label_runs").value
    test = app("pages/finetuning_lab.py", project=used, tuning_view="Embedding model")
    assert test.selectbox(key="embedder_set").value == "questions"
    store.delete_evaluation_set(used, "questions")
    test = app("pages/finetuning_lab.py", project=used)
    assert test.selectbox(key="pairs_set").value is None
    test = app("pages/finetuning_lab.py", project=used, tuning_view="Embedding model")
    assert not test.exception
    assert test.selectbox(key="embedder_set").value is None


def test_the_form_of_a_job_says_how_many_evaluation_questions_it_trains_on(app: App, store: Store, used: str) -> None:
    questions = store.evaluation_set(used, "questions").examples
    examples = [chat_example(example.question, "an answer") for example in questions[:20]]
    save_training_set(store, used, "leaky", examples[:16], examples[16:])
    test = app("pages/finetuning_lab.py", project=used, tuning_view="Jobs")
    assert not test.exception
    sentence = ":red[:material/warning: 20 of the 24 questions of questions go into training"
    assert sentence in words(test)


def test_the_retrieval_lab_says_it_of_a_tuned_embedding_model(app: App, store: Store, used: str) -> None:
    questions = store.evaluation_set(used, "questions").examples
    settings = resources.settings()
    data = TrainingSet("d", tuple(chat_example(example.question, "a passage") for example in questions[:9]))
    folder = new_folder(settings, JobRequest(name="near"), "embedding", data, None)
    model = embeddings_root(settings) / "near"
    model.mkdir(parents=True)
    (model / "modules.json").write_text("[]")
    write_card(model / CARD, {"job_id": folder.id})
    retrieval = RetrievalSpec(embedding=EmbeddingSpec(model=str(model)))
    save_configuration(store, used, Configuration(name="near", retrieval=retrieval))
    test = app("pages/retrieval_lab.py", project=used, retrieval_view="Whole set", left="near")
    assert not test.exception
    assert "near: 9 of 24 questions stand in the training data of near (word for word)" in words(test)


def test_runs_whose_documents_have_changed_since_are_named(app: App, store: Store, used: str) -> None:
    version = documents_version(store.documents(used))
    for run in store.runs(used):
        made_over(store, run.id, version, "finished")
    note = "From an earlier state: the documents have changed since rag, rag-rerank ran."
    for page, more in (("pages/evaluation.py", {"evaluation_view": "Results"}), ("pages/overview.py", {})):
        assert note not in words(app(page, project=used, **more))
    store.save_documents(used, [Document("harbour.md", "The harbour was built in 1713.")])
    for page, more in (("pages/evaluation.py", {"evaluation_view": "Results"}), ("pages/overview.py", {})):
        test = app(page, project=used, **more)
        assert not test.exception
        assert note in words(test)


def test_head_to_head_says_what_was_trained_or_chosen_on_the_questions(
    app: App, store: Store, used: str, tuned: int
) -> None:
    settings = TrainedPart(kind="chunking", source="chunk sweep on questions", exact=24)
    overlap = SEEN.model_copy(update={"chosen": 24, "parts": (PART, settings)})
    with store.database.write() as connection:
        connection.execute(
            sa.update(runs_table).where(runs_table.c.id == tuned).values(training=pack(overlap.model_dump(mode="json")))
        )
    test = app("pages/evaluation.py", project=used, evaluation_view="Head to head", a="baseline", b="tuned")
    assert not test.exception
    assert SENTENCE in words(test)
    assert "24 of 24 questions chose the chunking (chunk sweep on questions): its score here flatters it" in words(test)
