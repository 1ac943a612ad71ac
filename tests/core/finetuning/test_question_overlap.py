"""Which evaluation questions stand in training texts."""

import json
from pathlib import Path

import pytest

from llmopt_core.documents.questions import load_questions
from llmopt_core.finetuning.data.examples import chat_example, preference_example
from llmopt_core.finetuning.data.files import load_training_set
from llmopt_core.finetuning.data.question_overlap import find_question_overlap, user_texts

SAMPLES = Path(__file__).parents[3] / "sample_data" / "finetuning"
QUESTIONS = [
    "When did the Panama Canal open to ships?",
    "Who discovered penicillin?",
    "巴拿马运河是什么时候通航的？",
    "Which river flows through Cologne?",
]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("  who discovered  PENICILLIN ", {1: "exact"}),
        ("Who discoverd penicillin?", {1: "near"}),
        ("巴拿马运河什么时候通航的？", {2: "near"}),
        ("Question: Who discovered penicillin?\nAnswer:", {1: "exact"}),
        ("Passage: Some words about mould.\nQuestion: Who discoverd penicillin?\nAnswer:", {1: "near"}),
        ("Passage: words.\n问题：巴拿马运河是什么时候通航的？\n回答：", {2: "exact"}),
        ("Use the passage to say: when did the Panama Canal open to ships? Be brief.", {0: "exact"}),
        ("Please tell me: which river flows through Cologne?", {3: "exact"}),
        (
            "Passage: The Panama Canal did open to ships in 1914, when it was done.\nQuestion: Who built it?\nAnswer:",
            {},
        ),
        ("Tell me when the Panama Canal did open to ships in the end", {}),
        ("Who discovered penicillin, who discovered radium, and who was first to see a cell?", {}),
        ("Who painted the Mona Lisa?", {}),
        ("When did the Panama Canal first open to ships?", {0: "near"}),
        ("Who really discovered penicillin?", {}),
        ("Passage: The river that flows through Cologne is the Rhine.\nQuestion: How long is it?\nAnswer:", {}),
        ("Hello! Which river flows through Cologne, please?", {3: "exact"}),
        ("So which of the rivers flows through Cologne?", {}),
        ("", {}),
    ],
)
def test_a_question_is_found_whole_nearly_or_not(text: str, found: dict[int, str]) -> None:
    assert find_question_overlap(QUESTIONS, [text]) == found


def test_every_question_of_a_prompt_is_found_not_only_the_nearest() -> None:
    alike = ["When did the Panama Canal open to ships?", "When did the Panama Canal open to the ships?"]
    assert find_question_overlap(alike, [alike[0]]) == {0: "exact", 1: "near"}


def test_questions_about_other_things_are_different_however_alike_they_are() -> None:
    capitals = ["What is the capital of France?", "What is the capital of the German Empire?", "黄金的化学符号是什么？"]
    others = ["What is the capital of Peru?", "What is the capital of the Roman Empire?", "白银的化学符号是什么？"]
    assert find_question_overlap(capitals, others) == {}
    assert find_question_overlap(capitals, ["Say, what is the capital of that France?"]) == {0: "near"}


def test_questions_that_differ_in_a_figure_are_different() -> None:
    questions = [f"How many ships passed the canal in 19{year}?" for year in range(30, 60)]
    assert find_question_overlap(questions, questions[:20]) == dict.fromkeys(range(20), "exact")
    prompts = [f"Passage: In 1959 many passed.\nQuestion: {question}\nAnswer:" for question in questions[:20]]
    assert find_question_overlap(questions[:29], prompts) == dict.fromkeys(range(20), "exact")
    assert find_question_overlap(["What is 12 + 5?"], ["What is 13 + 5?", "What iss 12 + 5?"]) == {0: "near"}


def test_what_users_say_in_conversations_and_preference_pairs_counts() -> None:
    result = user_texts([chat_example("a", "b", system="s"), preference_example("c", "d", "e")])
    assert list(result) == ["a", "c"]


def test_other_requests_of_the_same_kind_are_no_overlap() -> None:
    held_back = [e.question for e in load_questions(SAMPLES / "snips_test.jsonl", "test").examples]
    trained = list(user_texts(load_training_set(SAMPLES / "snips_train.jsonl").examples))
    assert len(held_back) == 210
    assert find_question_overlap(held_back, trained) == {}
    assert list(find_question_overlap(held_back, [*trained, *held_back[:50]]).values()).count("exact") == 50


def test_no_sample_configuration_shows_a_sample_question() -> None:
    root = SAMPLES.parent
    questions = [json.loads(line)["question"] for line in (root / "questions.jsonl").read_text().splitlines()]
    shots = [
        "What is the chemical symbol of gold?",
        "Who wrote Pride and Prejudice?",
        "When did the Panama Canal open?",
    ]
    assert find_question_overlap(questions, shots) == {}
