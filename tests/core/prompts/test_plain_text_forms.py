"""Texts under other names become question and answer, or their form is named; for training and few-shot files alike."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.finetuning.data.reading import read_examples
from llmopt_core.prompts.few_shot_files import read_few_shot

READ = [
    {"problem": "q", "solution": "a"},
    {"source": "q", "target": "a"},
    {"src": "q", "tgt": "a"},
    {"article": "q", "highlights": "a"},
    {"dialogue": "q", "summary": "a"},
    {"text": "q", "label": "a"},
    {"sentence": "q", "label": "a"},
    {"input": "q", "label": "a"},
    {"dialog": ["q", "a"]},
    {"id": "1", "data": ["q", "a"]},
    {"data": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
    {"conversation": ["q", "a"]},
    {"conversation": [{"human": "q", "assistant": "a"}]},
    {"conversation": [{"system": "", "input": "q", "output": "a"}]},
    {"question": "q", "answers": {"text": ["a", "b"], "answer_start": [0, 1]}},
    {"question": "q", "answers": ["a"]},
    {"Problem": "q", "Solution": "a"},
    ["q", "a"],
]


def trained(value: Any) -> list[Any]:
    line = json.dumps(value)
    return list(read_examples(f"{line}\n{line}\n".encode(), "x.jsonl"))


@pytest.mark.parametrize("value", READ, ids=json.dumps)
def test_texts_under_other_names_are_read(value: Any) -> None:
    talk = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    assert [(raw.value, raw.problem) for raw in trained(value)] == [({"messages": talk}, "")] * 2
    assert all(raw.form for raw in trained(value))
    result = read_few_shot(json.dumps(value), "x.jsonl")
    assert [{name: example[name] for name in ("question", "answer")} for example in result] == [
        {"question": "q", "answer": "a"}
    ]


NAMED = [
    ({"premise": "A", "hypothesis": "B", "label": 1}, "two texts and a label"),
    ({"premise": "A", "hypothesis": "B", "label": "entailment"}, "two texts and a label"),
    ({"text": "a", "label": 1}, "its label is 1; expected the word"),
    ({"dialog": ["a", "b", "c"]}, "its 3 turns end with the one who asks"),
    (["a", "b", "c"], "a list of 3 texts"),
    ({"translation": {"en": "a", "de": "b"}}, "which language is the question"),
    ({"question": "q", "answers": {"text": []}}, "it has no answer"),
    ({"question": "q", "choices": ["a", "b"]}, "which of its choices is right"),
    ({"prompt": "q", "responses": ["a", "b"]}, "expected one answer, or pairs"),
    ({"query": "q", "positive": "p", "negative": "n"}, "train an embedding model"),
]


@pytest.mark.parametrize(("value", "why"), NAMED, ids=str)
def test_forms_that_are_no_answers_are_named(value: Any, why: str) -> None:
    first = trained(value)[0]
    assert first.form
    assert why in first.problem
    with pytest.raises(BadInput, match=r"x\.jsonl line 1: of the form"):
        read_few_shot(json.dumps(value), "x.jsonl")


@pytest.mark.parametrize(
    "value",
    [
        {"question": "Which?", "choices": ["one", "two"], "answer": 1},
        {"question": "Which?", "options": {"A": "one", "B": "two"}, "answer": "B"},
        {"question": "Which?", "choices": {"text": ["one", "two"], "label": ["A", "B"]}, "answerKey": "B"},
    ],
)
def test_choices_stand_below_their_question(value: dict[str, Any]) -> None:
    (asked, said) = trained(value)[0].value["messages"]
    assert (asked["content"], said["content"]) == ("Which?\n\nA. one\nB. two", "B")


def test_a_dialog_keeps_its_system_message_and_earlier_turns() -> None:
    talk = {"conversation": [{"system": "Be brief.", "input": "q", "output": "a"}, {"input": "r", "output": "b"}]}
    assert [m["content"] for m in trained(talk)[0].value["messages"]] == ["Be brief.", "q", "a", "r", "b"]
    pair = {"prompt": "r", "response": "b", "history": [["q", "a"]]}
    assert [m["content"] for m in trained(pair)[0].value["messages"]] == ["q", "a", "r", "b"]


def test_few_shot_sets_keep_the_columns_beside_the_two_texts() -> None:
    line = json.dumps({"text": "q", "label": "a", "topic": "pets"})
    assert read_few_shot(line, "x.jsonl") == [{"question": "q", "answer": "a", "topic": "pets"}]


def test_tables_of_problems_and_solutions_are_read() -> None:
    table = "problem,solution\nq,a\n"
    assert read_few_shot(table, "x.csv") == [{"question": "q", "answer": "a"}]
    (raw,) = read_examples(table.encode(), "x.csv")
    assert [m["content"] for m in raw.value["messages"]] == ["q", "a"]
