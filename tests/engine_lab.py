import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.pipeline import Pipeline
from llmopt_core.experiments.plan import Plan
from llmopt_core.jobs.queue import JobRunner
from llmopt_core.labs.job_kinds import job_kinds
from llmopt_core.models.base import BUILTIN_EMBEDDING, ChatRequest
from llmopt_core.models.endpoint_file import save_endpoint
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.prices import Prices
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import HashEmbedder, ScriptedChat
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_core.types import Document, EvaluationSet, Example, Span

TEXTS = {
    "rivers.txt": "The Rhine flows through Cologne. The Danube flows through Vienna and Budapest.",
    "metals.txt": "Gold has the symbol Au. Iron has the symbol Fe and rusts in wet air.",
    "planets.txt": "Mars has two moons. Jupiter is the largest planet of the solar system.",
}


def example(number: int, question: str, answer: str, document: str) -> Example:
    start = TEXTS[document].index(answer)
    return Example(
        f"q{number}", question, answer, (Span(document, start, start + len(answer)),), "fact", {"tone": "dry"}
    )


EXAMPLES = (
    example(0, "Which river flows through Cologne?", "Rhine", "rivers.txt"),
    example(1, "What is the symbol of gold?", "Au", "metals.txt"),
    example(2, "How many moons has Mars?", "two", "planets.txt"),
    example(3, "Which planet is the largest?", "Jupiter", "planets.txt"),
)


def reply(request: ChatRequest) -> str:
    """What the scripted model says: the answer to the example whose question is asked; Ragas' prompts get JSON."""
    text = request.messages[-1].content
    if "Now perform the same with the following input" in text:
        return _judged(text)
    return next((e.reference or "" for e in EXAMPLES if e.question in text), "no idea")


def _judged(text: str) -> str:
    asked = json.JSONDecoder().raw_decode(text.rsplit("input: ", 1)[1])[0]
    if "statements" in asked:
        verdicts = [{"statement": s, "reason": "r", "verdict": 1} for s in asked["statements"]]
        return json.dumps({"statements": verdicts})
    if "response" in asked:
        return json.dumps({"question": "what?", "noncommittal": 0})
    return json.dumps({"statements": [asked["answer"]]})


@dataclass
class Lab:
    """A workspace with scripted models."""

    home: Path
    chat: ScriptedChat = field(default_factory=lambda: ScriptedChat(reply, cost_usd=0.01))
    judge_chat: ScriptedChat = field(default_factory=lambda: ScriptedChat(reply, cost_usd=0.1))
    embedder: HashEmbedder = field(default_factory=HashEmbedder)
    metrics: tuple[str, ...] = ("answer_f1", "hit_rate")
    judge: JudgeSpec = field(default_factory=JudgeSpec)
    documents: tuple[Document, ...] = tuple(Document(name, text) for name, text in TEXTS.items())
    evaluation_set: EvaluationSet = field(default_factory=lambda: EvaluationSet("questions", EXAMPLES))

    def __post_init__(self) -> None:
        self.settings = Settings(home=self.home)
        self.store = Store.open(self.settings)
        self.store.ensure_project("p")

    def models(self) -> Models:
        priced = {
            name: Endpoint(name=name, prices={"*": Prices(prompt=1, completion=1)}) for name in ("scripted", "grader")
        }
        models = Models(self.settings, self.store.cache, priced)
        models.register("scripted", self.chat)
        models.register("grader", self.judge_chat)
        models.register_embedder(BUILTIN_EMBEDDING, self.embedder)
        return models

    def runner(self) -> JobRunner:
        """Does the jobs of this workspace with the scripted models, at their prices."""
        for name in ("scripted", "grader"):
            prices = {"*": Prices(prompt=1, completion=1)}
            save_endpoint(self.settings, Endpoint(name=name, base_url="http://127.0.0.1:9/v1", prices=prices))

        def plug_in(models: Models) -> None:
            models.register("scripted", self.chat)
            models.register("grader", self.judge_chat)
            models.register_embedder(BUILTIN_EMBEDDING, self.embedder)

        self.store.save_documents("p", self.documents)
        return JobRunner(self.store, self.settings, job_kinds(), environ={}, plug_ins=plug_in)

    def pipeline(self, configuration: Configuration, models: Models) -> Pipeline:
        return Pipeline(configuration, self.documents, self.metrics, self.judge, models)

    def plan(self, *configurations: Configuration, **changes: Any) -> Plan:
        return Plan("p", configurations, self.evaluation_set, self.documents, self.metrics, self.judge, **changes)

    def configuration(self, name: str = "rag", **changes: Any) -> Configuration:
        values = {
            "model": {"endpoint": "scripted", "name": "m"},
            "prompt": {"template": "{{ context }}\nQuestion: {{ question }}"},
            "retrieval": {"chunking": {"size": 20}, "top_k": 1},
        }
        return Configuration.model_validate({"name": name, **values, **changes})

    def restarted(self) -> "Lab":
        """The same workspace in a new process, as far as can be had: nothing but the store is left."""
        return Lab(self.home, metrics=self.metrics, judge=self.judge, documents=self.documents)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


@pytest.fixture
def calls() -> Callable[[Lab], Sequence[int]]:
    """Chat calls, judge calls, and texts embedded."""
    return lambda lab: (len(lab.chat.requests), len(lab.judge_chat.requests), len(lab.embedder.inputs))
