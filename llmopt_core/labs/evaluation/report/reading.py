"""How the numbers of a report came about, and what they do not say."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.experiments.result_file import result_clusters, result_split
from llmopt_core.labs.evaluation.report.source import ReportSource
from llmopt_core.reporting.formatting import plural
from llmopt_core.reporting.sections import ReportSection, ReportTable
from llmopt_core.reporting.verdict_words import power_words
from llmopt_core.types.parts import NEVER_SEEN, SEARCH


def method_section(source: ReportSource, method: str) -> ReportSection:
    """How means, verdicts and kinds are made."""
    return ReportSection(
        "Method",
        (
            "Means stand over the questions that were scored, with 95 % intervals; how many of how many were scored "
            "stands below each. What could not be scored is missing, and never counts as 0.",
            *([method] if method and len(source.labels) > 1 else []),
            "Error kinds follow the way of a question: of several the first is taken for the cause. They are told from "
            "texts, scores and traces by rules, and by nobody who read the answers.",
        ),
    )


def limits_section(source: ReportSource, caveats: Sequence[str]) -> ReportSection:
    """What a reader must not conclude."""
    missing = _missing(source)
    whole = () if missing else ("Every metric is known of every question that was asked.",)
    columns = ("configuration", "metric", "scored")
    tables = (ReportTable("Scores that are missing", columns, missing),) if missing else ()
    return ReportSection("Limits", (*caveats, *_split(source), *_size(source), *whole), tables)


def _split(source: ReportSource) -> list[str]:
    split = result_split(source.result)
    if split == NEVER_SEEN:
        return []
    if split == SEARCH:
        return ["These questions are there to search with: confirm the choice on questions that nobody tuned on."]
    return ["The questions are no part that was never seen: what was chosen on them looks better than on new ones."]


def _size(source: ReportSource) -> list[str]:
    if len(source.labels) < 2:
        return []
    questions = {str(record["example_id"]) for run in source.runs for record in run["records"]}
    clusters = result_clusters(source.result)
    count = len({clusters.get(question, f"question {question}") for question in questions}) if clusters else None
    return [power_words(len(questions), count)] if questions else []


def _missing(source: ReportSource) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (label, metric_title(name), f"{metric.get('scored') or 0:,} of {plural(total, 'question')}")
        for label, run in zip(source.labels, source.runs, strict=True)
        for name, metric in run["metrics"].items()
        if (total := int(metric.get("total") or 0)) > (metric.get("scored") or 0)
    )
