"""How far an LLM judge disagrees with itself, from answers that it graded again (`labs/evaluation/judge_repeats`)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Run
from llmopt_core.types import Record, fingerprint

JUDGE_REPEATS = "judge repeats"
"""The kind of the drafts that keep the grades."""
JudgeRepeats = Mapping[str, Mapping[str, Sequence[float]]]
"""Subject (see `subject_of`) -> metric -> the values of further judgements."""


def judge_variances(store: Store, runs: Sequence[Run]) -> dict[int, dict[str, float]]:
    """By run and metric, the variance of one grade between judgements of one answer; nothing where none was repeated.

    The moment estimate of the lowest level of `split_variance`, from the run's own grades.
    """
    there = {project: set(store.draft_names(project, JUDGE_REPEATS)) for project in {run.project for run in runs}}
    return {
        run.id: _variances(store.records(run.id), read_judge_repeats(store, run))
        for run in runs
        if repeats_name(run) in there[run.project]
    }


def _variances(records: Sequence[Record], again: JudgeRepeats) -> dict[str, float]:
    squares: dict[str, list[float]] = {}
    further: dict[str, int] = {}
    for record in records:
        for metric, values in again.get(subject_of(record), {}).items():
            value = record.scores[metric].value if metric in record.scores else None
            if value is not None and values:
                grades = [value, *values]
                mean = fmean(grades)
                squares.setdefault(metric, []).extend((grade - mean) ** 2 for grade in grades)
                further[metric] = further.get(metric, 0) + len(values)
    return {metric: math.fsum(ones) / further[metric] for metric, ones in squares.items()}


def read_judge_repeats(store: Store, run: Run) -> JudgeRepeats:
    """The further judgements that are kept of a run's answers."""
    kept = store.draft(run.project, JUDGE_REPEATS, repeats_name(run)) or {}
    return {
        subject: {name: tuple(values.values()) for name, values in metrics.items()} for subject, metrics in kept.items()
    }


def subject_of(record: Record) -> str:
    """Hash of question and answer: grades of an answer that was made anew since are not its grades."""
    return fingerprint(record.example.id, record.example.question, record.answer.text if record.answer else None)


def repeats_name(run: Run) -> str:
    """The name of the draft."""
    # A number alone could be given again to another run.
    return f"{run.id} {run.created_at.isoformat()}"
