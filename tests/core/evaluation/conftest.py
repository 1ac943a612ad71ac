from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from llmopt_core.evaluation.judge import JudgeSpec
from llmopt_core.evaluation.metrics import build_metrics
from llmopt_core.evaluation.sample import Sample
from llmopt_core.models.base import BUILTIN_EMBEDDING
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import HashEmbedder, ScriptedChat
from llmopt_core.settings import Settings
from llmopt_core.types import Answer, Chunk, Example, Hit, Score, Span, Usage

TOWER = (
    "The Eiffel Tower was completed in 1889 for the World's Fair. It is 330 metres tall. Gustave Eiffel's company "
    "designed and built it."
)
BANANAS = "Bananas are rich in potassium. They grow in the tropics."
QUESTION = "When was the Eiffel Tower completed?"


def hit(text: str, document: str = "a.txt", start: int = 0, score: float = 1.0) -> Hit:
    return Hit(Chunk(document, start, start + len(text), text), score)


def sample(
    answer: str | None = "1889",
    contexts: Sequence[str] | None = (TOWER, BANANAS),
    question: str = QUESTION,
    reference: str | None = "1889",
    references: tuple[Span, ...] = (),
) -> Sample:
    """One example; contexts become hits of the documents c0, c1 ...; None stands for no retrieval."""
    hits = None if contexts is None else tuple(hit(text, f"c{n}") for n, text in enumerate(contexts))
    said = None if answer is None else Answer(answer, hits or ())
    return Sample(Example("e1", question, reference, references), said, hits)


@pytest.fixture
def models(tmp_path: Path) -> Models:
    """Models whose embedding is the hashing one, and whose only endpoint is scripted by the test."""
    found = Models(Settings(home=tmp_path), endpoints={})
    found.register_embedder(BUILTIN_EMBEDDING, HashEmbedder())
    return found


Scorer = Callable[..., "tuple[Score, Usage]"]


@pytest.fixture
def judged(models: Models):
    """Score one sample with an LLM judge that follows a script: `await judged(metric, script, sample)`."""

    async def score(metric: str, script: ScriptedChat, what: Sample, **settings) -> tuple[Score, Usage]:
        models.register("judge", script)
        judge = JudgeSpec(endpoint="judge", model="m", **settings)
        return await build_metrics([metric], judge, models)[0].score(what)

    return score


@pytest.fixture
def scored(models: Models):
    """Score one sample by one metric with the built-in judge."""

    async def score(metric: str, what: Sample) -> Score:
        found, usage = await build_metrics([metric], JudgeSpec(), models)[0].score(what)
        assert usage == Usage()
        return found

    return score
