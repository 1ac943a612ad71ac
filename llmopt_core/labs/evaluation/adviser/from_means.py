"""Causes by the means alone, for a file without records."""

from __future__ import annotations

from collections.abc import Mapping

from llmopt_core.labs.evaluation.adviser.causes import LOW_MEAN, Cause, Examination, Finding
from llmopt_core.statistics.intervals import Summary

# In the order of a question's way: what retrieval misses, no prompt mends.
_CAUSES: Mapping[str, Cause] = {
    "context_recall": "not-given",
    "context_precision": "noisy-context",
    "faithfulness": "unsupported",
    "answer_relevancy": "off-question",
}
_CORRECTNESS = ("answer_f1", "exact_match", "semantic_similarity")


def examine_means(summaries: Mapping[str, Summary], *, retrieves: bool) -> Examination:
    """As many findings without names as the means say that there are."""
    low = {name: one for name, one in summaries.items() if one.high is not None and one.high < LOW_MEAN}
    total = max((one.total for one in summaries.values()), default=0)
    is_wrong = any(name in low for name in _CORRECTNESS)
    findings: list[Finding] = []
    if is_wrong and not retrieves:
        findings += _of("no-knowledge", _missing(low, total))
    for metric, cause in _CAUSES.items():
        if metric in low and (retrieves or metric == "answer_relevancy"):
            findings += _of(cause, round((1 - (low[metric].mean or 0.0)) * total))
    if is_wrong and not findings:
        findings += _of("unread", _missing(low, total))
    rest = max(0, total - len(findings))
    return Examination((*findings, *(Finding("", None, False, True) for _ in range(rest))))


def _missing(low: Mapping[str, Summary], total: int) -> int:
    means = [one.mean for name, one in low.items() if name in _CORRECTNESS and one.mean is not None]
    return round((1 - max(means)) * total)


def _of(cause: Cause, count: int) -> list[Finding]:
    return [Finding("", cause, True, True) for _ in range(count)]
