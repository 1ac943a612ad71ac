"""Noise of stored runs: how much of each metric's variance comes from questions, from answers and from the judge."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.grading import ASSERTIONS
from llmopt_core.experiments.judge_noise import JudgeRepeats, read_judge_repeats, subject_of
from llmopt_core.labs.evaluation.noise_costs import NoiseCosts, measure_costs
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Run
from llmopt_core.statistics.variance_components import (
    Design,
    Purchase,
    UnitCosts,
    VarianceComponents,
    judge_noise_band,
    list_purchases,
    split_variance,
    standard_error,
)
from llmopt_core.types import Record
from llmopt_core.types.grouping import group_values

_BUILTIN_JUDGE = JudgeSpec().name


@dataclass(frozen=True, slots=True)
class MetricNoise:
    """Where the variance of one metric of one configuration comes from.

    Attributes:
        configuration: Its name.
        run_ids: The runs that its answers are of.
        mean: Over the questions, of the means of their answers.
        is_deterministic: Whether what grades says the same each time, so that the judge has no variance.
        components: See `split_variance`.
        design: What there is; means where counts are unequal.
        costs: Of one more of each.
    """

    configuration: str
    run_ids: tuple[int, ...]
    metric: str
    mean: float
    is_deterministic: bool
    components: VarianceComponents
    design: Design
    costs: NoiseCosts

    @property
    def standard_error(self) -> float:
        """Of the metric's mean over what there is."""
        return standard_error(self.components, self.design)

    @property
    def unit_costs(self) -> UnitCosts:
        """What one more of each costs; a grade by what is deterministic costs nothing and is not for sale."""
        units = self.costs.units
        return replace(units, judgement=0.0) if self.is_deterministic else units

    @property
    def purchases(self) -> list[Purchase]:
        """What an amount more on each does to it, the best first; see `NoiseCosts.amount`."""
        return list_purchases(self.components, self.design, self.unit_costs, self.costs.amount)

    @property
    def judge_band(self) -> float | None:
        """Differences of two such means up to it are the judge's alone, with 95 %; None where it is unknown."""
        return judge_noise_band(self.components, self.design)


def pair_judge_band(first: MetricNoise, second: MetricNoise) -> float | None:
    """Differences of these two means up to it are the judge's alone, with 95 %; None where it is unknown for one."""
    if first.judge_band is None or second.judge_band is None:
        return None
    # Each band is of two means like its own; half of its variance is that of one.
    return math.sqrt((first.judge_band**2 + second.judge_band**2) / 2)


def repeats_of(run: Run, runs: Sequence[Run]) -> list[Run]:
    """The runs among these that are repeats of one, itself included."""
    return [one for one in runs if _identity(one) == _identity(run)]


@dataclass
class _Grades:
    """The grades of one metric: question -> answers -> judgements."""

    questions: dict[str, list[list[float]]] = field(default_factory=dict)
    numbers: dict[str, set[int]] = field(default_factory=dict)
    is_deterministic: bool = True


def noise_of_runs(store: Store, runs: Sequence[Run], question_cost: float = 0.0) -> list[MetricNoise]:
    """The noise of each metric of each configuration among these runs; a metric with one graded question has none.

    Runs of one configuration on one set by one judge are repeats of each other. An answer that the cache gave again
    counts once.

    Args:
        store: Holds the runs.
        runs: In any order.
        question_cost: In dollars, what it costs to write one more question.
    """
    groups = group_values((_identity(run), run) for run in sorted(runs, key=lambda run: run.id))
    return [noise for group in groups.values() for noise in _noise_of_group(store, group, question_cost)]


def _identity(run: Run) -> tuple[object, ...]:
    # Files of another tool hold their own repeats; nobody knows whether two files are repeats of each other.
    own = run.id if run.imported else None
    return run.project, run.fingerprint, run.evaluation_set, run.set_version, run.judge, run.documents_version, own


def _noise_of_group(store: Store, runs: Sequence[Run], question_cost: float) -> Iterator[MetricNoise]:
    grades: dict[str, _Grades] = {}
    all_records: list[Record] = []
    for run in runs:
        records = store.records(run.id, trace=True)
        all_records += records
        again = read_judge_repeats(store, run)
        for record in records:
            _add(grades, run, record, again)
    costs = measure_costs(all_records, question_cost, judges_elsewhere=any(run.imported for run in runs))
    for metric, one in grades.items():
        if len(one.questions) > 1:
            components = split_variance(list(one.questions.values()), judge_is_deterministic=one.is_deterministic)
            answers_each = components.answers / components.questions
            design = Design(components.questions, answers_each, components.judgements / components.answers)
            run_ids = tuple(run.id for run in runs)
            mean = fmean(fmean(map(fmean, answers)) for answers in one.questions.values())
            yield MetricNoise(runs[-1].name, run_ids, metric, mean, one.is_deterministic, components, design, costs)


def _add(grades: dict[str, _Grades], run: Run, record: Record, again: JudgeRepeats) -> None:
    number = int(run.options.get("repeat") or 0)
    further = again.get(subject_of(record), {})
    for metric in record.scores:
        answers = _judged_answers(record, metric, further)
        one = grades.setdefault(metric, _Grades())
        one.is_deterministic &= not run.imported and _is_deterministic(record, metric)
        numbers = one.numbers.setdefault(record.example.id, set())
        # What the cache gave again is the same answer, and no sign of how much answers vary.
        if answers and (number not in numbers or (record.usage.calls and not record.usage.cached_calls)):
            numbers.add(number)
            one.questions.setdefault(record.example.id, []).extend(answers)


def _judged_answers(record: Record, metric: str, further: Mapping[str, Sequence[float]]) -> list[list[float]]:
    if record.repeats:
        values = [repeat.scores.get(metric) for repeat in record.repeats]
        return [[value] for value in values if value is not None]
    value = record.scores[metric].value
    return [] if value is None else [[value, *further.get(metric, ())]]


def _is_deterministic(record: Record, metric: str) -> bool:
    """Whether no LLM graded; the verdict over all assertions is an LLM's where it graded one of them."""
    judges = [score.judge for score in record.scores.values()] if metric == ASSERTIONS else []
    judges.append(record.scores[metric].judge)
    return all(not judge or judge.startswith(_BUILTIN_JUDGE) for judge in judges)
