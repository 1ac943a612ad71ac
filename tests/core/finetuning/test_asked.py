"""Long prompts are told apart by their questions."""

from __future__ import annotations

from llmopt_core.finetuning.data.prompt_kind import shorten_prompts

RULES = "Answer with a few words copied from the passage.\n\n"
PASSAGE = "The bridge was built in stone. " * 10


def prompt(question: str, passage: str = PASSAGE) -> str:
    return f"{RULES}Passage: {passage}\nQuestion: {question}\nAnswer:"


def test_of_long_prompts_the_question_is_shown() -> None:
    questions = [prompt("Who built it?"), prompt("When was it built?", "Of the year nothing is known. " * 9)]
    assert shorten_prompts(questions) == ["… Question: Who built it?", "… Question: When was it built?"]


def test_a_request_without_a_question_mark_is_the_last_line_that_is_its_own() -> None:
    questions = [f"{RULES}{PASSAGE}\nRequest: {what}\nAnswer:" for what in ("name the builder", "give the year")]
    assert shorten_prompts(questions) == ["… Request: name the builder", "… Request: give the year"]


def test_short_prompts_and_single_lines_stay_as_they_are() -> None:
    long = "word " * 60 + "end"
    assert shorten_prompts(["book a table", "play\nsome jazz"]) == ["book a table", "play\nsome jazz"]
    assert shorten_prompts(["short", long]) == ["short", long]
    assert shorten_prompts([]) == []
    assert shorten_prompts(["\n" * 400]) == ["\n" * 400]


def test_equal_prompts_keep_their_question() -> None:
    assert shorten_prompts([prompt("Who built it?")] * 2) == ["… Question: Who built it?"] * 2
