"""Every metric by name, with what users read about it."""

from __future__ import annotations

from collections.abc import Mapping

from llmopt_core.evaluation.sample import MetricInfo

_ALL = (
    MetricInfo(
        "faithfulness",
        "Faithfulness",
        "answer",
        ("answer", "contexts", "judge"),
        True,
        "Share of the answer's statements that the retrieved text supports (Ragas). It measures grounding, not "
        "correctness: a wrong answer copied from the text is faithful.",
    ),
    MetricInfo(
        "answer_relevancy",
        "Answer relevancy",
        "answer",
        ("answer", "judge"),
        True,
        "How well the answer addresses the question, right or wrong; an evasive answer gets 0 (Ragas).",
    ),
    MetricInfo(
        "context_precision",
        "Context precision",
        "retrieval",
        ("retrieval", "reference", "judge"),
        True,
        "Average precision of the retrieved chunks: those useful for the reference answer, or the best of several, "
        "should stand at the top (Ragas).",
    ),
    MetricInfo(
        "context_recall",
        "Context recall",
        "retrieval",
        ("retrieval", "reference", "judge"),
        True,
        "Share of the reference answer, or the best of several right answers, that the retrieved text holds (Ragas).",
    ),
    MetricInfo(
        "context_utilization",
        "Context utilization",
        "retrieval",
        ("answer", "contexts", "judge"),
        True,
        "As context precision, judged against the answer given where there is no reference answer (Ragas).",
    ),
    MetricInfo(
        "exact_match",
        "Exact match",
        "answer",
        ("answer", "reference"),
        True,
        "1 where the answer equals the reference answer, or one of several right answers, but for case, punctuation "
        "and articles (SQuAD).",
    ),
    MetricInfo(
        "answer_f1",
        "Answer F1",
        "answer",
        ("answer", "reference"),
        True,
        "F1 of the words the answer shares with the reference answer, or with the nearest of several right answers "
        "(SQuAD); Chinese and Japanese by characters.",
    ),
    MetricInfo(
        "semantic_similarity",
        "Semantic similarity",
        "answer",
        ("answer", "reference"),
        True,
        "Cosine similarity of the embeddings of answer and reference answer, or the nearest of several right answers.",
    ),
    MetricInfo(
        "hit_rate",
        "Hit rate",
        "retrieval",
        ("retrieval", "references"),
        True,
        "1 where at least one retrieved chunk overlaps a source.",
    ),
    MetricInfo(
        "recall",
        "Retrieval recall",
        "retrieval",
        ("retrieval", "references"),
        True,
        "Share of the sources that some retrieved chunk overlaps.",
    ),
    MetricInfo(
        "mrr",
        "MRR",
        "retrieval",
        ("retrieval", "references"),
        True,
        "One over the rank of the first chunk that overlaps a source; 0 where none does.",
    ),
    MetricInfo(
        "ndcg",
        "nDCG",
        "retrieval",
        ("retrieval", "references"),
        True,
        "How early the sources are met in the ranking, against the best possible order.",
    ),
)

METRICS: Mapping[str, MetricInfo] = {info.name: info for info in _ALL}
# Those that are offered and chosen together; context utilization stands in where there is no reference.
RAGAS_METRICS = ("faithfulness", "answer_relevancy", "context_precision", "context_recall")
CORRECTNESS = "answer_f1"
"""What decides who leads, where it was measured."""


def metric_title(name: str) -> str:
    """A metric's name as users read it."""
    return METRICS[name].title if name in METRICS else name
