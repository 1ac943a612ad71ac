"""What an endpoint was asked and paid for is what the runs say, and stays within the budget, whatever goes wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmopt_core.errors import BadInput, EndpointError, OutOfBudget
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.execution.budget import Budget
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.estimate import PILOT, estimate
from llmopt_core.experiments.experiment import check_new_budget, resume_run, run_experiment
from llmopt_core.experiments.plan import Plan
from llmopt_core.index.embedding_cache import encode_with_cache
from llmopt_core.models.base import EmbeddingSpec
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.prices import Prices
from llmopt_core.models.registry import Models
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Run
from llmopt_core.settings import Settings
from llmopt_core.types import Document, EvaluationSet, Example
from tests.stub_endpoint import StubEndpoint

PRICE = 1e-5
REPLY = "four words of answer"
DOCUMENTS = tuple(
    Document(f"d{n}.txt", " ".join(f"Place {n}{m} lies at river {m}{n} in the north." for m in range(20)))
    for n in range(4)
)
QUESTIONS = EvaluationSet("questions", tuple(Example(f"q{n}", f"Where lies place {n}1?", "north") for n in range(12)))
CHAT = {"endpoint": "stub", "name": "stub-small", "max_tokens": 50}


class Desk:
    """A workspace, a stub endpoint with prices, and the sum of what the stub was paid."""

    def __init__(self, home: Path, stub: StubEndpoint) -> None:
        self.stub = stub
        self.settings = Settings(home=home)
        self.store = Store.open(self.settings)
        self.store.ensure_project("p")
        self.store.save_documents("p", DOCUMENTS)

    def models(self) -> Models:
        prices = {"*": Prices(prompt=PRICE * 1e6, completion=PRICE * 1e6)}
        endpoint = Endpoint(name="stub", base_url=self.stub.url, prices=prices, max_retries=0, timeout_seconds=5)
        return Models(self.settings, self.store.cache, {"stub": endpoint})

    def plan(self, *configurations: Configuration, **changes: Any) -> Plan:
        plan = Plan("p", configurations, QUESTIONS, DOCUMENTS, ("answer_f1",), JudgeSpec(), concurrency=6)
        return dataclasses.replace(plan, **changes)

    async def run(self, plan: Plan) -> list[Run]:
        async with self.models() as models:
            return [self.store.run(run_id) for run_id in await run_experiment(self.store, plan, models)]

    async def resume(self, run: Run, budget_usd: float | None = None) -> Run:
        async with self.models() as models:
            return self.store.run(await resume_run(self.store, run.id, models, budget_usd=budget_usd))

    @property
    def paid(self) -> float:
        """What the stub says it was paid: a word is a token; what it refused cost nothing."""
        return PRICE * sum(_words(request) for request in self.stub.requests if not request.get("refused"))


def _words(request: dict[str, Any]) -> int:
    body = request["body"]
    if request["path"].endswith("embeddings"):
        return sum(len(text.split()) for text in body["input"])
    sent = " ".join(str(message["content"]) for message in body["messages"])
    return len(sent.split()) + len(REPLY.split())


def plain(**changes: Any) -> Configuration:
    values = {"name": "plain", "model": CHAT, "prompt": {"template": "Question: {{ question }}"}, **changes}
    return Configuration.model_validate(values)


def rag(**changes: Any) -> Configuration:
    embedding = {"endpoint": "stub", "model": "stub-embedding"}
    retrieval = {"chunking": {"size": 40, "unit": "characters"}, "top_k": 2, "embedding": embedding}
    prompt = {"template": "{{ context }}\nQuestion: {{ question }}"}
    return Configuration.model_validate(
        {"name": "rag", "model": CHAT, "prompt": prompt, "retrieval": retrieval, **changes}
    )


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with StubEndpoint(reply=REPLY) as stub:
        yield Desk(tmp_path, stub)


async def test_embedding_answers_and_reranking_at_an_endpoint_are_all_in_the_cost(desk: Desk) -> None:
    ranked = rag()
    assert ranked.retrieval is not None
    rerank = ranked.retrieval.rerank.model_copy(update={"method": "llm-listwise", "llm": ranked.model, "candidates": 4})
    retrieval = ranked.retrieval.model_copy(update={"rerank": rerank})
    (run,) = await desk.run(desk.plan(ranked.model_copy(update={"retrieval": retrieval})))
    assert run.status == "finished"
    assert run.usage.calls == desk.stub.calls > 2 * len(QUESTIONS.examples)
    assert run.usage.cost_usd == pytest.approx(desk.paid)
    assert any(request["path"].endswith("embeddings") for request in desk.stub.requests)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9, 0.99])
async def test_no_share_of_the_whole_cost_is_overspent_and_what_was_paid_is_recorded(
    desk: Desk, tmp_path: Path, share: float
) -> None:
    (whole,) = await desk.run(desk.plan(rag()))
    cost = whole.usage.cost_usd or 0.0
    before, desk = desk.paid, Desk(tmp_path / "other", desk.stub)
    budget = cost * share
    (run,) = await desk.run(desk.plan(rag(), budget_usd=budget))
    assert run.status == "budget-reached"
    assert run.usage.cost_usd == pytest.approx(desk.paid - before)
    assert (run.usage.cost_usd or 0.0) <= budget
    calls = desk.stub.calls
    for _ in range(3):
        run = await desk.resume(run)
        assert run.status == "budget-reached"
    assert desk.stub.calls == calls
    run = await desk.resume(run, cost * 1.5)
    assert (run.status, run.done) == ("finished", len(QUESTIONS.examples))
    assert run.usage.cost_usd == pytest.approx(desk.paid - before)
    assert run.budget_usd == pytest.approx(cost * 1.5)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8, 0.95])
async def test_the_first_texts_that_are_embedded_fit_the_budget_too(desk: Desk, share: float) -> None:
    texts = [f"Place {n} lies at river {n} in the north." for n in range(90)]
    whole = PRICE * sum(len(text.split()) for text in texts)
    budget = Budget(whole * share)
    async with desk.models() as models:
        embedder = models.embedder(EmbeddingSpec(endpoint="stub", model="stub-embedding"))
        with models.within(budget), pytest.raises(OutOfBudget):
            encode_with_cache(texts, embedder, desk.store.cache)
    assert desk.paid <= whole * share


async def test_a_budget_that_is_used_up_exactly_ends_nothing_and_marks_the_rest(desk: Desk) -> None:
    (run,) = await desk.run(desk.plan(plain()))
    desk.store.cache.clear()
    first, second, third = await desk.run(
        desk.plan(plain(name="a"), plain(name="b", model={**CHAT, "seed": 1}), plain(name="c"),
                  budget_usd=run.usage.cost_usd)
    )  # fmt: skip
    assert (first.status, first.done, first.usage.cost_usd) == ("finished", 12, run.usage.cost_usd)
    assert (second.status, second.done, second.usage.calls) == ("budget-reached", 0, 0)
    assert "leaves no room" in second.error
    # Its answers are those of the first, so it costs nothing.
    assert (third.status, third.done, third.usage.calls) == ("finished", 12, 0)


async def test_calls_of_answers_that_failed_half_way_are_paid_and_add_up_when_they_are_resumed(desk: Desk) -> None:
    steps = [{"name": "think", "template": "Think about: {{ question }}"}]
    chain = plain(prompt={"template": "{{ think }} So: {{ question }}", "steps": steps})
    plan = desk.plan(chain, limit=4, concurrency=1)
    # The second call of each answer is refused.
    desk.stub.faults = [None, "400"] * 4
    (run,) = await desk.run(plan)
    for position, request in enumerate(desk.stub.requests):
        request["refused"] = position % 2 == 1
    assert (run.done, run.failed) == (4, 4)
    assert run.usage.cost_usd == pytest.approx(desk.paid)
    assert run.usage.calls == 4
    assert sum(record.usage.calls for record in desk.store.records(run.id)) == 4
    run = await desk.resume(run)
    assert (run.status, run.failed) == ("finished", 0)
    assert run.usage.cost_usd == pytest.approx(desk.paid)
    records = desk.store.records(run.id)
    assert sum(record.usage.cost_usd or 0.0 for record in records) == pytest.approx(desk.paid)


async def test_an_answer_that_cannot_be_read_was_paid_all_the_same(desk: Desk) -> None:
    desk.stub.fault = "no-choices"
    (run,) = await desk.run(desk.plan(plain(), limit=2, concurrency=1))
    assert run.failed == 2
    assert run.usage.cost_usd == pytest.approx(desk.paid)
    assert run.usage.calls == 2


async def test_what_is_paid_when_a_run_is_cancelled_stays_in_its_cost(desk: Desk) -> None:
    # Three are answered, and six are at the endpoint when the run is cancelled.
    desk.stub.faults = [None] * 3 + ["timeout"] * 9
    async with desk.models() as models:
        run_ids = await run_experiment(
            desk.store, desk.plan(plain()), models, should_cancel=lambda: desk.stub.calls >= 9
        )
    run = desk.store.run(run_ids[0])
    assert run.status == "cancelled"
    assert (run.usage.calls, run.done) == (9, 3)
    assert (run.usage.cost_usd or 0.0) > sum(r.usage.cost_usd or 0.0 for r in desk.store.records(run.id))


async def test_a_pilot_is_part_of_the_budget_and_of_what_the_run_cost(desk: Desk) -> None:
    plan = desk.plan(rag())
    async with desk.models() as models:
        (told,) = await estimate(desk.store, plan, models)
    assert told.pilot_usage.cost_usd == pytest.approx(desk.paid)
    embedded = [request for request in desk.stub.requests if request["path"].endswith("embeddings")]
    assert embedded == []
    (run,) = await desk.run(dataclasses.replace(plan, pilot={"rag": told.pilot_usage}, dearest=told.dearest))
    assert run.usage.cost_usd == pytest.approx(desk.paid)
    assert (told.cost_usd + told.pilot_usage.cost_usd) == pytest.approx(desk.paid, rel=0.35)


async def test_a_pilot_does_not_take_what_the_call_cache_knows_for_free(desk: Desk) -> None:
    await desk.run(desk.plan(plain(), limit=6))
    # The same calls under another configuration: the first six are known to the call cache.
    other = plain(name="other", fact_check={"method": "none", "refuse_unsupported": False})
    before = desk.paid
    async with desk.models() as models:
        (told,) = await estimate(desk.store, desk.plan(other), models)
    pilot = desk.paid - before
    assert len(told.pilot_ids) == PILOT == 5
    await desk.run(desk.plan(other))
    assert told.cost_usd == pytest.approx(desk.paid - before - pilot, rel=0.05)
    assert told.cost_usd > 0


async def test_going_on_after_a_budget_asks_for_a_new_one(desk: Desk) -> None:
    (whole,) = await desk.run(desk.plan(plain()))
    desk.store.cache.clear()
    small = (whole.usage.cost_usd or 0.0) / 2
    plan = desk.plan(plain(name="again"), budget_usd=small)
    (run,) = await desk.run(plan)
    assert run.status == "budget-reached"
    for budget in (None, small, small / 2):
        with pytest.raises(BadInput, match=r"stopped by its budget, and \$.* are spent so far"):
            check_new_budget(desk.store, dataclasses.replace(plan, budget_usd=budget))
    check_new_budget(desk.store, dataclasses.replace(plan, budget_usd=1.0))


async def test_vectors_that_were_paid_before_an_endpoint_failed_are_not_paid_again(desk: Desk) -> None:
    texts = [f"text number {n}" for n in range(250)]
    async with desk.models() as models:
        embedder = models.embedder(EmbeddingSpec(endpoint="stub", model="stub-embedding"))
        desk.stub.faults = [None, None, "500"]
        with pytest.raises(EndpointError):
            encode_with_cache(texts, embedder, desk.store.cache)
        vectors = encode_with_cache(texts, embedder, desk.store.cache)
    assert vectors.shape[0] == 250
    messages = [text for request in desk.stub.requests for text in request["body"]["input"]]
    assert len(messages) == 250 + len(desk.stub.requests[2]["body"]["input"])


async def test_a_budget_needs_the_price_of_an_embedding_model_too(desk: Desk) -> None:
    local = rag(model={"endpoint": "builtin"})
    async with desk.models() as models:
        models._endpoints["stub"] = models.endpoint("stub").model_copy(update={"prices": {}})
        with pytest.raises(BadInput, match="none is known for stub-embedding on stub"):
            await run_experiment(desk.store, desk.plan(local, budget_usd=1.0), models)
    assert desk.stub.calls == 0
