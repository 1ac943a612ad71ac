"""Which sets may be trained on by default, and how much of a set training takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from llmopt_core.finetuning.data.examples import chat_example
from llmopt_core.labs.finetuning.embedder import EMBEDDER
from llmopt_core.labs.finetuning.held_out_sets import find_held_out_sets, find_set_use, usual_runs, usual_source
from llmopt_core.labs.finetuning.preparation import Preparation, prepare
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_core.types import EvaluationSet, Example


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(Settings(home=tmp_path))
    opened.ensure_project("p")
    yield opened
    opened.close()


def measured(store: Store, name: str) -> int:
    return store.start_run("p", {"name": name}, name, evaluation_set=name, set_version="1", judge="j", metrics=(),
                           total=1)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "held_back"),
    [
        ("snips-test", True),
        ("Test", True),
        ("squad_test_v2", True),
        ("zh-embedder-held-back", True),
        ("holdout 2026", True),
        ("测试集", True),
        ("general-questions", True),
        ("questions", False),
        ("latest", False),
        ("protest songs", False),
        ("contest", False),
    ],
)
def test_names_say_what_is_for_measuring_alone(store: Store, name: str, held_back: bool) -> None:
    assert (find_held_out_sets(store, "p", [name]) == {name}) is held_back


def test_what_an_embedding_model_was_kept_from_is_held_back_whatever_its_name(store: Store) -> None:
    store.save_version("p", EMBEDDER, "zh", {"job": "1", "plan": {"held_back_set": "mine"}})
    assert find_held_out_sets(store, "p", ["mine", "yours"]) == {"mine"}
    assert usual_source(store, "p", ["mine", "yours"]) == "yours"
    assert usual_source(store, "p", ["mine"]) is None


def test_what_was_not_measured_with_is_the_usual_source(store: Store) -> None:
    measured(store, "evaluated")
    assert usual_source(store, "p", ["evaluated", "for training", "other"]) == "for training"
    assert usual_source(store, "p", ["snips-test", "evaluated"]) == "evaluated"
    assert usual_source(store, "p", []) is None


def test_runs_on_held_back_sets_are_no_usual_source_of_answers(store: Store) -> None:
    first, last = measured(store, "questions"), measured(store, "questions-test")
    runs = store.runs("p")
    assert [run.id for run in runs] == [last, first]
    assert [run.id for run in usual_runs(store, "p", runs)] == [first]


def test_it_is_said_how_many_questions_of_a_set_go_into_training() -> None:
    questions = EvaluationSet(
        "questions", tuple(Example(f"q{i}", f"Who built the bridge number {i}?") for i in range(6))
    )
    other = EvaluationSet("other", (Example("a", "What is a fjord?"),))
    examples = [chat_example(f"Question: {e.question}\nAnswer:", "a") for e in questions.examples[:4]]
    (use,) = find_set_use([*examples, chat_example("Who built teh bridge number 5?", "a")], [questions, other])
    assert (use.name, use.exact, use.near) == ("questions", 4, 1)
    assert use.sentence == (
        "5 of the 6 questions of questions go into training (4 word for word, 1 nearly): "
        "measure what is fine-tuned on them with other questions."
    )


def test_what_is_left_out_of_training_is_what_a_run_would_be_told_of() -> None:
    questions = EvaluationSet("s", (Example("a", "What is the capital of France?"), Example("b", "Boiling point?")))
    examples = [
        chat_example("What's the capital of France?", "Paris"),
        chat_example("Question: Boiling point?\nAnswer:", "100"),
        chat_example("Which town is it that lies farthest north?", "Lima"),
    ]
    result = prepare(examples, Preparation(validation_share=0.0), [questions])
    assert [example.answer for example in result.train] == ["Lima"]
    assert result.drops == {"leaking": 2}
    assert find_set_use(result.train, [questions]) == []
