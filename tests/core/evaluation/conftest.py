from pathlib import Path

import pytest

from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.evaluation.metrics.registry import build_metrics
from llmopt_core.evaluation.sample import Sample
from llmopt_core.models.base import BUILTIN_EMBEDDING
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import HashEmbedder, ScriptedChat
from llmopt_core.settings import Settings
from llmopt_core.types import Score, Usage


@pytest.fixture
def models(tmp_path: Path) -> Models:
    """Models whose embedding is the hashing one, and whose only endpoint is scripted by the test."""
    result = Models(Settings(home=tmp_path), endpoints={})
    result.register_embedder(BUILTIN_EMBEDDING, HashEmbedder())
    return result


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
