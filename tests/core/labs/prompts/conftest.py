from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from llmopt_core.evaluation.assertions.spec import AssertionSpec
from llmopt_core.evaluation.metrics.catalogue import METRICS
from llmopt_core.experiments.comparison import Comparison, new_id, start_comparison
from llmopt_core.experiments.comparison_plan import ComparisonPlan
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.jobs.queue import JobRunner
from llmopt_core.labs.job_kinds import job_kinds
from llmopt_core.labs.prompts.board import Board, Place
from llmopt_core.labs.prompts.comparison_runner import all_cells, run_comparison
from llmopt_core.labs.prompts.grid import Grid, load_grid
from llmopt_core.models.base import BUILTIN_EMBEDDING, ChatRequest
from llmopt_core.models.endpoint_file import save_endpoint
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.prices import Prices
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import HashEmbedder, ScriptedChat
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_core.types import EvaluationSet, Example

EXAMPLES = (
    Example("q1", "Which river flows through Cologne?", "Rhine"),
    Example("q2", "What is the symbol of gold?", "Au"),
    Example("q3", "How many moons has Mars?", "two", variables={"checks": [{"type": "contains", "value": "two"}]}),
)


def reply(request: ChatRequest) -> str:
    """The reference answer, or a wrong one where the system message asks for it."""
    text = "\n".join(message.content for message in request.messages)
    entry = next((e.reference or "" for e in EXAMPLES if e.question in text), "no idea")
    return "nonsense" if "Be wrong" in text else f"It is {entry}."


@dataclass
class Lab:
    """A workspace in which a scripted model answers."""

    home: Path
    chat: ScriptedChat = field(default_factory=lambda: ScriptedChat(reply, cost_usd=0.01))

    def __post_init__(self) -> None:
        self.settings = Settings(home=self.home)
        self.store = Store.open(self.settings)
        self.store.ensure_project("p")
        self.board = Board()

    def models(self) -> Models:
        models = Models(
            self.settings, self.store.cache, {"scripted": Endpoint(name="scripted", prices={"*": Prices(prompt=1)})}
        )
        models.register("scripted", self.chat)
        models.register_embedder(BUILTIN_EMBEDDING, HashEmbedder())
        return models

    def runner(self) -> JobRunner:
        """Does the jobs of this workspace with the scripted model."""
        priced = Endpoint(name="scripted", base_url="http://127.0.0.1:9/v1", prices={"*": Prices(prompt=1)})
        save_endpoint(self.settings, priced)

        def plug_in(models: Models) -> None:
            models.register("scripted", self.chat)
            models.register_embedder(BUILTIN_EMBEDDING, HashEmbedder())

        return JobRunner(self.store, self.settings, job_kinds(), environ={}, plug_ins=plug_in)

    def variant(self, name: str, **prompt: Any) -> Configuration:
        return Configuration.model_validate(
            {"name": name, "model": {"endpoint": "scripted", "name": "m"}, "prompt": prompt}
        )

    def plan(self, *variants: Configuration, examples: Sequence[Example] = EXAMPLES, **changes: Any) -> ComparisonPlan:
        choice = variants or (self.variant("plain"), self.variant("wrong", system="Be wrong."))
        return ComparisonPlan("p", choice, EvaluationSet("questions", tuple(examples)), **changes)

    async def run(self, plan: ComparisonPlan, **changes: Any) -> Comparison:
        """Run a plan to its end and give it as it is stored."""
        self.found = start_comparison(self.store, plan, new_id())
        return await self.run_again(plan, self.found, all_cells(plan), **changes)

    async def run_again(
        self, plan: ComparisonPlan, found: Comparison, places: Sequence[Place], **changes: Any
    ) -> Comparison:
        from llmopt_core.experiments.comparison import comparison

        self.board = Board()
        self.board.add(places)
        async with self.models() as models:
            await run_comparison(self.store, plan, found, models, self.board, **changes)
        return comparison(self.store, "p", found.id)

    def grid(self, found: Comparison) -> Grid:
        examples = self.store.evaluation_set("p", found.set_name, found.set_version).examples
        return load_grid(self.store, found, examples)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


@pytest.fixture
def contains() -> Callable[[str], AssertionSpec]:
    return lambda text: AssertionSpec(type="contains", value=text)


@pytest.fixture
def less_is_better(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if `answer_f1` were a metric of which less is better; so far there is none."""
    monkeypatch.setitem(METRICS, "answer_f1", replace(METRICS["answer_f1"], higher_is_better=False))  # type: ignore[arg-type]
