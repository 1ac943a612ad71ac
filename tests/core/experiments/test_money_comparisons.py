"""What a comparison or a search may cost at most is told before it starts: judge, retrieval and writer are in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmopt_core.evaluation.assertions.spec import AssertionSpec
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.execution.accounts import Account, account_for
from llmopt_core.experiments.comparison import comparison, new_id, start_comparison
from llmopt_core.experiments.comparison_estimate import ComparisonEstimate, estimate_comparison
from llmopt_core.experiments.comparison_plan import ComparisonPlan
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.search.task import SearchTask
from llmopt_core.labs.prompts.board import Board
from llmopt_core.labs.prompts.comparison_runner import all_cells, run_comparison
from llmopt_core.labs.prompts.estimate import Rewriting, estimate_search
from llmopt_core.labs.prompts.few_shot_effect import effect_answers, measure_few_shot_effect
from llmopt_core.labs.prompts.few_shot_search import choice_answers, choose_few_shot
from llmopt_core.labs.prompts.instruction_search import instruction_answers, search_instruction
from llmopt_core.models.base import EmbeddingSpec, ModelSpec
from llmopt_core.retrieval.spec import RetrievalSpec
from tests.stub_endpoint import StubEndpoint

from .test_money import CHAT, DOCUMENTS, QUESTIONS, Desk, plain, rag

JUDGE = JudgeSpec(endpoint="stub", model="stub-small", max_tokens=200)
RUBRIC = AssertionSpec.model_validate({"type": "llm-rubric", "value": "It names the direction."})
VERDICT = {"passed": True, "score": 1.0, "reason": "so it is", "verdict": 1, "question": "Where?", "noncommittal": 0}
STATEMENTS = {"statements": ["It lies in the north.", "It is a place."]}
RAGAS = ("faithfulness", "answer_relevancy", "context_utilization", "context_precision", "context_recall")


def says(body: dict[str, Any]) -> str:
    """As long as allowed where it answers; a judge whose verdicts on statements are never usable."""
    text = " ".join(str(message["content"]) for message in body["messages"])
    if not text.startswith("You grade texts."):
        return " ".join(["north"] * int(body.get("max_tokens") or body.get("max_completion_tokens") or 50))
    return json.dumps(STATEMENTS if '"statements"' in text else VERDICT)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with StubEndpoint(reply=says) as stub:
        yield Desk(tmp_path, stub)


def retrieving(**changes: Any) -> Configuration:
    """Retrieval changed in these parts."""
    variant = rag()
    assert variant.retrieval is not None
    values = variant.retrieval.model_dump(mode="json") | changes
    return variant.model_copy(update={"retrieval": RetrievalSpec.model_validate(values)})


async def paid_for(desk: Desk, plan: ComparisonPlan) -> tuple[ComparisonEstimate, float, int]:
    async with desk.models() as models:
        estimate = estimate_comparison(plan, models)
        assert desk.stub.calls == 0
        found = start_comparison(desk.store, plan, new_id())
        board = Board()
        board.add(all_cells(plan))
        with account_for(Account()) as account:
            await run_comparison(desk.store, plan, found, models, board)
    recorded = sum(run.usage.cost_usd or 0.0 for run in comparison(desk.store, "p", found.id).all_runs)
    assert recorded == pytest.approx(account.usage.cost_usd)
    assert account.usage.calls == desk.stub.calls
    return estimate, account.usage.cost_usd or 0.0, account.usage.calls


@pytest.mark.parametrize(
    ("variant", "changes"),
    [
        (plain(), {}),
        (plain(), {"assertions": (RUBRIC,), "judge": JUDGE}),
        (plain(), {"assertions": (RUBRIC,), "judge": JUDGE, "metrics": ("answer_relevancy",), "repeats": 2}),
        (rag(), {"metrics": RAGAS, "judge": JUDGE}),
        (rag(), {"metrics": ("answer_relevancy",), "judge": JUDGE.model_copy(
            update={"embedding": EmbeddingSpec(endpoint="stub", model="stub-embedding")})}),
        (retrieving(transform={"method": "hyde", "n": 3, "model": CHAT}), {}),
        (retrieving(transform={"method": "multi-query", "n": 3, "model": CHAT}), {}),
        (retrieving(rerank={"method": "llm-listwise", "llm": CHAT}, search={"candidates": 45}), {}),
        (retrieving(rerank={"method": "llm-yes-no", "llm": CHAT, "candidates": 6}), {}),
        (retrieving(rerank={"method": "llm-yes-no", "llm": CHAT, "candidates": 6},
                    transform={"method": "decompose", "n": 2, "model": CHAT}), {}),
    ],
)  # fmt: skip
async def test_a_comparison_costs_no_more_than_was_told(
    desk: Desk, variant: Configuration, changes: dict[str, Any]
) -> None:
    questions = replace(QUESTIONS, examples=QUESTIONS.examples[:3])
    plan = ComparisonPlan("p", (variant,), questions, documents=DOCUMENTS, **changes)
    told, paid, calls = await paid_for(desk, plan)
    assert told.cost_usd is not None
    assert 0 < paid <= told.cost_usd[1]
    assert calls <= told.calls + told.beside + len(DOCUMENTS)


@pytest.mark.parametrize("kind", ["worth", "choice", "instruction"])
@pytest.mark.parametrize("metric", ["answer_f1", "answer_relevancy"])
async def test_a_search_costs_no_more_than_was_told(desk: Desk, kind: str, metric: str) -> None:
    shots = tuple({"question": f"Where lies hill {n}?", "answer": "south"} for n in range(3))
    variant = plain(prompt={"template": "Question: {{ question }}", "few_shot": {"examples": shots}})
    task = SearchTask("p", variant, QUESTIONS, metric, JUDGE)
    writer = ModelSpec(endpoint="stub", name="stub-small", mode="chat", max_tokens=60)
    desk.stub.reply = replies_of_a_search
    rewriting, search, options = None, measure_few_shot_effect, {}
    answers = effect_answers(3, 12)
    if kind == "choice":
        answers, search = choice_answers("greedy", 3, 3, 0, 6, 6), choose_few_shot
    if kind == "instruction":
        answers, search = instruction_answers(3, 2, 6, 6), search_instruction
        options = {"part": "template", "proposer": writer, "rewrites": 3, "rounds": 2}
        rewriting = Rewriting(writer, 6, "Question: {{ question }}")
    async with desk.models() as models:
        estimate = estimate_search(task, models, answers, rewriting)
        with account_for(Account()) as account:
            result = await search(task, models, **options)
    assert result.ended == ""
    assert result.usage.cost_usd == pytest.approx(account.usage.cost_usd)
    assert account.usage.calls == desk.stub.calls
    assert estimate.most_usd is not None
    assert 0 < (account.usage.cost_usd or 0.0) <= estimate.most_usd


def replies_of_a_search(body: dict[str, Any]) -> str:
    """Worse with the hills; a rewrite as long as allowed, each of its own."""
    text = " ".join(str(message["content"]) for message in body["messages"])
    if "rewrite" in text.lower() and "instruction" in text.lower():
        return f"<instruction>{' '.join(['Mind'] * 30)} {len(text)}: {{{{ question }}}}</instruction>"
    return "north" if "hill" not in text and not text.startswith("You grade texts.") else says(body)
