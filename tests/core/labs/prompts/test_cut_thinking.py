"""A comparison reads cut thinking as such once a later answer shows how the model thinks."""

from __future__ import annotations

from typing import Any

from llmopt_core.experiments.comparison import comparison, new_id, start_comparison
from llmopt_core.labs.prompts.board import Board
from llmopt_core.labs.prompts.comparison_runner import all_cells, run_comparison
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.openai import refusals
from llmopt_core.models.registry import Models
from llmopt_core.types import Example
from tests.stub_endpoint import StubEndpoint

from .conftest import Lab

THOUGHT = "Cologne lies on the"


async def test_answers_of_a_comparison_are_read_again(lab: Lab) -> None:
    def mangle(said: dict[str, Any]) -> dict[str, Any]:
        for choice in said["choices"]:
            whole = choice["message"]["content"] == "Nine"
            choice["message"]["content"] = "Three times three.</think>Nine" if whole else THOUGHT
            choice["finish_reason"] = "stop" if whole else "length"
        return said

    refusals._refusals.clear()
    one = lab.variant("one", template="{{ question }}")
    one = one.model_copy(update={"model": one.model.model_copy(update={"endpoint": "stub", "max_tokens": 8})})
    plan = lab.plan(one, examples=(Example("q1", "Which?", "Rhine"), Example("q2", "Nine", "Nine")),
                    metrics=("answer_f1",), repeats=2, concurrency=1)  # fmt: skip
    found, board = start_comparison(lab.store, plan, new_id()), Board()
    board.add(all_cells(plan))
    with StubEndpoint(lambda body: body["messages"][-1]["content"]) as stub:
        stub.mangle = mangle
        endpoint = Endpoint(name="stub", base_url=stub.url)
        async with Models(lab.settings, lab.store.cache, {"stub": endpoint}) as models:
            await run_comparison(lab.store, plan, found, models, board)

    found = comparison(lab.store, "p", found.id)
    for row in lab.grid(found).rows[:1]:
        text = "No answer: the model spent its 8 tokens on reasoning; raise max_tokens."
        answers = [record.answer for cell in row for record in cell.repeats if record and record.answer]
        assert [(one.text, one.reasoning, one.notes) for one in answers] == [("", THOUGHT, (text,))] * 2
    assert board.cell((0, 0, 0)).text == ""
    for run in found.runs[0]:
        assert lab.store.scores([run.id])[run.id].values["answer_f1"] == [0.0, 1.0]
    assert stub.calls == 4
