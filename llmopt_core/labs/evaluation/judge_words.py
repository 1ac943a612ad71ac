"""What people are asked when they label, and labels as a file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from llmopt_core.evaluation.metrics.catalogue import METRICS, metric_title
from llmopt_core.labs.evaluation.judge_rows import Group
from llmopt_core.runs.store_judge_labels import JudgeLabel
from llmopt_core.runs.values import Run
from llmopt_core.text.csv_text import csv_of

_QUESTIONS: Mapping[str, str] = {
    "faithfulness": "Does the retrieved text support all that the answer says?",
    "answer_relevancy": "Does the answer address the question, be it right or wrong?",
    "context_precision": "Do the chunks that help with the reference answer stand at the top?",
    "context_recall": "Does the retrieved text hold the whole reference answer?",
    "context_utilization": "Do the chunks that help with the answer stand at the top?",
}
GROUP_WORDS: Mapping[Group, str] = {
    "only second": "flip: only the second passes",
    "only first": "flip: only the first passes",
    "both pass": "both pass",
    "both fail": "both fail",
    "same pass": "the same answer, passes",
    "same fail": "the same answer, fails",
    "pass": "passes",
    "fail": "fails",
}
"""What the judge says of the rows of a group."""


def judged_criteria(runs: Sequence[Run]) -> list[str]:
    """The metrics that a judge graded in all of these runs."""
    return [
        name for name, metric in METRICS.items() if "judge" in metric.needs and all(name in run.metrics for run in runs)
    ]


def criterion_question(criterion: str) -> str:
    """What a person answers with pass or fail."""
    return _QUESTIONS.get(criterion, f"Does it pass by {metric_title(criterion)}?")


def labels_csv(labels: Sequence[JudgeLabel]) -> str:
    """Labels as a table, oldest first."""
    return csv_of(_values(labels))


def labels_json(labels: Sequence[JudgeLabel]) -> str:
    """Labels as a list of objects, oldest first."""
    return json.dumps(_values(labels), ensure_ascii=False, indent=1)


def _values(labels: Sequence[JudgeLabel]) -> list[dict[str, str]]:
    names = ("criterion", "example_id", "question", "answer", "person", "choice", "subject")
    return [
        {**{name: getattr(one, name) for name in names}, "saved_at": one.saved_at.isoformat() if one.saved_at else ""}
        for one in labels
    ]
