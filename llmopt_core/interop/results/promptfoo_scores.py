"""Scores of a result row of promptfoo: one per metric and assertion, with what graded it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llmopt_core.interop.results.rows import RowScore
from llmopt_core.interop.results.values import (
    mapping,
    number,
    sequence,
    text,
    truth,
)
from llmopt_core.types.grouping import group_values

PASS, SCORE = "pass", "score"
_GRADED_BY_MODEL = (
    "llm-rubric", "factuality", "model-graded-factuality", "model-graded-closedqa", "g-eval", "answer-relevance",
    "context-faithfulness", "context-recall", "context-relevance", "conversation-relevance", "select-best", "pi",
)  # fmt: skip


def components(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The results of the single assertions of a row."""
    parts = sequence(mapping(row.get("gradingResult")).get("componentResults"))
    return [part for part in parts if isinstance(part, Mapping)]


def row_scores(row: Mapping[str, Any]) -> dict[str, RowScore]:
    """Every score of a row by its name."""
    grading = mapping(row.get("gradingResult"))
    verdict = truth(row.get("success"))
    scores = {
        PASS: RowScore(None if verdict is None else float(verdict), text(grading.get("reason")), passed=verdict),
        SCORE: RowScore(number(row.get("score")), text(grading.get("reason"))),
    }
    parts = components(row)
    if not parts:
        named_scores = mapping(row.get("namedScores") or grading.get("namedScores"))
        return scores | {str(name): RowScore(number(value)) for name, value in named_scores.items()}
    groups = group_values((_metric(part), part) for part in parts)
    judge = _grader(row)
    return scores | {name: _component_score(group, judge) for name, group in groups.items()}


def _grader(row: Mapping[str, Any]) -> str:
    """The model that grades, where the test or the prompt names one."""
    places = (mapping(mapping(row.get("testCase")).get("options")), mapping(mapping(row.get("prompt")).get("config")))
    providers = (place.get("provider") for place in places)
    names = (text(mapping(one).get("id")) if isinstance(one, Mapping) else text(one) for one in providers)
    return next(filter(None, names), "")


def _metric(part: Mapping[str, Any]) -> str:
    assertion = mapping(part.get("assertion"))
    return text(assertion.get("metric") or assertion.get("type")) or "assertion"


def _component_score(parts: Sequence[Mapping[str, Any]], grader: str) -> RowScore:
    """The mean of the assertions of one name by their weights.

    Named scores say 0 for all assertions of weight 0, passed or not, so they are not used.
    """
    values = [(number(part.get("score")), _weight(part)) for part in parts]
    pairs = [(value, weight) for value, weight in values if value is not None]
    # All of weight 0: they count for nothing in the row's own score, and the same among themselves.
    weights = [weight for _, weight in pairs] if any(weight for _, weight in pairs) else [1.0] * len(pairs)
    reasons = "\n".join(filter(None, (text(part.get("reason")) for part in parts)))
    judge = grader if any(mapping(part.get("assertion")).get("type") in _GRADED_BY_MODEL for part in parts) else ""
    if not pairs:
        return RowScore(None, reasons, "the file has no score of this assertion", judge)
    mean = sum(value * weight for (value, _), weight in zip(pairs, weights, strict=True)) / sum(weights)
    return RowScore(mean, reasons, judge=judge)


def _weight(part: Mapping[str, Any]) -> float:
    weight = number(mapping(part.get("assertion")).get("weight"))
    return 1.0 if weight is None else max(weight, 0.0)
