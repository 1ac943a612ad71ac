"""Answers of stored runs judged again: how far an LLM judge disagrees with itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmopt_core.errors import BadInput, OutOfBudget
from llmopt_core.evaluation.metrics.catalogue import METRICS
from llmopt_core.evaluation.metrics.registry import build_metrics
from llmopt_core.evaluation.sample import Sample
from llmopt_core.execution.concurrency import map_concurrently
from llmopt_core.experiments.judge_noise import JUDGE_REPEATS, repeats_name, subject_of
from llmopt_core.experiments.preflight import check_budget
from llmopt_core.experiments.resume_check import judge_of
from llmopt_core.models.registry import Models
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Run
from llmopt_core.types import Failure, Record, fingerprint

MOST_JUDGE_REPEATS = 20
"""Each is asked of a model and paid; more catches a slip of the keyboard."""


@dataclass(frozen=True, slots=True)
class JudgedAgain:
    """What came of judging runs again.

    Attributes:
        values: New grades, those from the cache included.
        failures: Grades that did not come.
        out_of_budget: Why it ended early; empty where it did not.
    """

    values: int
    failures: int
    out_of_budget: str = ""


def can_judge_again(run: Run) -> bool:
    """Whether an LLM graded the run here: the built-in judge would say the same, another tool's is not at hand."""
    return not run.imported and bool(_judged_metrics(run)) and not judge_of(run).is_builtin


async def judge_again(
    store: Store,
    runs: Sequence[Run],
    models: Models,
    repeats: int,
    *,
    budget_usd: float | None = None,
    concurrency: int = 4,
    on_done: Callable[[int, int], None] | None = None,
) -> JudgedAgain:
    """Have the answers of stored runs graded so many more times by the judge that graded them, and keep the grades.

    No answer is asked for. Calls are cached by the number of their repeat: what was judged before costs nothing. What
    was judged before a budget ended is kept.

    Args:
        store: Holds the runs.
        runs: Those of `can_judge_again`; others are passed over, nothing is called for them.
        models: Of the current event loop.
        repeats: Further judgements of each answer.
        budget_usd: The most that it may cost in all, earlier sessions of the same work included.
        concurrency: Answers in work at once.
        on_done: Told how many judgements are done, and of how many.

    Raises:
        BadInput: The number is none, a run was graded by another version of its judge, its endpoint is not known here,
            or a budget is set and a price is not known.
    """
    if not 1 <= repeats <= MOST_JUDGE_REPEATS:
        raise BadInput(f"Judge answers 1 to {MOST_JUDGE_REPEATS} more times, not {repeats}.")
    judged = [run for run in runs if can_judge_again(run)]
    for run in judged:
        if run.judge != judge_of(run).label:
            raise BadInput(
                f"Run {run.id} of {run.name} was graded by {run.judge}, whose grades are not those of "
                f"{judge_of(run).label}; evaluate it again."
            )
        # Once for all: without it every single grade would fail.
        models.endpoint(judge_of(run).endpoint)
    if budget_usd is not None and judged:
        specs = [judge_of(run).chat_model for run in judged]
        check_budget(budget_usd, specs, models, [judge_of(run).embedding for run in judged])
    # All answers once before any of them twice: what a budget leaves is spread over them.
    work = [
        (run, record, number)
        for number in range(1, repeats + 1)
        for run, records in [(run, store.records(run.id, trace=True)) for run in judged]
        for record in records
        if record.answer is not None
    ]
    found: dict[int, dict[str, dict[str, dict[int, float]]]] = {run.id: {} for run in judged}
    reason, done, failed = "", 0, 0

    async def grade(item: tuple[Run, Record, int]) -> None:
        nonlocal failed
        run, record, number = item
        names = [name for name in _judged_metrics(run) if _value(record, name) is not None]
        hits = record.trace[-1].hits if record.trace else None
        sample = Sample(record.example, record.answer, hits)
        for metric in build_metrics(names, judge_of(run), models, judge_repeat=_call_number(run, number)):
            score, _ = await metric.score(sample)
            if score.value is None:
                failed += 1
            else:
                subject = found[run.id].setdefault(subject_of(record), {})
                subject.setdefault(metric.name, {})[number] = score.value

    def tell(_position: int, _item: object, result: Failure | None) -> None:
        nonlocal done, failed
        done += 1
        failed += isinstance(result, Failure)
        if on_done is not None:
            on_done(done, len(work))

    try:
        with models.spending(_work_name(judged), budget_usd):
            await map_concurrently(work, grade, concurrency=concurrency, on_result=tell)
    except OutOfBudget as error:
        reason = str(error)
    finally:
        for run in judged:
            _keep(store, run, found[run.id])
    count = sum(len(values) for run in found.values() for metrics in run.values() for values in metrics.values())
    return JudgedAgain(count, failed, reason)


def _judged_metrics(run: Run) -> list[str]:
    return [name for name in run.metrics if name in METRICS and "judge" in METRICS[name].needs]


def _call_number(run: Run, number: int) -> int:
    # Two answers in the same words would else be judged by the same calls, as if the judge never changed its mind.
    return int(run.options.get("repeat") or 0) * (MOST_JUDGE_REPEATS + 1) + number


def _value(record: Record, metric: str) -> float | None:
    score = record.scores.get(metric)
    return None if score is None else score.value


def _keep(store: Store, run: Run, found: Mapping[str, Mapping[str, Mapping[int, float]]]) -> None:
    """By the number of the repeat, so that the same judgement counts once however often it is read."""

    def add(before: Any | None) -> dict[str, Any]:
        kept = dict(before or {})
        for subject, metrics in found.items():
            known = dict(kept.get(subject, {}))
            for name, values in metrics.items():
                known[name] = {**known.get(name, {}), **{str(number): value for number, value in values.items()}}
            kept[subject] = known
        return kept

    if found:
        store.change_draft(run.project, JUDGE_REPEATS, repeats_name(run), add)


def _work_name(runs: Sequence[Run]) -> str:
    return f"judge-repeats-{fingerprint([repeats_name(run) for run in runs])}"
