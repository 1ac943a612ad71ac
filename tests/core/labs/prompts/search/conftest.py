from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.search.task import Budget, SearchTask
from llmopt_core.jobs.queue import JobRunner
from llmopt_core.labs.job_kinds import job_kinds
from llmopt_core.models.base import BUILTIN_EMBEDDING, ChatRequest
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.prices import Prices
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import HashEmbedder, ScriptedChat
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_core.types import EvaluationSet, Example

SHOTS = (
    {"question": "How warm is snow?", "answer": "cold"},
    {"question": "Which colour has a lie?", "answer": "MISLEADS"},
    {"question": "Which colour has a guide?", "answer": "GUIDES"},
)


def examples(count: int) -> tuple[Example, ...]:
    return tuple(Example(f"q{n}", f"What number follows the number {n * 37}?", f"{n * 37 + 1}") for n in range(count))


def reply(request: ChatRequest) -> str:
    """Right for a third of the questions; for all with the guide or a good instruction, for none with the lie."""
    text = "\n".join(message.content for message in request.messages)
    number = int(re.findall(r"\d+", text)[-1])
    if "MISLEADS" in text or "Be bad" in text:
        return "no"
    right = "GUIDES" in text or "Be good" in text or (number // 37) % 3 == 0
    return str(number + 1) if right else "no"


Proposals = Callable[[ChatRequest], str]


@dataclass
class Lab:
    """A workspace in which scripted models answer and propose."""

    home: Path
    chat: ScriptedChat = field(default_factory=lambda: ScriptedChat(reply, cost_usd=0.01))
    writer: ScriptedChat = field(default_factory=lambda: ScriptedChat(lambda _: "nothing", cost_usd=0.05))
    reports: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.settings = Settings(home=self.home)
        self.store = Store.open(self.settings)
        self.store.ensure_project("p")

    def runner(self) -> JobRunner:
        """Does the jobs of this workspace with the scripted models."""

        def plug_in(models: Models) -> None:
            models.register("scripted", self.chat)
            models.register("writer", self.writer)
            models.register_embedder(BUILTIN_EMBEDDING, HashEmbedder())

        return JobRunner(self.store, self.settings, job_kinds(), environ={}, plug_ins=plug_in)

    def models(self) -> Models:
        priced = {name: Endpoint(name=name, prices={"*": Prices(prompt=1)}) for name in ("scripted", "writer")}
        models = Models(self.settings, self.store.cache, {**priced, "free": Endpoint(name="free")})
        models.register("scripted", self.chat)
        models.register("writer", self.writer)
        models.register_embedder(BUILTIN_EMBEDDING, HashEmbedder())
        return models

    def task(self, count: int = 24, budget: dict[str, Any] | None = None, **prompt: Any) -> SearchTask:
        values = {"system": "Answer.", "few_shot": {"examples": SHOTS}, **prompt}
        configuration = Configuration.model_validate(
            {"name": "c", "model": {"endpoint": "scripted", "name": "m"}, "prompt": values}
        )
        return SearchTask(
            "p",
            configuration,
            EvaluationSet("questions", examples(count)),
            "exact_match",
            budget=Budget.model_validate(budget or {}),
            source="support v1",
        )

    async def run(self, search: Callable[..., Any], task: SearchTask, **options: Any) -> Any:
        """Run a search in a fresh set of models."""
        async with self.models() as models:
            return await search(task, models, report=self.reports.append, **options)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)
