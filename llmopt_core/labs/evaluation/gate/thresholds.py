"""Means against their thresholds, of all questions and of each category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.experiments.run_scores import higher_is_better
from llmopt_core.labs.evaluation.gate.baseline import Run
from llmopt_core.labs.evaluation.gate.categories import categories_of
from llmopt_core.labs.evaluation.gate.outcome import Check
from llmopt_core.labs.evaluation.gate.rules import Rules, Threshold
from llmopt_core.reporting.formatting import number
from llmopt_core.statistics.clusters import summarize_clusters
from llmopt_core.statistics.intervals import Summary


def threshold_checks(rule: Threshold, run: Run, rules: Rules, clusters: Mapping[str, str]) -> list[Check]:
    """A threshold on the mean of a run, and on that of each category; none where it is about another configuration.

    Args:
        rule: The threshold.
        run: Of a result.
        rules: All of them.
        clusters: Of the questions, see `result_clusters`.

    Raises:
        BadInput: The run was not measured by this metric.
    """
    if rule.configuration not in ("", run["configuration"]):
        return []
    metric = run["metrics"].get(rule.metric)
    if metric is None:
        raise BadInput(f"{run['configuration']} has no metric {rule.metric}; it has: {', '.join(run['metrics'])}.")
    low, high = metric.get("ci95") or (None, None)
    whole = Summary(metric.get("mean"), low, high, metric.get("scored") or 0, metric.get("total") or 0)
    values = {str(record["example_id"]): _value(record, rule.metric) for record in run["records"]}
    return [
        _threshold_check(rule, run, whole, rules, None),
        *(
            _threshold_check(rule, run, _summary(values, examples, clusters), rules, category)
            for category, examples in categories_of(run).items()
        ),
    ]


def _threshold_check(rule: Threshold, run: Run, summary: Summary, rules: Rules, category: str | None) -> Check:
    check = Check(
        "fail-under",
        str(run["configuration"]),
        rule.metric,
        "passed",
        "",
        rule.value,
        category,
        category is None or rules.by_category,
        {"mean": summary.mean, "ci95": [summary.low, summary.high], "scored": summary.scored, "total": summary.total},
    )
    if summary.mean is None:
        return replace(check, outcome="coverage too low", words="could not be scored.")
    if summary.scored < rules.min_coverage * summary.total:
        words = (
            f"could be scored for {summary.scored} of {summary.total} questions only; at least "
            f"{rules.min_coverage:.0%} are needed (--min-coverage)."
        )
        return replace(check, outcome="coverage too low", words=words)
    # Where less is better, the bound is the most. Equal to the bound is good enough on both sides.
    higher = higher_is_better(rule.metric)
    is_missed = summary.mean < rule.value if higher else summary.mean > rule.value
    side = ("below" if higher else "above") if is_missed else "not below" if higher else "not above"
    words = f"is {summary.mean:.3g}, {side} {rule.value:g}{_doubt(summary, rule.value, is_missed=is_missed)}."
    return replace(check, outcome="failed" if is_missed else "passed", words=words)


def _summary(values: Mapping[str, float | None], examples: Sequence[str], clusters: Mapping[str, str]) -> Summary:
    labels = [clusters.get(one, f"question {one}") for one in examples] if clusters else None
    return summarize_clusters([values[one] for one in examples], labels)


def _doubt(summary: Summary, bound: float, *, is_missed: bool) -> str:
    """Where the interval holds the bound: that so few questions leave the other side open."""
    if summary.low is None or summary.high is None or not summary.low <= bound <= summary.high:
        return ""
    rest = "may reach it" if is_missed else "may miss it"
    return f"; its interval [{number(summary.low)}, {number(summary.high)}] holds the bound, so the true mean {rest}"


def _value(record: Mapping[str, Any], metric: str) -> float | None:
    value = record["scores"].get(metric, {}).get("value")
    return None if value is None else float(value)
