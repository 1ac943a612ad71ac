"""What CONTRIBUTING says of how the app is extended is true: its places are there, and its ways work."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from llmopt_core.answering.answer import answer_question
from llmopt_core.chunking import chunk
from llmopt_core.chunking.measure import Measure
from llmopt_core.chunking.spec import ChunkingSpec
from llmopt_core.evaluation.assertions import check, spec, text
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.evaluation.metrics import catalogue, registry
from llmopt_core.evaluation.sample import Meter, MetricInfo, Outcome, Sample
from llmopt_core.experiments.experiment import run_experiment
from llmopt_core.jobs.context import JobContext
from llmopt_core.jobs.kind import JobKind
from llmopt_core.jobs.queue import JobRunner
from llmopt_core.labs.job_kinds import job_kinds
from llmopt_core.models.base import ModelSpec, ToolDefinition
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.prompts.spec import PromptSpec
from llmopt_core.retrieval import rerank
from llmopt_core.types import Answer, Document, Example, Spec, ToolCall, Usage
from tests.engine_lab import Lab

ROOT = Path(__file__).parents[3]
TABLE = re.compile(r"\| to add .*?\n\n", re.DOTALL)
NAMED = re.compile(r"`([^`]+)`")


def rows() -> list[list[str]]:
    result = TABLE.search((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert result is not None
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in result[0].strip().splitlines()[2:]]


def place(name: str) -> Path | None:
    return next((base / name for base in (ROOT, ROOT / "llmopt_core") if (base / name).exists()), None)


def test_every_way_to_extend_is_told() -> None:
    messages = {row[0] for row in rows()}
    assert messages >= {
        "a file type", "a chunker", "a reranker", "a metric", "an assertion", "a tool", "a lab", "an import format",
        "a table", "a page", "a job kind",
    }  # fmt: skip


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_the_places_it_names_are_there(row: list[str]) -> None:
    assert len(row) == 4
    for cell in row[2:]:
        file: Path | None = None
        for name in NAMED.findall(cell):
            if "/" in name:
                file = place(name)
                assert file is not None, f"{name} is not there"
            else:
                assert file is not None, f"{name} stands before a file"
                assert re.search(
                    rf"^{re.escape(name)}\b.*=|\b(?:class|def) {re.escape(name)}\b", file.read_text(), re.M
                )


async def score_politeness(sample: Sample, _: Meter) -> Outcome:
    """Whether the answer says please."""
    text = "please" in sample.answer_text.casefold()
    return Outcome(float(text), "It says please." if text else "It does not say please.")


async def test_a_metric(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    info = MetricInfo("politeness", "Politeness", "answer", ("answer",), True, "1 where the answer says please.")
    monkeypatch.setitem(catalogue.METRICS, info.name, info)
    monkeypatch.setitem(registry.PLAIN_WORK, info.name, score_politeness)
    lab.metrics, lab.chat = ("politeness",), ScriptedChat(lambda _: "Please see the Rhine.")

    async with lab.models() as models:
        (run_id,) = await run_experiment(lab.store, lab.plan(lab.configuration()), models)

    (record, *_) = lab.store.records(run_id)
    assert (record.scores["politeness"].value, record.scores["politeness"].explanation) == (1.0, "It says please.")


def lines(text: str, by: Measure, spec: ChunkingSpec, encode: object) -> list[tuple[int, int]]:
    """A chunk per line."""
    return [match.span() for match in re.finditer(r"\S.*", text)]


def test_a_chunker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(chunk.CUTTERS, "lines", lines)
    by_line = ChunkingSpec().model_copy(update={"method": "lines"})

    result = chunk.chunk_documents([Document("a.txt", "One line.\n\nAnother line.\n")], by_line)

    assert [(one.text, one.start) for one in result] == [("One line.", 0), ("Another line.", 11)]


class Shortest:
    """Short passages first."""

    async def score(self, question: str, passages: list[str]) -> tuple[list[float], Usage]:
        """See `Reranker.score`."""
        return [-float(len(passage)) for passage in passages], Usage()


async def test_a_reranker(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(rerank.RERANKERS, "shortest", lambda spec, index, models, cache: Shortest())
    plain = lab.configuration(retrieval={"chunking": {"size": 8}, "top_k": 3, "rerank": {"method": "late-interaction"}})
    retrieval = plain.retrieval
    assert retrieval is not None
    reranking = retrieval.rerank.model_copy(update={"method": "shortest"})
    shortest = plain.model_copy(update={"retrieval": retrieval.model_copy(update={"rerank": reranking})})

    async with lab.models() as models:
        pipeline = lab.pipeline(shortest, models)
        await pipeline.prepare(lab.evaluation_set.examples)
        found = await pipeline.retrieve(lab.evaluation_set.examples[0])

    lengths = [len(hit.chunk.text) for hit in found.hits]
    assert lengths == sorted(lengths)
    assert [stage.method for stage in found.trace if stage.stage == "rerank"] == ["shortest"]


def ends_with(answer: str, one: spec.AssertionSpec) -> text.Finding:
    """The answer ends with the text."""
    return text.Finding(answer.rstrip().endswith(one.value), f"The answer ends with {answer.rstrip()[-10:]!r}.")


async def test_an_assertion(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(text.TEXT_ASSERTIONS, "ends-with", ends_with)
    one = spec.AssertionSpec(type="contains", value="Rhine.").model_copy(update={"type": "ends-with"})
    sample = Sample(Example("q", "?"), Answer("It is the Rhine. "))

    async with lab.models() as models:
        (assertion,) = check.build_assertions([one], JudgeSpec(), models)
        score, _ = await assertion.score(sample)

    assert (score.passed, score.explanation) == (True, "The answer ends with 'the Rhine.'.")


class Clock:
    """A tool of a plugin."""

    definition = ToolDefinition("clock", "What time it is.")

    async def call(self, arguments: Mapping[str, Any]) -> str:
        return "noon"


async def test_a_tool(lab: Lab) -> None:
    lab.chat = ScriptedChat([ToolCall("a", "clock"), lambda request: f"It is {request.messages[-1].content}."])
    model = ModelSpec(endpoint="scripted", name="m")
    prompt = PromptSpec(template="{{ question }}")
    async with lab.models() as models:
        answer = await answer_question(Example("q", "What time is it?"), None, prompt, model, models, tools=[Clock()])
    assert answer.text == "It is noon."
    assert answer.usage.calls == 2


class Count(Spec):
    """Which set."""

    evaluation_set: str


def count(context: JobContext, arguments: Count) -> dict[str, int]:
    """How many questions a set has."""
    return {"questions": len(context.store.evaluation_set(context.project, arguments.evaluation_set).examples)}


def test_a_job_kind(lab: Lab) -> None:
    kinds = job_kinds()
    kinds.register(JobKind("count", Count, count, "Counting"))
    lab.store.save_evaluation_set("p", lab.evaluation_set)
    runner = JobRunner(lab.store, lab.settings, kinds)

    job = runner.wait(runner.submit("count", "p", Count(evaluation_set=lab.evaluation_set.name)))

    assert (job.status, job.result) == ("finished", {"questions": 4})
