"""What is told before paid work starts is not less than what the endpoint is paid, and not nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.execution.accounts import Account, account_for
from llmopt_core.index.embedding_estimate import estimate_embedding
from llmopt_core.labs.chunking.cache import sweep
from llmopt_core.labs.chunking.spec import chunkings_of, sweep_spec
from llmopt_core.labs.documents.question_writing.writer import WritingSpec, estimate_writing, write_questions
from llmopt_core.labs.finetuning.sources import distill_examples, estimate_distillation
from llmopt_core.models.base import ModelSpec
from llmopt_core.prompts.spec import PromptSpec
from llmopt_core.types import EvaluationSet, Example, Span
from tests.stub_endpoint import StubEndpoint

from .test_money import DOCUMENTS, PRICE, QUESTIONS, Desk

TEACHER = ModelSpec(endpoint="stub", name="stub-small", mode="chat", max_tokens=50)
PROMPT = PromptSpec(template="Question: {{ question }}")
PLACED = EvaluationSet(
    "placed", tuple(Example(e.id, e.question, None, (Span("d0.txt", 0, 20),)) for e in QUESTIONS.examples)
)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with StubEndpoint(reply="four words of answer") as stub:
        yield Desk(tmp_path, stub)


@pytest.mark.parametrize("method", ["recursive", "semantic", "small-to-big"])
def test_a_sweep_embeds_no_more_than_was_told(desk: Desk, method: str) -> None:
    spec = sweep_spec(
        methods=(method,), sizes=(80, 160), overlaps=(0, 20), top_k=(2,), unit="characters", search="dense",
        embedding={"endpoint": "stub", "model": "stub-embedding"},
    )  # fmt: skip
    chunkings, _ = chunkings_of(spec)
    models = desk.models()
    estimate = estimate_embedding(
        sum(len(document.text) for document in DOCUMENTS), DOCUMENTS[0].text, chunkings, models.endpoint("stub"),
        "stub-embedding", [example.question for example in PLACED.examples],
    )  # fmt: skip
    with account_for(Account()) as account:
        sweep(DOCUMENTS, PLACED, spec, models)
    assert account.usage.cost_usd == pytest.approx(desk.paid)
    assert 0 < desk.paid <= (estimate.cost_usd or 0.0)


def test_a_sweep_again_is_paid_from_the_same_budget(desk: Desk) -> None:
    spec = sweep_spec(
        methods=("recursive",), sizes=(80,), overlaps=(0,), top_k=(2,), unit="characters", search="dense",
        embedding={"endpoint": "stub", "model": "stub-embedding"},
    )  # fmt: skip
    budget = PRICE * 150
    for _ in range(3):
        with pytest.raises(Exception, match="leaves no room"):
            sweep(DOCUMENTS, PLACED, spec, desk.models(), budget_usd=budget)
        assert desk.paid <= budget
    with pytest.raises(BadInput, match="stopped by its budget"):
        sweep(DOCUMENTS, PLACED, spec, desk.models())
    sweep(DOCUMENTS, PLACED, spec, desk.models(), budget_usd=1.0)


async def test_writing_costs_no_more_than_was_told(desk: Desk) -> None:
    spec = WritingSpec(model=TEACHER, passages=4, per_passage=1, passage_size=200)
    async with desk.models() as models:
        estimate = estimate_writing(spec, DOCUMENTS, models)
        await write_questions(spec, DOCUMENTS, models)
        first = desk.paid
        assert 0 < first <= (estimate.most_usd or 0.0)
        # The same again is free, and says what it would take anew.
        await write_questions(spec, DOCUMENTS, models, budget_usd=first)
    assert desk.paid == first


async def test_writing_again_is_paid_from_the_same_budget(desk: Desk) -> None:
    spec = WritingSpec(model=TEACHER, passages=4, per_passage=1, passage_size=200)
    async with desk.models() as models:
        whole = (await write_questions(spec, DOCUMENTS, models)).usage.cost_usd or 0.0
        other = spec.model_copy(update={"seed": 1})
        before, budget = desk.paid, whole * 0.6
        for _ in range(3):
            assert (await write_questions(other, DOCUMENTS, models, budget_usd=budget)).stop_reason
            assert 0 < desk.paid - before <= budget
        with pytest.raises(BadInput, match="stopped by its budget"):
            await write_questions(other, DOCUMENTS, models)


async def test_distillation_costs_what_was_told_and_again_comes_from_the_same_budget(desk: Desk) -> None:
    async with desk.models() as models:
        estimate = estimate_distillation("p", QUESTIONS, TEACHER, PROMPT, models).cost_usd
        assert estimate is not None
        most = estimate[1]
        result = await distill_examples(QUESTIONS.examples, TEACHER, PROMPT, models, budget_usd=5e-4, concurrency=1)
        assert result.stop_reason
        assert result.usage.cost_usd == pytest.approx(desk.paid)
        assert desk.paid <= 5e-4
        paid = desk.paid
        again = await distill_examples(QUESTIONS.examples, TEACHER, PROMPT, models, budget_usd=paid, concurrency=1)
        assert again.stop_reason
        assert desk.paid == paid
        done = await distill_examples(QUESTIONS.examples, TEACHER, PROMPT, models, budget_usd=most)
        assert not done.stop_reason
        assert 0 < desk.paid <= most
