"""Answer -> scores: the run's metrics, and the assertions that an example brings along."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from llmopt_core.errors import OutOfBudget
from llmopt_core.evaluation.assertions.check import (
    AssertionSpec,
    assertions_of,
    build_assertions,
    threshold_of,
    verdict,
)
from llmopt_core.evaluation.assertions.columns import labels
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.evaluation.metrics.best_answer import VERSION as BEST_OF_ANSWERS
from llmopt_core.evaluation.metrics.registry import METRICS, Metric, Sample, build_metrics
from llmopt_core.execution.accounts import enter
from llmopt_core.execution.concurrency import run_together
from llmopt_core.experiments import keys
from llmopt_core.experiments.stages import StageCache
from llmopt_core.models.registry import Models
from llmopt_core.types import Answer, Example, Record, Score, Usage

ASSERTIONS = "checks"
"""The score that says whether an example passed its assertions."""

BUDGET = "budget"
"""The kind of failure of a score that the budget had no room for."""

ScoreWithUsage = tuple[Score, Usage]


def metrics_to_record(metrics: Sequence[str], examples: Sequence[Example]) -> tuple[str, ...]:
    """What a run over these examples is scored by: the metrics, and `ASSERTIONS` where an example has some."""
    names = tuple(name for name in metrics if name != ASSERTIONS)
    return (*names, ASSERTIONS) if any(assertions_of(example) for example in examples) else names


class Grader:
    """Scores answers; what a judge or an embedding graded before is not graded again.

    Args:
        metrics: Names of metrics.
        judge: Who grades.
        models: Of the current event loop.
    """

    def __init__(self, metrics: Sequence[str], judge: JudgeSpec, models: Models) -> None:
        self._judge = judge
        self._models = models
        self._stages = StageCache(models.cache)
        self._metrics: list[Metric] = list(build_metrics(metrics, judge, models))

    async def score(self, sample: Sample, *, partial: bool = False) -> tuple[dict[str, Score], Usage]:
        """Every score of one answer, and what the judge's calls took.

        Args:
            sample: The answer.
            partial: Whether a score that the budget has no room for is left without value, so that the answer is not
                lost with it.

        Raises:
            OutOfBudget: There was no room, and no part is wanted.
        """
        assertions = assertions_of(sample.example)
        graders = [*self._metrics, *self._build_assertions(assertions)]
        cached_scores, score_keys = self._read_cache(graders, sample)
        open_ones = [one for one in graders if one.name not in cached_scores]
        # What asks nobody is done at once; a task of its own would only wait for its turn.
        grade = _grade_within_budget if partial else _grade
        quick_scores = [await grade(one, sample) for one in open_ones if not _is_cacheable(one, sample)]
        slow_scores = await run_together([grade(one, sample) for one in open_ones if _is_cacheable(one, sample)])
        fresh_scores = dict([*quick_scores, *slow_scores])
        # A score without value is tried again the next time: the judge may have been out of reach.
        new_entries = {
            score_keys[name]: value
            for name, value in fresh_scores.items()
            if name in score_keys and value[0].value is not None
        }
        if new_entries:
            self._stages.put_scores(new_entries)
        cached_usage = _usage_from_cache(cached_scores.values())
        enter(cached_usage)
        results = {**cached_scores, **fresh_scores}
        scores = {one.name: results[one.name][0] for one in graders}
        if assertions:
            # Assertions were graded behind the metrics, in their own order.
            scores[ASSERTIONS] = _verdict(assertions, list(scores.values())[len(self._metrics) :], sample.example)
        return scores, sum((usage for _, usage in fresh_scores.values()), cached_usage)

    def scores_without_value(self, example: Example, why: str) -> dict[str, Score]:
        """The scores of an example that is not asked: each without value, for this reason."""
        assertions = assertions_of(example)
        names = [*(metric.name for metric in self._metrics), *labels(assertions), *([ASSERTIONS] if assertions else [])]
        return {name: Score(name, None, failure=why) for name in names}

    def is_cached(self, example: Example, answer: Answer, sample: Sample) -> bool:
        """Whether scoring this answer costs no model call."""
        all_graders = (*self._metrics, *self._build_assertions(assertions_of(example)))
        # An embedding model on this machine costs nothing, so only judges count.
        graders = [one for one in all_graders if one.judge and _is_cacheable(one, sample)]
        return len(self._read_cache(graders, sample)[0]) == len(graders)

    def _read_cache(
        self, graders: Sequence[Metric], sample: Sample
    ) -> tuple[dict[str, ScoreWithUsage], dict[str, str]]:
        """Scores that are kept, and the key of each that may be."""
        cacheable_graders = [one for one in graders if _is_cacheable(one, sample)]
        if sample.answer is None or not cacheable_graders:
            return {}, {}
        identity = keys.sample_identity(sample.example, sample.answer, sample.hits)
        has_alternatives = len(sample.example.right_answers) > 1
        # Of several right answers the best match counts, so it must not be taken for a score against one of them.
        best = keys.score_key(BEST_OF_ANSWERS, identity) if has_alternatives else identity
        score_keys = {
            one.name: keys.score_key(self._identity(one), best if _needs_reference(one) else identity)
            for one in cacheable_graders
        }
        return self._stages.scores(score_keys), score_keys

    def _build_assertions(self, assertions: Sequence[AssertionSpec]) -> list[Metric]:
        return list(build_assertions(assertions, self._judge, self._models)) if assertions else []

    def _identity(self, grader: Metric) -> str:
        identity = self._identities.get(grader.version)
        if identity is None:
            identity = self._identities[grader.version] = keys.scoring_identity(grader, self._judge, self._models)
        return identity

    @cached_property
    def _identities(self) -> dict[str, str]:
        return {}


def budget_gap(record: Record) -> str:
    """Why the budget had no room for a score of this record; empty where it had."""
    return next((score.failure for score in record.scores.values() if score.failure_kind == BUDGET), "")


def _is_cacheable(grader: Metric, sample: Sample) -> bool:
    """What calls a model. The rest is made faster than it is looked up, and some assertions look at time and cost."""
    info = getattr(grader, "info", None)
    # What is no answer is scored without asking anybody.
    if info is not None and "answer" in info.needs and sample.problem:
        return False
    spec = getattr(grader, "spec", None)
    return (
        bool(grader.judge)
        or grader.name in _EMBEDDING_METRICS
        or (isinstance(spec, AssertionSpec) and spec.type == "similar")
    )


def _needs_reference(grader: Metric) -> bool:
    spec = getattr(grader, "spec", None)
    metric = METRICS.get(grader.name)
    return (metric is not None and "reference" in metric.needs) or (
        isinstance(spec, AssertionSpec) and spec.type in ("similar", "metric")
    )


# They have no judge, but load a model or ask an endpoint, so they are kept all the same.
_EMBEDDING_METRICS = ("semantic_similarity",)


def _verdict(assertions: Sequence[AssertionSpec], scores: Sequence[Score], example: Example) -> Score:
    is_passed = verdict(assertions, scores, threshold_of(example))
    pass_count = sum(score.passed is True for score in scores)
    explanation = f"{pass_count} of {len(scores)} assertions passed."
    if is_passed is None:
        open_ones = "; ".join(f"{score.metric}: {score.failure}" for score in scores if score.passed is None)
        return Score(ASSERTIONS, None, explanation, failure=f"Not decided: {open_ones}")
    return Score(ASSERTIONS, float(is_passed), explanation, passed=is_passed)


async def _grade(grader: Metric, sample: Sample) -> tuple[str, ScoreWithUsage]:
    return grader.name, await grader.score(sample)


async def _grade_within_budget(grader: Metric, sample: Sample) -> tuple[str, ScoreWithUsage]:
    try:
        return await _grade(grader, sample)
    except OutOfBudget as error:
        # The answer is worth keeping without its score; a larger budget makes the score later.
        score = Score(grader.name, None, failure=str(error), judge=grader.judge, failure_kind=BUDGET)
        return grader.name, (score, Usage())


def _usage_from_cache(scores: Iterable[ScoreWithUsage]) -> Usage:
    return sum((usage.from_cache for _, usage in scores), Usage())
