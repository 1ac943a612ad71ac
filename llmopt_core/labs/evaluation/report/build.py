"""A result, and the ladder of its project where there is one, to the whole report."""

from __future__ import annotations

from dataclasses import replace
from datetime import tzinfo
from pathlib import Path

from llmopt_core.experiments.report import report_of
from llmopt_core.experiments.result_file import Result, score_tables
from llmopt_core.labs.evaluation.failure_kinds import diagnose_all
from llmopt_core.labs.evaluation.ladder.build import rank_metrics
from llmopt_core.labs.evaluation.ladder.rung import Ladder
from llmopt_core.labs.evaluation.record_facts import facts_from_run
from llmopt_core.labs.evaluation.report.costs import cost_section
from llmopt_core.labs.evaluation.report.failures import failure_section
from llmopt_core.labs.evaluation.report.file_ladder import file_ladder
from llmopt_core.labs.evaluation.report.ladder import ladder_section
from llmopt_core.labs.evaluation.report.questions import goal_section, question_section
from llmopt_core.labs.evaluation.report.reading import limits_section, method_section
from llmopt_core.labs.evaluation.report.source import ReportSource
from llmopt_core.labs.evaluation.report.texts import fit_texts
from llmopt_core.labs.evaluation.report.wins import wins_section
from llmopt_core.reporting.page import Report, render
from llmopt_core.workspace import write_output


def build_report(
    result: Result,
    *,
    baseline: str = "",
    title: str = "",
    goal: str = "",
    ladder: Ladder | None = None,
    zone: tzinfo | None = None,
) -> Report:
    """The whole report.

    Args:
        result: What `evaluate --json` writes.
        baseline: What the others are compared with; the configuration named baseline, or the first, if empty.
        title: Its heading.
        goal: What the evaluation is for, in the words of its author.
        ladder: Of the project; without it the runs are told against the baseline alone.
        zone: In which its days are told; that of this machine if None.

    Raises:
        BadInput: There is no run, or none of the baseline's name.
    """
    report = report_of(result, baseline, title, zone)
    runs, labels = result["runs"], tuple(run.name for run in report.runs)
    source = ReportSource(
        result,
        labels,
        labels.index(report.baseline),
        next(iter(rank_metrics([list(run["metrics"]) for run in runs])), ""),
        tuple(score_tables(result)),
        tuple(diagnose_all(facts_from_run(run)) for run in runs),
    )
    shown_ladder = ladder if ladder is not None and ladder.sections else file_ladder(source)
    return replace(
        report,
        opening=(goal_section(source, goal), question_section(source), ladder_section(shown_ladder)),
        findings=(failure_section(source), wins_section(source), cost_section(source)),
        closing=(method_section(source, report.method), limits_section(source, [text for text, _ in report.caveats])),
        examples=fit_texts(report.examples),
        scope=source.scope,
    )


def write_whole_report(result: Result, path: Path, *, baseline: str = "", title: str = "", goal: str = "") -> int:
    """Write one self-contained HTML file. Returns its size in bytes.

    Raises:
        BadInput: There is no run, or none of the baseline's name.
        StorageError: The file cannot be written.
    """
    return write_output(path, render(build_report(result, baseline=baseline, title=title, goal=goal)))
