"""Which kinds of failure the configurations have."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt_core.labs.evaluation.failure_counts import count_kinds
from llmopt_core.labs.evaluation.failure_kinds import FAILURE_EXPLANATIONS, FAILURE_TITLES, Diagnosis, FailureKind
from llmopt_core.labs.evaluation.report.source import ReportSource
from llmopt_core.reporting.sections import ReportSection, ReportTable
from llmopt_core.statistics.intervals import Rate, rate

# More configurations than these go into a further table: a page has no room for them.
_COLUMNS = 3
_NOTE = (
    "Failed records of those of which it is known, with the share in percent and its 95 % interval (Wilson); unit: "
    "question."
)


def failure_section(source: ReportSource) -> ReportSection:
    """Each record by its likely cause, and failures by category."""
    undecided = [
        f"{label}: of {count} records nobody can tell whether they failed."
        for label, records in zip(source.labels, source.diagnoses, strict=True)
        if (count := sum(record.passed is None for record in records))
    ]
    starts = range(0, len(source.labels), _COLUMNS)
    return ReportSection(
        "Error kinds",
        tuple(undecided),
        (*(_kinds(source, slice(i, i + _COLUMNS)) for i in starts),
         *(table for i in starts for table in _categories(source, slice(i, i + _COLUMNS)))),
    )  # fmt: skip


def rate_words(counted: Rate) -> str:
    """`3 of 48: 6 % (2 to 17 %)`."""
    if counted.share is None or counted.low is None or counted.high is None:
        return f"{counted.passed} of {counted.scored}"
    ends = f"{100 * counted.low:.0f} to {100 * counted.high:.0f} %"
    return f"{counted.passed} of {counted.scored}: {100 * counted.share:.0f} % ({ends})"


def _kinds(source: ReportSource, part: slice) -> ReportTable:
    labels = source.labels[part]
    diagnoses = dict(zip(labels, source.diagnoses[part], strict=True))
    counts = {(count.kind, count.configuration): count.rate for count in count_kinds(diagnoses, first_only=True)}
    # Kinds that none of them has say nothing.
    kinds = [kind for kind in dict.fromkeys(kind for kind, _ in counts) if _is_found(kind, counts)]
    rows = [
        (_title(kind), *(rate_words(counts[kind, label]) for label in labels), _explanation(kind)) for kind in kinds
    ]
    total = ("All failures", *(rate_words(_failed(records)) for records in source.diagnoses[part]), "")
    return ReportTable("By likely cause", ("kind", *labels, "what it means"), (total, *rows), f"{_NOTE} {source.scope}")


def _is_found(kind: FailureKind | None, counts: dict[tuple[FailureKind | None, str], Rate]) -> bool:
    return any(counted.passed for (one, _), counted in counts.items() if one == kind)


def _title(kind: FailureKind | None) -> str:
    return FAILURE_TITLES[kind] if kind else "Kind unknown"


def _explanation(kind: FailureKind | None) -> str:
    return FAILURE_EXPLANATIONS[kind] if kind else "It failed, and nothing tells why."


def _failed(records: Sequence[Diagnosis]) -> Rate:
    return rate([None if record.passed is None else not record.passed for record in records])


def _categories(source: ReportSource, part: slice) -> list[ReportTable]:
    names = dict.fromkeys(record.category or "" for records in source.diagnoses for record in records)
    if len(names) < 2:
        return []
    rows = tuple(
        (name or "(none)", *(rate_words(_failed(_in_category(records, name))) for records in source.diagnoses[part]))
        for name in names
    )
    return [ReportTable("Failures by category", ("category", *source.labels[part]), rows, f"{_NOTE} {source.scope}")]


def _in_category(records: Sequence[Diagnosis], name: str) -> list[Diagnosis]:
    return [record for record in records if (record.category or "") == name]
