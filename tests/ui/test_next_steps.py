"""The adviser on the pages: what fails, its records, and a button that makes the configuration and opens the lab."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.cli.app import run as run_command
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.result import result_of
from llmopt_core.experiments.versions.training_sets import training_sets
from llmopt_core.models.endpoint_file import save_endpoint
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.runs.store import Store
from llmopt_core.runs.store_ladder import Decision
from llmopt_core.types import (
    Answer,
    Chunk,
    Document,
    EvaluationSet,
    Example,
    Hit,
    Message,
    Record,
    Score,
    Span,
    StageTrace,
)
from llmopt_ui import resources
from tests.ui.seed_outranked import OUTRANKED as SIZE
from tests.ui.seed_outranked import seed_outranked

App = Callable[..., AppTest]
PAGES = ("pages/overview.py", "pages/evaluation.py")


@pytest.fixture
def failing(store: Store) -> str:
    """A project whose run gave half of its answers without their sources, which stood at rank 9."""
    return seed_outranked(store)


def captions(test: AppTest) -> str:
    return "\n".join(caption.value for caption in test.caption).replace("\\", "")


@pytest.mark.parametrize("page", PAGES)
def test_a_step_stands_with_its_reason_its_bound_its_cost_and_links_to_its_records(
    app: App, failing: str, store: Store, page: str
) -> None:
    test = app(page, project=failing)
    assert not test.exception
    links = {link.proto.label.strip("*"): link.proto.query_string for link in test.get("page_link")}
    assert "Rerank the candidates" in links
    words = captions(test)
    assert "10 of 20 questions of rag fail because the source was found at rank 4 to 30" in words
    assert "At most +50 points" in words
    assert "**Cost:** one run over 20 questions" in words
    # Each of the ten records opens, those behind the first three in a box of their own.
    run = store.runs(failing)[0]
    for number in range(0, SIZE, 2):
        assert all(text in links[f"q{number}"] for text in (f"{run.id}", f"example=q{number}"))


def test_the_button_makes_the_configuration_and_opens_the_lab_with_both_beside_each_other(
    app: App, failing: str, store: Store
) -> None:
    test = app("pages/overview.py", project=failing)
    (button,) = [one for one in test.button if one.label.startswith("Create ")]
    button.click().run()
    assert not test.exception
    result = next(item for item in store.configurations(failing) if item.name != "rag")
    assert result.name == "rag · rerank"
    assert result.spec["retrieval"]["rerank"]["method"] == "late-interaction"
    assert test.title[0].value == "Retrieval"
    assert test.session_state["retrieval_view"] == "Whole set"
    assert (test.session_state["left"], test.session_state["right"]) == ("rag", "rag · rerank")
    # What is made is the next thing to evaluate, and not proposed once more.
    again = app("pages/overview.py", project=failing)
    links = [link.proto.label.strip("*") for link in again.get("page_link")]
    assert links.index("Evaluate 1 configuration") < links.index("Rerank the candidates")
    assert len(store.configurations(failing)) == 2


def test_a_text_of_a_user_is_no_markdown_in_a_step(app: App, failing: str, store: Store) -> None:
    run = store.runs(failing)[0]
    name = "*bold* [x](http://y) $a$ :red[b]"
    body = {**run.configuration, "name": name}
    copy = store.start_run(failing, body, "f" * 16, evaluation_set=run.evaluation_set, set_version=run.set_version,
                           judge=run.judge, metrics=run.metrics, total=SIZE)  # fmt: skip
    store.save_records(copy, list(enumerate(store.records(run.id, trace=True))))
    store.finish_run(copy, "finished")
    store.delete_runs([run.id])
    test = app("pages/overview.py", project=failing)
    assert not test.exception
    (reason,) = [one.value for one in test.caption if "questions of" in one.value and "fail because" in one.value]
    assert name not in reason
    assert r"\*bold\*" in reason


def seed_failing(store: Store, kind: str, **spec: Any) -> str:
    """A project whose run fails in half of its records in one way; returns its name."""
    store.create_project("half")
    store.save_documents("half", [Document("gold.md", "Momus was the first. " * 9)])
    examples = tuple(Example(f"q{i}", f"Question {i}?", "Momus", (Span("gold.md", 0, 5),)) for i in range(SIZE))
    saved = store.save_evaluation_set("half", EvaluationSet("places", examples))
    configuration = Configuration.model_validate({"name": "rag", "retrieval": {"top_k": 3}, **spec})
    body = configuration.model_dump(mode="json")
    store.save_configuration("half", "rag", body, configuration.fingerprint)
    run = store.start_run("half", body, configuration.fingerprint, evaluation_set=saved.name,
                          set_version=saved.version, judge="builtin", metrics=("answer_f1",), total=SIZE)  # fmt: skip
    others = [Hit(Chunk("other.md", 30 * i, 30 * i + 20, f"Text {i} of the other"), 0.2) for i in range(9)]
    gold = Hit(Chunk("gold.md", 0, 20, "Momus was the first."), 0.9)
    hits = [gold, *others[:2]]
    wordy = "Certainly! Thank you for this question. According to the passages the answer that you look for is Momus."
    records = []
    for place, example in enumerate(examples):
        is_right = place % 2 == 1
        given = hits if is_right or kind != "not-found" else others[:3]
        text = "Momus" if is_right else {"wordy": wordy, "not-found": "Wit", "unread": "The wit of old"}[kind]
        f1 = 1.0 if is_right else {"wordy": 0.11}.get(kind, 0.0)
        trace = (StageTrace("search", "dense", hits=tuple(given)), StageTrace("select", "top-k", hits=tuple(given)))
        answer = Answer(text, tuple(given), prompt=(Message("user", f"Ask {example.question}"),))
        records.append((place, Record(example, answer, trace, {"answer_f1": Score("answer_f1", f1)})))
    store.save_records(run, records)
    store.finish_run(run, "finished")
    return "half"


SHOTS = {"few_shot": {"examples": [{"question": "a", "answer": "b", "context": "c"}]},
         "system": "Answer.", "template": "{{ context }} {{ question }}"}  # fmt: skip
EXPANDED = {"top_k": 3, "search": {"method": "hybrid"}, "transform": {"method": "hyde"}}


def press(test: AppTest, label: str) -> AppTest:
    (button,) = [one for one in test.button if one.label == label]
    button.click().run()
    assert not test.exception
    return test


def notices(test: AppTest) -> str:
    return "\n".join(str(one.value) for group in (test.success, test.info, test.toast, test.warning) for one in group)


@pytest.mark.parametrize("page", PAGES)
def test_examples_are_prepared_and_the_lab_shows_them(app: App, store: Store, page: str) -> None:
    project = seed_failing(store, "wordy")
    test = press(app(page, project=project), "Create it with examples")
    made = next(item for item in store.configurations(project) if item.name == "rag · few-shot")
    assert [shot["answer"] for shot in made.spec["prompt"]["few_shot"]["examples"]] == ["Momus"] * 3
    assert test.title[0].value == "Prompts"
    assert test.session_state["prompts_view"] == "Few-shot"
    assert test.session_state["few_shot"] == "rag · few-shot"
    # They are questions that are measured on, as nothing else is there: that is said.
    assert "that it is measured on" in notices(test)


def test_good_answers_are_prepared_and_fine_tuning_shows_them(app: App, store: Store) -> None:
    project = seed_failing(store, "wordy", prompt=SHOTS)
    test = press(app("pages/overview.py", project=project), "Prepare the training set")
    assert test.title[0].value == "Fine-tuning"
    assert test.session_state["tuning_view"] == "Training data"
    (version,) = training_sets(store, project)
    assert test.session_state["tuning_saved"] == version.label
    assert [example.answer for example in version.train.examples] == ["Momus"] * 10
    assert "10 good answers of rag" in notices(test)


def test_the_embedding_model_opens_with_the_set_and_the_search_of_the_run(app: App, store: Store) -> None:
    project = seed_failing(store, "not-found", retrieval=EXPANDED)
    test = press(app("pages/overview.py", project=project), "Pair its questions with their sources")
    assert test.title[0].value == "Fine-tuning"
    assert test.session_state["tuning_view"] == "Embedding model"
    assert test.selectbox(key="embedder_set").value == "places"
    assert test.selectbox(key="embedder_base").value == "rag"


def test_a_stronger_model_is_chosen_and_the_run_form_opens_with_both(app: App, store: Store) -> None:
    save_endpoint(resources.settings(), Endpoint(name="big", base_url="http://127.0.0.1:9/v1", models=("large",)))
    project = seed_failing(store, "unread", prompt=SHOTS, retrieval={"top_k": 1}, model={"adapter": "tone"})
    test = app("pages/overview.py", project=project)
    assert "Try a stronger model" in {link.proto.label.strip("*") for link in test.get("page_link")}
    place = next(box.key for box in test.selectbox if (box.key or "").startswith("step_endpoint"))
    test.selectbox(key=place).set_value("big").run()
    name = next(box.key for box in test.selectbox if (box.key or "").startswith("step_model_name"))
    test.selectbox(key=name).set_value("large").run()
    press(test, "Create it and open Run")
    assert test.title[0].value == "Evaluation"
    assert test.session_state["evaluation_view"] == "Run"
    assert test.session_state["run_configurations"] == ["rag", "rag · large"]
    made = next(item for item in store.configurations(project) if item.name == "rag · large")
    assert (made.spec["model"]["endpoint"], made.spec["model"]["name"], made.spec["model"]["adapter"]) == (
        "big", "large", "",
    )  # fmt: skip


def test_a_first_configuration_is_one_click(app: App, store: Store) -> None:
    store.create_project("new")
    store.save_documents("new", [Document("a.md", "Text.")])
    store.save_evaluation_set("new", EvaluationSet("q", (Example("1", "Who?", "Ada"),)))
    test = press(app("pages/overview.py", project="new"), "Create baseline")
    assert [item.name for item in store.configurations("new")] == ["baseline"]
    assert test.title[0].value == "Evaluation"
    assert test.session_state["evaluation_view"] == "Configurations"


def test_pages_and_command_line_say_the_same_of_the_same_runs(app: App, store: Store, tmp_path: Path) -> None:
    project = seed_failing(store, "wordy")
    first = store.runs(project)[0]
    # One more that was tried, dropped, and would lead.
    body = {**first.configuration, "name": "shots", "prompt": SHOTS}
    other = store.start_run(project, body, "5" * 16, evaluation_set=first.evaluation_set,
                            set_version=first.set_version, judge=first.judge, metrics=first.metrics,
                            total=SIZE)  # fmt: skip
    good = [replace(record, scores={"answer_f1": Score("answer_f1", 1.0)}) if place < 2 else record
            for place, record in enumerate(store.records(first.id, trace=True))]  # fmt: skip
    store.save_records(other, list(enumerate(good)))
    store.finish_run(other, "finished")
    store.save_configuration(project, "shots", body, "5" * 16)

    def steps(page: str) -> list[tuple[str, ...]]:
        test = app(page, project=project)
        links = [link.proto.label.strip("*").replace("\\", "") for link in test.get("page_link")]
        words = captions(test)
        return [(step["title"],) for step in told() if step["title"] in links and step["reason"] in words
                and step["cost"] in words]  # fmt: skip

    def told() -> list[dict[str, Any]]:
        file, out = tmp_path / "result.json", tmp_path / "advice.json"
        file.write_text(json.dumps(result_of(store, [first.id, other])), "utf-8")
        assert run_command(["advise", str(file), "--json", str(out)]) == 0
        return list(json.loads(out.read_text("utf-8"))["steps"])

    assert "of shots fail" in told()[0]["reason"]
    assert all(steps(page) == [(step["title"],) for step in told()] for page in PAGES)
    store.save_decision(project, Decision(other, "dropped", "too dear"))
    assert "of rag fail" in told()[0]["reason"]
    assert "few-shot" not in [step["rule"] for step in told()]
    assert all(steps(page) == [(step["title"],) for step in told()] for page in PAGES)
