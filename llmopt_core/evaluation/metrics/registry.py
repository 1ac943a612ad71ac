"""Metric names -> metrics ready to score."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.judges.builtin.judge import QUESTIONS, BuiltinJudge
from llmopt_core.evaluation.judges.builtin.token_vectors import TokenReader
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.evaluation.judges.llm import LlmJudge
from llmopt_core.evaluation.metrics.best_answer import best_of_answers
from llmopt_core.evaluation.metrics.catalogue import METRICS, RAGAS_METRICS
from llmopt_core.evaluation.metrics.queries import QUERY_WORK
from llmopt_core.evaluation.metrics.ragas import JudgeFor, RagasMetrics
from llmopt_core.evaluation.metrics.retrieval import RETRIEVAL_WORK
from llmopt_core.evaluation.metrics.text import score_answer_f1, score_exact_match, semantic_similarity
from llmopt_core.evaluation.sample import Encode, Metric, MetricInfo, PlainMetric, Sample, Work
from llmopt_core.index.embedding_cache import encode_with_cache
from llmopt_core.models.base import Vectors

if TYPE_CHECKING:
    from llmopt_core.models.registry import Models

__all__ = ["METRICS", "RAGAS_METRICS", "Metric", "MetricInfo", "Sample", "build_metrics"]

PLAIN_WORK: Mapping[str, Work] = {
    **RETRIEVAL_WORK,
    **QUERY_WORK,
    "exact_match": score_exact_match,
    "answer_f1": score_answer_f1,
}
"""Metrics that need no model, by name."""

VERSIONS: Mapping[str, str] = {}
"""Versions other than 1, by metric; raise one when the metric itself changes."""


def build_metrics(names: Sequence[str], judge: JudgeSpec, models: Models, *, judge_repeat: int = 0) -> list[Metric]:
    """The named metrics, in order, graded by one judge.

    Args:
        names: Keys of `METRICS`.
        judge: Grades the Ragas metrics; its embedding serves semantic similarity too.
        models: Where the judge's chat model and the embedding come from; neither is loaded before it is needed.
        judge_repeat: Numbers repeated judgements, so that an LLM is asked for each; the first is 0.

    Raises:
        BadInput: A name is unknown.
    """
    check_names(names)
    encode = _encoder(judge, models)
    work = {**PLAIN_WORK, "semantic_similarity": semantic_similarity(encode)}
    # The built-in judge gives the same question each time, so it is asked as often as it has ways to.
    ragas = RagasMetrics(
        _judges(judge, models, judge_repeat), encode, QUESTIONS if judge.is_builtin else judge.questions
    ).work()
    # Only metrics with a reference have several to be the best of.
    work |= {name: best_of_answers(one) if "reference" in METRICS[name].needs else one for name, one in ragas.items()}
    return [_metric(METRICS[name], work[name], judge) for name in names]


def check_names(names: Sequence[str]) -> None:
    """Refuse unknown metric names with the nearest known one."""
    for name in names:
        if name not in METRICS:
            suggestions = difflib.get_close_matches(name, METRICS, 1)
            hint = f"did you mean '{suggestions[0]}'?" if suggestions else f"known metrics: {', '.join(METRICS)}."
            raise BadInput(f"There is no metric '{name}'; {hint}")


def _metric(info: MetricInfo, work: Work, judge: JudgeSpec) -> Metric:
    version = f"{info.name}-{VERSIONS.get(info.name, '1')}"
    # With the judge's version in the key, scores by another judge are not taken from the cache.
    if "judge" in info.needs:
        return PlainMetric(info, work, f"{version}/{judge.version}", judge.label)
    # Another embedding gives other cosines.
    if info.name == "semantic_similarity":
        version += f"/{judge.embedding.fingerprint}"
    return PlainMetric(info, work, version)


def _judges(judge: JudgeSpec, models: Models, repeat: int) -> JudgeFor:
    """What makes the judge of one sample."""
    if judge.is_builtin:
        # One for all samples: texts that stand in several are read once.
        reader = TokenReader(models.token_embedder)
        return lambda sample, meter: BuiltinJudge(sample, reader)
    return lambda sample, meter: LlmJudge(judge, models.chat(judge.chat_model), meter, _contexts(sample), repeat)


def _contexts(sample: Sample) -> list[str]:
    return [hit.chunk.full_text for hit in sample.context_hits]


def _encoder(judge: JudgeSpec, models: Models) -> Encode:
    """Embeds through the cache; the model is loaded at the first text."""

    def encode(texts: Sequence[str]) -> Vectors:
        return encode_with_cache(texts, models.embedder(judge.embedding), models.cache)

    return encode
