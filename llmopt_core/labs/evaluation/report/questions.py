"""What the evaluation is for, and what it was made on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.experiments.result_file import result_clusters, result_split
from llmopt_core.labs.evaluation.report.source import ReportSource
from llmopt_core.reporting.formatting import plural
from llmopt_core.reporting.sections import ReportSection, ReportTable
from llmopt_core.types.parts import CONFIRM, NEVER_SEEN, SEARCH

_SPLITS = {
    SEARCH: "search: what was tuned or chosen on these questions looks better here than on new ones",
    CONFIRM: "confirm: held back while searching",
    NEVER_SEEN: "never seen: held back until the end",
}
NO_SPLIT = "none: all questions of the set, or its file names no part"


def goal_section(source: ReportSource, goal: str) -> ReportSection:
    """What is to be found out."""
    others = [label for i, label in enumerate(source.labels) if i != source.baseline]
    base = source.labels[source.baseline]
    metric = f" First of all by {metric_title(source.metric)}." if source.metric else ""
    asked = (
        f"Find out whether {plural(len(others), 'configuration')} ({', '.join(others)}) "
        f"{'is' if len(others) == 1 else 'are'} better than {base}, by how much, and where they fail.{metric}"
        if others
        else f"Find out how good {base} is, and where it fails.{metric}"
    )
    return ReportSection("Goal", tuple(filter(None, (goal, asked))))


def question_section(source: ReportSource) -> ReportSection:
    """The questions, the part of them that was asked, and the documents."""
    evaluation_set = _mapping(source.result.get("evaluation_set"))
    questions = {str(record["example_id"]): record for run in source.runs for record in run["records"]}
    documents = {
        str(place["document"])
        for record in questions.values()
        for place in record.get("references") or ()
        if isinstance(place, Mapping) and place.get("document")
    }
    clusters = set(result_clusters(source.result).values())
    size = evaluation_set.get("size")
    facts = (
        ("evaluation set", str(evaluation_set.get("name") or "not recorded")),
        ("version of its content", str(evaluation_set.get("version") or "not recorded")),
        ("split", _SPLITS.get(result_split(source.result), NO_SPLIT)),
        ("questions asked", f"{len(questions):,}" + (f" of {size:,}" if isinstance(size, int) else "")),
        ("documents with a source", f"{len(documents):,}" if documents else "not recorded"),
        ("independent groups", plural(len(clusters), "document") if clusters else "each question for itself"),
        ("graded by", str(source.result.get("judge") or "not recorded")),
    )
    return ReportSection("Data and splits", (), (ReportTable("", ("what", "value"), facts), *_categories(questions)))


def _categories(questions: Mapping[str, Mapping[str, Any]]) -> tuple[ReportTable, ...]:
    counts = Counter(str(record.get("category") or "(none)") for record in questions.values())
    if len(counts) < 2:
        return ()
    rows = tuple((name, f"{count:,}") for name, count in counts.most_common())
    return (ReportTable("Categories", ("category", "questions"), rows, is_folded=True),)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
