"""The questions that a configuration won and lost against the baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.experiments.flips import Flip, Flips, list_flips
from llmopt_core.experiments.run_scores import common_examples
from llmopt_core.labs.evaluation.report.source import ReportSource
from llmopt_core.reporting.formatting import DASH, plural, score
from llmopt_core.reporting.sections import ReportSection, ReportTable

# Whole answers stand below, under their questions.
_LONGEST = 160


def wins_section(source: ReportSource) -> ReportSection:
    """Flips both ways of each configuration, largest first."""
    title = "Wins and losses"
    if len(source.labels) < 2 or not source.metric:
        return ReportSection(title, ("There is nothing to compare: one configuration, or no score.",))
    sentence = (
        f"By {metric_title(source.metric)}, against {source.labels[source.baseline]}, on the questions that both "
        f"answered; unit: question. {source.scope} Whether a difference is more than chance, the verdicts above say."
    )
    others = [i for i in range(len(source.labels)) if i != source.baseline]
    flips = {i: list_flips(source.tables[source.baseline], source.tables[i], source.metric) for i in others}
    counts = tuple(_counts(source, i, found) for i, found in flips.items())
    overview = ReportTable(
        "", ("configuration", "won", "lost", "equal", "pairs (n)", "scored on one side only"), counts
    )
    seen = [source.labels[i] for i, table in enumerate(source.tables) if table.seen]
    warning = [f"Trained on questions of this set, so that wins and losses prove nothing: {', '.join(seen)}."]
    return ReportSection(
        title,
        (sentence, *(warning if seen else [])),
        (overview, *(_questions(source, i, found) for i, found in flips.items())),
    )


def _counts(source: ReportSource, other: int, flips: Flips) -> tuple[str, ...]:
    won, lost = len(flips.gained), len(flips.lost)
    asked = len(common_examples(source.tables[source.baseline], source.tables[other]))
    paired = won + lost + flips.equal
    return (
        source.labels[other],
        f"{won:,}",
        f"{lost:,}",
        f"{flips.equal:,}",
        f"{paired:,} of {asked:,} asked of both",
        f"{len(flips.missing):,}",
    )


def _questions(source: ReportSource, other: int, flips: Flips) -> ReportTable:
    before, after = _records(source, source.baseline), _records(source, other)
    base, label = source.labels[source.baseline], source.labels[other]
    rows = [
        (outcome, flip.example_id, *_cells(flip, before, after))
        for outcome, group in (("won", flips.gained), ("lost", flips.lost))
        for flip in group
    ]
    title = f"{label}: {plural(len(flips.gained), 'question')} won, {len(flips.lost):,} lost"
    columns = ("outcome", "id", "question", "score before", "score now", f"answer of {base}", f"answer of {label}")
    return ReportTable(title, columns, tuple(rows), is_folded=True)


def _records(source: ReportSource, run: int) -> dict[str, Mapping[str, Any]]:
    return {str(record["example_id"]): record for record in source.runs[run]["records"]}


def _cells(
    flip: Flip, before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> Sequence[str]:
    first, second = before[flip.example_id], after[flip.example_id]
    question = _shorten(str(first.get("question") or ""))
    return question, score(flip.before), score(flip.after), _answer(first), _answer(second)


def _answer(record: Mapping[str, Any]) -> str:
    answer = record.get("answer")
    return DASH if answer is None else _shorten(str(answer)) or "(empty)"


def _shorten(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"
