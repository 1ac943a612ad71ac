"""What a question costs with each configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmopt_core.experiments.result_file import is_number
from llmopt_core.labs.evaluation.report.source import ReportSource
from llmopt_core.reporting.formatting import DASH, duration, money, number
from llmopt_core.reporting.sections import ReportSection, ReportTable

_COLUMNS = ("cost per question", "tokens per question", "time per question", "asked afresh (n)", "from the cache")
_NOTE = (
    "Means over the answered questions that were asked afresh, judging with them; answers from the cache took less "
    "than they would, and are left out. A dash means not recorded, which is not 0. Unit: question."
)


def cost_section(source: ReportSource) -> ReportSection:
    """Cost, tokens and time of a question, beside those of the baseline."""
    each = [_mapping(run.get("per_question")) for run in source.runs]
    base = each[source.baseline]
    rows = tuple(
        (label, *_values(one), "" if i == source.baseline else _ratio(one, base))
        for i, (label, one) in enumerate(zip(source.labels, each, strict=True))
    )
    ratio = f"cost × {source.labels[source.baseline]}"
    columns = ("configuration", *_COLUMNS, ratio)
    return ReportSection("Costs", (), (ReportTable("", columns, rows, _NOTE),))


def _values(each: Mapping[str, Any]) -> tuple[str, ...]:
    cost = _number(each, "cost_usd")
    return (
        DASH if cost is None else money(cost),
        number(_number(each, "tokens")),
        duration(_number(each, "seconds")),
        number(_number(each, "asked")),
        number(_number(each, "cached")),
    )


def _ratio(each: Mapping[str, Any], base: Mapping[str, Any]) -> str:
    after, before = _number(each, "cost_usd"), _number(base, "cost_usd")
    return DASH if after is None or not before else number(after / before)


def _number(values: Mapping[str, Any], name: str) -> float | None:
    value = values.get(name)
    return float(value) if value is not None and is_number(value) else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
