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
    MetricInfo(
        "execution_accuracy",
        "Execution accuracy",
        "answer",
        ("query",),
        True,
        "1 where the query's result is that of a right query: the same rows as often, in the same order where the "
        "right query orders them. Where both are empty nothing is proved, and there is no value.",
    ),
    MetricInfo(
        "first_draft_accuracy",
        "Execution accuracy before repair",
        "answer",
        ("query",),
        True,
        "Execution accuracy of the first query, before any repair or vote: what these two gained and what they harmed.",
    ),
    MetricInfo(
        "spider_accuracy",
        "Spider accuracy",
        "answer",
        ("query",),
        True,
        "As Spider's test-suite script counts: columns in any order, DISTINCT ignored.",
    ),
    MetricInfo(
        "bird_accuracy",
        "BIRD accuracy",
        "answer",
        ("query",),
        True,
        "As BIRD's script counts: the set of rows, without order and repetition.",
    ),
    MetricInfo(
        "spider2_accuracy",
        "Spider 2 accuracy",
        "answer",
        ("query",),
        True,
        "As Spider 2's script counts: every column of the right result stands among the query's columns.",
    ),
    MetricInfo(
        "defog_accuracy",
        "Defog accuracy",
        "answer",
        ("query",),
        True,
        "As Defog's script counts: the same table, or the right one within it.",
    ),
    MetricInfo(
        "valid_sql",
        "Valid SQL",
        "answer",
        ("database",),
        True,
        "1 where the query ran, even with an empty result.",
    ),
    MetricInfo(
        "first_try",
        "First query runs",
        "answer",
        ("database",),
        True,
        "1 where the first query ran, so that nothing had to be repaired.",
    ),
    MetricInfo(
        "table_recall",
        "Table recall",
        "retrieval",
        ("query",),
        True,
        "Share of the tables that a right query reads which the model was shown.",
    ),
    MetricInfo(
        "column_recall",
        "Column recall",
        "retrieval",
        ("query",),
        True,
        "Share of the columns that a right query reads which the model was shown.",
    ),
)

METRICS: Mapping[str, MetricInfo] = {info.name: info for info in _ALL}
# Those that are offered and chosen together; context utilization stands in where there is no reference.
RAGAS_METRICS = ("faithfulness", "answer_relevancy", "context_precision", "context_recall")
DATA_METRICS = tuple(info.name for info in _ALL if {"query", "database"} & set(info.needs))
"""Those of data questions; they say nothing of other questions."""
GOLD_METRICS = tuple(info.name for info in _ALL if "query" in info.needs)
"""Those that need a right query."""
CORRECTNESS = "answer_f1"
"""What decides who leads, where it was measured."""


def metric_title(name: str) -> str:
    """A metric's name as users read it."""
    return METRICS[name].title if name in METRICS else name
