"""The runs of a file as a ladder, where no project tells what was decided: each against the baseline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmopt_core.experiments.leaderboard import Cell, leaderboard
from llmopt_core.experiments.margin import margin_in
from llmopt_core.experiments.result_file import is_number, result_family
from llmopt_core.experiments.run_scores import higher_is_better
from llmopt_core.labs.evaluation.ladder.proposal import BASELINE, cost_change, propose
from llmopt_core.labs.evaluation.ladder.rung import Ladder, Rung, Section
from llmopt_core.labs.evaluation.report.source import ReportSource
from llmopt_core.runs.values import PerQuestion
from llmopt_core.statistics.intervals import Summary


def file_ladder(source: ReportSource) -> Ladder:
    """A ladder of proposals: nobody has decided anything in a file."""
    order = [source.baseline, *(i for i in range(len(source.labels)) if i != source.baseline)]
    metrics = [source.metric] if source.metric else []
    family, margin = result_family(source.result), margin_in(source.result)
    rows = leaderboard(source.tables, metrics, source.baseline, family, margin)
    rungs = tuple(
        _rung(source, position, i, rows[i].cells.get(source.metric)) for position, i in enumerate(order, start=1)
    )
    values = source.result.get("evaluation_set")
    questions = values if isinstance(values, Mapping) else {}
    section = Section(
        str(questions.get("name") or "questions"),
        str(questions.get("version") or ""),
        str(source.result.get("judge") or ""),
        None,
        rungs,
        "What was decided stands in the project, not in the file this report was made of: the verdicts propose.",
    )
    project = str(source.result.get("project") or "the file")
    return Ladder(project, source.metric, higher_is_better(source.metric), (section,))


def _rung(source: ReportSource, position: int, i: int, cell: Cell | None) -> Rung:
    base, each, name = source.labels[source.baseline], _each(source.runs[i]), source.labels[i]
    summary = cell.summary if cell else Summary(None, None, None, 0, 0)
    if i == source.baseline:
        return Rung(position, name, None, "", BASELINE, summary, each=each)
    compared = cell.versus if cell and cell.versus and cell.versus.pairs else None
    missing = f"no score by this metric: {name}" if summary.mean is None else ""
    proposal = propose(base, compared, cost_change(_each(source.runs[source.baseline]), each), missing)
    return Rung(position, name, None, "", proposal, summary, parent=base, comparison=compared, each=each)


def _each(run: Mapping[str, Any]) -> PerQuestion:
    values = run.get("per_question")
    if not isinstance(values, Mapping):
        return PerQuestion()
    asked, cached = (int(values[name]) if is_number(values.get(name)) else 0 for name in ("asked", "cached"))
    cost, seconds, each_tokens = (
        float(values[name]) if is_number(values.get(name)) else None for name in ("cost_usd", "seconds", "tokens")
    )
    return PerQuestion(asked, cached, each_tokens, seconds, cost)
