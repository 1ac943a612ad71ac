"""Assertions: conditions that an answer passes or fails, apart from scores.

An assertion that cannot run is neither: `passed` is None and the failure says why.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from llmopt_core.evaluation.assertions.columns import assertions_of, labels, threshold_of, without_assertions
from llmopt_core.evaluation.assertions.rubric import RUBRIC_VERSION, meets_rubric
from llmopt_core.evaluation.assertions.spec import SIMILAR_THRESHOLD, AssertionSpec, problem_of
from llmopt_core.evaluation.assertions.text import TEXT_ASSERTIONS, Finding
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.evaluation.metrics.registry import build_metrics
from llmopt_core.evaluation.sample import CouldNotScore, Meter, MetricInfo, Sample, score_or_failure
from llmopt_core.execution.money import dollars
from llmopt_core.index.embedding_cache import encode_with_cache
from llmopt_core.prompts.template import render
from llmopt_core.types import Answer, Chunk, Example, Hit, Score, Usage

if TYPE_CHECKING:
    from llmopt_core.models.registry import Models

__all__ = [
    "Assertion",
    "AssertionSpec",
    "assertions_of",
    "build_assertions",
    "threshold_of",
    "verdict",
]

# Part of the key of every check's score: raise it when one decides otherwise, or old scores are taken from the cache.
VERSION = "1"
# These may take up to a second; the others nothing worth a thread.
_SLOW = ("regex", "json-schema")


class Assertion:
    """An assertion ready to run; it has the shape of a metric.

    Args:
        spec: The condition.
        name: What its score is called.
        judge: Grades rubrics; its embedding serves similarity.
        models: Where both come from; neither is loaded before it is needed.
    """

    def __init__(self, spec: AssertionSpec, name: str, judge: JudgeSpec, models: Models) -> None:
        self.spec = spec
        self.name = name
        self._judge = judge
        self._models = models

    @property
    def info(self) -> MetricInfo:
        """For forms and tables."""
        return MetricInfo(self.name, self.name, "check", ("answer",), True, self.spec.label, "passed")

    @property
    def version(self) -> str:
        """Changes whenever the same answer could get another verdict."""
        # Only where a judge decides: another judge does not change whether a text is contained.
        rubric = f"/{RUBRIC_VERSION}/{self._judge.version}" if self.spec.type in ("llm-rubric", "metric") else ""
        embedding = f"/{self._judge.embedding.fingerprint}" if self.spec.type == "similar" else ""
        # JSON's `true` was once taken for its 1: only what may have been decided so is decided again.
        json = "/2" if self.spec.type == "equals" and not isinstance(self.spec.value, str) else ""
        return f"check-{VERSION}-{self.spec.fingerprint}{rubric}{embedding}{json}"

    @property
    def judge(self) -> str:
        """Name of the judge of a rubric or metric; else empty."""
        return self._judge.label if self.spec.type in ("llm-rubric", "metric") else ""

    async def score(self, sample: Sample) -> tuple[Score, Usage]:
        """The verdict and what the judge's calls took. The value is 1 or 0, or the measured number."""

        async def work(meter: Meter) -> Score:
            finding = await self._find(sample, meter)
            # `!=` is exclusive or: a negated check passes where the condition does not hold.
            has_passed = finding.holds != self.spec.negate
            value = float(has_passed) if finding.value is None else finding.value
            return Score(self.name, value, finding.reason, passed=has_passed, judge=self.judge)

        return await score_or_failure(self.name, self.judge, work)

    async def _find(self, sample: Sample, meter: Meter) -> Finding:
        answer = sample.answer
        if answer is None or sample.problem:
            raise CouldNotScore(sample.problem)
        spec = self.spec
        if has_templates(spec):
            # In a thread: a template of a user may loop for up to its time limit.
            spec = await asyncio.to_thread(fill_texts, spec, sample.example)
        if spec.type in _SLOW:
            return await asyncio.to_thread(TEXT_ASSERTIONS[spec.type], answer.text, spec)
        if spec.type in TEXT_ASSERTIONS:
            return TEXT_ASSERTIONS[spec.type](answer.text, spec)
        if spec.type == "similar":
            return await self._similar(answer.text, spec, sample.example)
        if spec.type == "llm-rubric":
            return await self._rubric(answer.text, spec, meter)
        if spec.type == "metric":
            return await self._metric(sample, spec, meter)
        if spec.type == "unsupported":
            raise CouldNotScore(spec.value["reason"])
        return _latency(answer, spec) if spec.type == "latency" else _cost(answer, spec)

    async def _similar(self, answer: str, spec: AssertionSpec, example: Example) -> Finding:
        # Blank right answers say nothing, and every text is about as near to them.
        references = [spec.value] if spec.value else [answer for answer in example.right_answers if answer]
        if not references:
            raise CouldNotScore("There is neither a text to compare with nor a reference answer.")
        if not answer.strip():
            return Finding(False, "The answer is blank.", 0.0)
        embedder = await asyncio.to_thread(self._models.embedder, self._judge.embedding)
        texts = [answer, *references]
        # The answer and all right ones in one call, which is one batch for the model.
        vector, *others = await asyncio.to_thread(encode_with_cache, texts, embedder, self._models.cache)
        cosine, minimum = max(float(np.dot(vector, one)) for one in others), _or(spec.threshold, SIMILAR_THRESHOLD)
        best = f" to the nearest of {len(references)} right answers" if len(references) > 1 else ""
        return Finding(cosine >= minimum, f"Cosine similarity{best} {cosine:.3f}, at least {minimum:g} wanted.", cosine)

    async def _metric(self, sample: Sample, spec: AssertionSpec, meter: Meter) -> Finding:
        (metric,) = build_metrics([spec.value], self._judge, self._models)
        score, usage = await metric.score(_with_context(sample))
        meter.add(usage)
        if score.value is None:
            raise CouldNotScore(score.failure)
        minimum = _or(spec.threshold, 0.0)
        return Finding(
            score.value >= minimum, f"{spec.value} is {score.value:.3g}, at least {minimum:g} wanted.", score.value
        )

    async def _rubric(self, answer: str, spec: AssertionSpec, meter: Meter) -> Finding:
        if self._judge.is_builtin:
            raise CouldNotScore("The built-in judge cannot grade a rubric in words; choose an LLM as judge.")
        # Looked up at use: most sets of checks need no judge, which may not even be set up.
        chat = self._models.chat(self._judge.chat_model)
        return await meets_rubric(answer, spec.value, spec.threshold, self._judge, chat, meter)


def build_assertions(specs: Sequence[AssertionSpec], judge: JudgeSpec, models: Models) -> list[Assertion]:
    """The assertions ready to run, each with a name of its own."""
    return [Assertion(spec, name, judge, models) for spec, name in zip(specs, labels(specs), strict=True)]


def verdict(specs: Sequence[AssertionSpec], scores: Sequence[Score], threshold: float | None = None) -> bool | None:
    """Whether a test passed; None where that is not known.

    A test with an unsupported assertion is never decided. Without a threshold every one must pass, so one that failed
    decides, whatever did not run. With one, the weighted share must reach it: an assertion with a score between 0 and 1
    (similarity, rubric, metric) counts with that score, any other with 1 or 0.

    Args:
        specs: The test's assertions.
        scores: Their scores, in the same order.
        threshold: Least share; None for all.
    """
    # A check of weight 0 is shown only.
    pairs = [(spec, score) for spec, score in zip(specs, scores, strict=True) if spec.weight > 0]
    if any(spec.type == "unsupported" for spec in specs):
        return None
    # A failure decides even where others could not run: nothing can make all of them pass any more.
    if threshold is None and any(score.passed is False for _, score in pairs):
        return False
    if any(score.passed is None for _, score in pairs):
        return None
    total = sum(spec.weight for spec, _ in pairs)
    if threshold is None or not total:
        return True
    points = sum(spec.weight * _points(spec, score) for spec, score in pairs)
    # Weights such as .7 and .1 of 1 earn .7999999999999999 in binary, which is the .8 that was asked for.
    return points / total >= threshold or math.isclose(points / total, threshold, rel_tol=1e-9)


def has_templates(spec: AssertionSpec) -> bool:
    """Whether the assertion's texts take something from the example."""
    texts = spec.value if isinstance(spec.value, list | tuple) else [spec.value]
    # A schema may hold braces of its own, and an unsupported one is kept as it was.
    is_fixed = spec.type in ("json-schema", "metric", "unsupported")
    return not is_fixed and any(isinstance(text, str) and ("{{" in text or "{%" in text) for text in texts)


def fill_texts(spec: AssertionSpec, example: Example) -> AssertionSpec:
    """The assertion with its texts filled in from the example's variables, question and reference.

    Raises:
        BadInput: A text uses something the example does not have.
        CouldNotScore: Nothing is left to look for.
    """
    variables = {**without_assertions(example.variables), "question": example.question}
    if example.reference is not None:
        variables["reference"] = example.reference
    assertion = spec.model_copy(update={"value": _fill(spec.value, variables)})
    # A variable may be empty, which leaves a text to look for that every answer holds.
    problem = problem_of(assertion)
    if problem:
        raise CouldNotScore(f"With this example's variables filled in, the assertion {problem}.")
    return assertion


def _with_context(sample: Sample) -> Sample:
    """Without retrieval, the example's own `context` is what the answer should rest on."""
    context = sample.example.variables.get("context")
    if sample.hits is not None or not isinstance(context, str) or not context:
        return sample
    # As one chunk of the whole text, since metrics read what retrieval gives.
    return replace(sample, hits=(Hit(Chunk("context", 0, len(context), context), 1.0),))


def _fill(value: Any, variables: Mapping[str, Any]) -> Any:
    if isinstance(value, list | tuple):
        return [_fill(item, variables) for item in value]
    return render(value, variables) if isinstance(value, str) else value


def _points(spec: AssertionSpec, score: Score) -> float:
    if spec.type in ("similar", "llm-rubric", "metric") and score.value is not None:
        # Cosines below 0 would take away from what other checks earned.
        value = min(1.0, max(0.0, score.value))
        return 1.0 - value if spec.negate else value
    return float(bool(score.passed))


def _latency(answer: Answer, spec: AssertionSpec) -> Finding:
    # The spec asks for a threshold, so the 0 stands for the type checker alone.
    limit = _or(spec.threshold, 0.0)
    return Finding(answer.seconds <= limit, f"Took {answer.seconds:.3g} s, at most {limit:g} s wanted.", answer.seconds)


def _cost(answer: Answer, spec: AssertionSpec) -> Finding:
    cost, limit = answer.usage.cost_usd, _or(spec.threshold, 0.0)
    if cost is None:
        raise CouldNotScore("The cost is unknown: the endpoint has no price for this model; add one in Settings.")
    # What it took from the cache is nothing, and a limit on cost would pass for ever.
    if answer.usage.cached_calls:
        raise CouldNotScore("The answer came from the call cache, which does not tell what it cost when it was made.")
    return Finding(cost <= limit, f"Cost {dollars(cost)}, at most {dollars(limit)} wanted.", cost)


def _or(value: float | None, default: float) -> float:
    return default if value is None else value
