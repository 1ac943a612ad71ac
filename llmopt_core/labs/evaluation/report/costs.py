"""What a question costs with each configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from llmopt_core.experiments.result_file import is_number
from llmopt_core.labs.evaluation.report.source import ReportSource
from llmopt_core.reporting.formatting import DASH, money, number, short_time
from llmopt_core.reporting.sections import ReportSection, ReportTable

_COLUMNS = ("cost per question", "tokens per question", "time per question", "asked afresh (n)", "from the cache")
_NOTE = (
    "Means with 95 % intervals over the answered questions that were asked afresh, judging with them; answers from the "
    "cache took less than they would, and are left out. A dash means not recorded, which is not 0. Unit: question."
)
_NO_INTERVAL = (
    "Where no interval stands, nobody knows what single questions took: fewer than two were asked afresh, or the file "
    "is of an earlier version or another tool. What is free has none."
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
    return ReportSection("Costs", (), (ReportTable("", columns, rows, f"{_NOTE} {_NO_INTERVAL} {source.scope}"),))


def _values(each: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        _mean(each, "cost_usd", money),
        _mean(each, "tokens", number),
        _mean(each, "seconds", short_time),
        number(_number(each, "asked")),
        number(_number(each, "cached")),
    )


def _mean(each: Mapping[str, Any], name: str, write: Callable[[float], str]) -> str:
    """A mean with its interval, where the file has it."""
    mean = _number(each, name)
    if mean is None:
        return DASH
    ends = _mapping(each.get("ci95")).get(name)
    # What is free has no interval, and a file may hold anything.
    if not mean or not isinstance(ends, list) or len(ends) != 2 or not all(map(is_number, ends)):
        return write(mean)
    return f"{write(mean)} ({write(float(ends[0]))} to {write(float(ends[1]))})"


def _ratio(each: Mapping[str, Any], base: Mapping[str, Any]) -> str:
    after, before = _number(each, "cost_usd"), _number(base, "cost_usd")
    return DASH if after is None or not before else number(after / before)


def _number(values: Mapping[str, Any], name: str) -> float | None:
    value = values.get(name)
    return float(value) if value is not None and is_number(value) else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
