"""Questions that a model writes: read from any reply, quotes looked up, duplicates left out, stopped at the budget."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmopt_core.cache import MemoryCache
from llmopt_core.errors import BadInput, EndpointError
from llmopt_core.labs.documents.question_writing.filters import ALIKE, NO_QUOTE, NOT_THERE, POINTS, SAME
from llmopt_core.labs.documents.question_writing.passages import sample_passages
from llmopt_core.labs.documents.question_writing.replies import QuestionDraft, read_reply
from llmopt_core.labs.documents.question_writing.writer import (
    WritingSpec,
    WrittenQuestions,
    estimate_writing,
    with_questions,
    write_questions,
)
from llmopt_core.models.base import ModelSpec
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.prices import Prices
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.settings import Settings
from llmopt_core.types import Document, EvaluationSet, Example, Span

DOCUMENTS = [
    Document(f"{number}.txt", f"Chapter {number}. The tower of town {number} was built in {1700 + number}. " * 4)
    for number in range(6)
]
Run = Callable[..., WrittenQuestions]


def line(question: str, quote: str, answer: str = "") -> str:
    return json.dumps({"question": question, "answer": answer, "quote": quote})


@pytest.fixture
def models(tmp_path: Path) -> Models:
    prices = {"*": Prices(prompt=1, completion=2)}
    return Models(Settings(home=tmp_path), MemoryCache(), {"big": Endpoint(name="big", prices=prices)})


@pytest.fixture
def run(models: Models) -> Run:
    def start(chat: ScriptedChat, documents: list[Document] = DOCUMENTS, **options: Any) -> WrittenQuestions:
        models.register("big", chat)
        values = {"model": ModelSpec(endpoint="big"), "passages": 6, "per_passage": 2, "passage_size": 400}
        spec = WritingSpec.model_validate({**values, **options.pop("spec", {})})
        return asyncio.run(write_questions(spec, documents, models, **options))

    return start


def tower(number: int) -> str:
    return line(f"When was the tower of town {number} built?", f"built in {1700 + number}", str(1700 + number))


def test_questions_come_with_the_place_of_their_quote(run: Run) -> None:
    result = run(ScriptedChat([tower(number) for number in range(6)]), concurrency=1)
    assert [one.span.document for one in result.candidates] == [document.name for document in DOCUMENTS]
    for one, document in zip(result.candidates, DOCUMENTS, strict=True):
        assert document.text[one.span.start : one.span.end] == one.quote
    assert (result.passages, result.rejects, result.failures, result.stop_reason) == (6, (), (), "")


def test_quotes_that_do_not_stand_in_the_document_are_dropped_and_said(run: Run) -> None:
    replies = [
        line("Who painted the ceiling?", "painted by an unknown monk of the fifteenth century"),
        line("What stands in town 1?", ""),
        line("What does the passage say?", "built in 1702"),
        tower(3),
        line("Which tower is it, and when was it built there?", "tower of town 4 was  built in 1704 !"),
        "I am sorry, I cannot do that.",
    ]
    result = run(ScriptedChat(replies), concurrency=1)
    assert [one.reason for one in result.rejects] == [NOT_THERE, NO_QUOTE, POINTS]
    assert result.candidates[1].similarity < 1.0
    assert result.candidates[1].quote.startswith("tower of town 4 was built in 1704")
    assert result.empty == 1


def test_an_answer_that_stands_there_once_will_do_for_a_missing_quote(run: Run) -> None:
    document = Document("a.txt", "The tower of the old town was finished in the year 1702 by a guild of masons.")
    replies = [line("Who finished the tower?", "", "a guild of masons")]
    result = run(ScriptedChat(replies), [document])
    assert [one.quote for one in result.candidates] == ["a guild of masons"]


def test_the_same_question_and_one_much_like_it_are_kept_once(run: Run) -> None:
    replies = [
        tower(0),
        line("Where does the tower of town one stand?", "tower of town 1"),
        line("where does the tower of town one stand", "tower of town 2"),
        line("Where does one tower of the town stand?", "tower of town 3"),
        tower(4),
        line("Known already?", "built in 1705"),
    ]
    result = run(ScriptedChat(replies), concurrency=1, known_questions=["Known already"])
    assert [one.reason for one in result.rejects] == [SAME, ALIKE, SAME]
    assert len(result.candidates) == 3


def test_a_failed_call_loses_its_passage_only(run: Run) -> None:
    replies = [tower(0), EndpointError("The endpoint is busy.", kind="busy"), *(tower(n) for n in range(2, 6))]
    result = run(ScriptedChat(replies), concurrency=1)
    assert len(result.candidates) == 5
    assert result.failures == ("The endpoint is busy.",)


def test_a_model_that_never_answers_is_told(run: Run) -> None:
    chat = ScriptedChat([EndpointError("No such model.", kind="not-found")] * 60)
    documents = [Document(f"{n}.txt", f"Some words of number {n}. " * 20) for n in range(60)]
    with pytest.raises(EndpointError, match="No such model"):
        run(chat, documents, spec={"passages": 60})
    assert len(chat.requests) < 20


def test_the_budget_stops_the_writing_and_what_was_written_is_kept(run: Run) -> None:
    chat = ScriptedChat(lambda _: tower(0), cost_usd=1.0)
    result = run(chat, budget_usd=2.5)
    assert len(chat.requests) == 2
    assert result.passages == 2
    assert "budget" in result.stop_reason


def test_it_stops_when_asked_to(run: Run) -> None:
    result = run(ScriptedChat(lambda _: tower(0)), concurrency=1, should_stop=lambda: True)
    assert (result.passages, result.candidates, result.stop_reason) == (0, (), "it was cancelled")


def test_a_second_time_costs_nothing(run: Run) -> None:
    chat = ScriptedChat(lambda _: tower(0))
    run(chat)
    again = run(chat)
    assert len(chat.requests) == 6
    assert again.usage.calls == 0


def test_without_text_there_is_nothing_to_ask_about(run: Run) -> None:
    with pytest.raises(BadInput, match="no text"):
        run(ScriptedChat([]), [Document("blank.txt", "  ")])


def test_the_same_seed_samples_the_same_passages() -> None:
    one = sample_passages(DOCUMENTS, 3, 100, seed=4)
    assert one == sample_passages(DOCUMENTS, 3, 100, seed=4)
    assert one != sample_passages(DOCUMENTS, 3, 100, seed=5)
    assert len(sample_passages(DOCUMENTS, 1_000, 100, seed=0)) > 6


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ('```json\n[{"question": "A?", "answer": "b", "quote": "c"}]\n```', [QuestionDraft("A?", "b", "c")]),
        ('Sure! {"questions": [{"question": "A?", "quote": "c"}]} Anything else?', [QuestionDraft("A?", "", "c")]),
        ("Question: A?\nAnswer: b\nQuote: “c”", [QuestionDraft("A?", "b", "c")]),
        ("1. Question: A?\nQuote: c\n2. Question: D?", [QuestionDraft("A?", "", "c"), QuestionDraft("D?", "", "")]),
        ("**Question:** A?\n**Quote:** c", [QuestionDraft("A?", "", "c")]),
        (
            '{"question": {"a": 1}} {"question": "A?", "answer": 1712, "quote": ["x"]}',
            [QuestionDraft("A?", "1712", "")],
        ),
        ('{"question": "A?", "quote": "broken', []),
        ("[[[[" * 500 + "{" * 2_000, []),
        ("", []),
    ],
)  # fmt: skip
def test_any_reply_is_read(reply: str, expected: list[QuestionDraft]) -> None:
    assert read_reply(reply) == expected


def test_an_estimate_counts_the_prompts_and_prices_them(models: Models) -> None:
    spec = WritingSpec(model=ModelSpec(endpoint="big"), passages=4, per_passage=3)
    estimate = estimate_writing(spec, DOCUMENTS, models)
    assert estimate.calls == 4
    assert estimate.prompt_tokens > 400
    assert estimate.cost_usd == pytest.approx((estimate.prompt_tokens + 2 * estimate.completion_tokens) / 1e6)
    assert estimate_writing(WritingSpec(passages=2), DOCUMENTS, models).calls == 2


def test_reviewed_questions_join_a_set_under_ids_of_their_own(run: Run) -> None:
    result = run(ScriptedChat([tower(number) for number in range(6)]), concurrency=1)
    before = EvaluationSet("set", (Example("w1", "Old?", None, (Span("0.txt", 0, 4),)),))
    after = with_questions(before, "set", result.candidates[:2])
    assert [example.id for example in after.examples] == ["w1", "w2", "w3"]
    assert after.examples[1].references == (result.candidates[0].span,)
    assert after.version != before.version
