"""Files as other hands write them: each has one cause, in a form that the made situations do not have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.adviser_records import result_of, run_of
from llmopt_core.labs.evaluation.adviser.advise import advise
from llmopt_core.labs.evaluation.adviser.from_result import situation_from_result

Values = dict[str, Any]
_GOOD = {"faithfulness": 0.95, "answer_relevancy": 0.9, "context_precision": 0.95, "context_recall": 1.0}


def record(
    number: int, question: str, reference: str | None, answer: str | None, texts: list[str], **scores: float
) -> Values:
    contexts = [{"document": f"d{place}.txt", "start": 500 * place, "end": 500 * place + len(text), "text": text,
                 "score": 1 - place / 50} for place, text in enumerate(texts)]  # fmt: skip
    return {"example_id": f"ex-{number}", "question": question, "reference": reference, "answer": answer,
            "contexts": contexts, "scores": {name: {"value": value} for name, value in scores.items()},
            "failure": None, "seconds": 1.0}  # fmt: skip


def good(number: int) -> Values:
    text = f"Policy {number} lasts {number + 3} weeks."
    return record(number, f"What is policy {number}?", text, text, [text, "Other.", "More."], **_GOOD, answer_f1=1.0)


def many_chunks(number: int) -> Values:
    """Precision as the share of useful chunks: one of ten, though it stands first."""
    texts = [f"Policy {number} lasts {number + 3} weeks.", *[f"Paragraph {place} on parking." for place in range(9)]]
    scores = _GOOD | {"context_precision": 0.1, "faithfulness": 0.7}
    return record(number, "How long?", texts[0], "A couple of days, by the appendix.", texts, **scores, answer_f1=0.2)


def fact_among_others(number: int) -> Values:
    fact = f"Policy {number} has {number + 30} weeks."
    answer = f"Our company was founded in 1990 and has many policies that the board reviews. {fact} Parking is free."
    scores = _GOOD | {"answer_relevancy": 0.3}
    return record(number, "How many weeks?", f"{number + 30} weeks", answer, [fact], **scores, answer_f1=0.15)


def right_and_off(number: int) -> Values:
    text = f"answer {number}"
    return record(number, "q?", text, text, [f"{text} text"], **_GOOD | {"answer_relevancy": 0.3}, answer_f1=0.95)


def half_said(number: int) -> Values:
    reference = "Hold the button for ten seconds, release it, and wait until the green light blinks twice."
    texts = ["Reset: Hold the button for ten seconds, release it,", "Shipping."]
    scores = _GOOD | {"context_recall": 0.5}
    return record(number, "How is it reset?", reference, "Hold the button.", texts, **scores, answer_f1=0.3)


def part_of_recall(number: int) -> Values:
    """No record is very bad: all are a little."""
    reference = f"The text of number {number} says something longer on subject {number} and all of its details."
    scores = _GOOD | {"context_recall": 0.45 + number % 5 / 50}
    return record(number, "q?", reference, f"Something on {number}.", ["some text", "more"], **scores, answer_f1=0.3)


def unknown_without_reference(number: int) -> Values:
    return record(number, "What is the code?", None, "I don't have access to that.", [], answer_relevancy=0.0)


def unreadable(number: int) -> Values:
    failure = {"stage": "answer", "kind": "format", "message": "The answer is not valid JSON."}
    return {**record(number, "Extract.", "x", None, ["a is 1"]), "failure": failure}


def label_in_a_sentence(number: int) -> Values:
    label = ("positive", "negative")[number % 2]
    answer = f"I think that the sentiment of this review is clearly {label} overall."
    return record(number, "Classify.", label, answer, [], exact_match=0.0, answer_f1=0.15, answer_relevancy=0.9)


def semicolons(number: int) -> Values:
    text = "Region;Q1;Q2;Q3\nNorth;120;133;140\nSouth;99;87;101\nWest;45;60;71"
    return record(number, "How many units were sold in Q3?", "312", "About 1,200.", [text], **_GOOD, answer_f1=0.0)


def deep(number: int) -> Values:
    texts = [f"Filler {place}." for place in range(20)]
    texts[5 + number % 12] = f"Policy {number} lasts {number + 3} weeks."
    reference = f"Policy {number} lasts {number + 3} weeks."
    return record(number, "q?", reference, "Not stated.", texts, **_GOOD | {"context_precision": 0.1}, answer_f1=0.1)


@pytest.mark.parametrize(
    ("make", "others", "rule"),
    [
        (many_chunks, 18, "smaller-k"),
        (fact_among_others, 18, "prompt"),
        (right_and_off, 0, "prompt"),
        (right_and_off, 14, "prompt"),
        (half_said, 20, "chunk-size"),
        (part_of_recall, 0, "hybrid-search"),
        (unknown_without_reference, 0, "rag"),
        (unreadable, 15, "few-shot"),
        (label_in_a_sentence, 0, "few-shot"),
        (semicolons, 16, "database-tool"),
        (deep, 18, "rerank"),
    ],
)
def test_the_first_rule_fits_the_cause(make: Callable[[int], Values], others: int, rule: str) -> None:
    records = [make(number) for number in range(12)] + [good(number) for number in range(12, 12 + others)]
    result = result_of(run_of("current", records), judge="builtin")
    assert [step.rule for step in advise(situation_from_result(result)).steps][:1] == [rule]


def test_long_instructions_show_in_the_tokens_of_a_file_without_settings() -> None:
    run = run_of("current", [good(number) for number in range(120)])
    long = {**run, "tokens": {"prompt": 4000 * 120, "completion": 100}}
    rules = [[step.rule for step in advise(situation_from_result(result_of(one))).steps] for one in (run, long)]
    assert rules == [[], ["few-shot"]]


def test_answers_that_nobody_can_judge_are_not_measured() -> None:
    records = [record(number, "q?", None, "Something.", ["text"]) for number in range(9)]
    (step,) = advise(situation_from_result(result_of(run_of("draft", records)))).steps
    assert (step.rule, step.title) == ("baseline", "Measure what there is")
