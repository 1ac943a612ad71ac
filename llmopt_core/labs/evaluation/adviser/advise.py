"""From what is known of a project to ranked next steps. One adviser for the Overview, the results and the command line.

The order is the method's: what is missing, what was not run, what can be trusted, and then what would mend most of the
failures of the configuration that leads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from llmopt_core.evaluation.metrics.catalogue import CORRECTNESS, RAGAS_METRICS
from llmopt_core.experiments.grading import ASSERTIONS
from llmopt_core.experiments.measured_run import decisive_metrics, leader_of
from llmopt_core.labs.evaluation.adviser.causes import Examination
from llmopt_core.labs.evaluation.adviser.certainty import fresh_questions, more_questions
from llmopt_core.labs.evaluation.adviser.drops import Drop
from llmopt_core.labs.evaluation.adviser.improve import improvements
from llmopt_core.labs.evaluation.adviser.run import AdvisedRun
from llmopt_core.labs.evaluation.adviser.setup import (
    NO_BASELINE,
    NOT_MEASURED,
    ProjectSetup,
    missing_parts,
    missing_runs,
)
from llmopt_core.labs.evaluation.adviser.step import Advice, Step, Trial
from llmopt_core.labs.evaluation.adviser.tried import find_trials
from llmopt_core.reporting.formatting import plural

# More would be a list, and no advice.
MOST = 6


@dataclass(frozen=True)
class Situation:
    """What the adviser knows.

    Attributes:
        runs: Measured on the same questions by the same judge, one per configuration.
        setup: What the project has; None for a file, which says nothing of it.
        dropped: What a person has dropped, on these questions or on others.
        margin: A gain below it does not matter; None for the usual one.
    """

    runs: Sequence[AdvisedRun] = ()
    setup: ProjectSetup | None = None
    dropped: Sequence[Drop] = ()
    margin: float | None = None


def advise(situation: Situation) -> Advice:
    """The most useful steps first."""
    setup = situation.setup
    # Of runs that another tool made nothing is missed: their documents and settings are there, not here.
    is_elsewhere = bool(situation.runs) and all(run.spec is None for run in situation.runs)
    missing = missing_parts(setup) if setup and not is_elsewhere else []
    if missing:
        return Advice(tuple(_mark(missing, setup)))
    runs = list(situation.runs)
    waiting = missing_runs(setup, bool(runs)) if setup else []
    if not any(run.done or run.summaries for run in runs):
        return Advice(tuple(_mark(waiting or [NO_BASELINE], setup)))
    # While more is measured, what leads may change: nothing is advised on it.
    advice = Advice(()) if setup and setup.running else _improve(situation)
    return replace(advice, steps=tuple(_mark([*waiting, *advice.steps][:MOST], setup)))


def _mark(steps: Sequence[Step], setup: ProjectSetup | None) -> list[Step]:
    """Says beside a step what of it is under way."""
    works = [setup.at_work.get(step.view, "") if setup else "" for step in steps]
    return [
        replace(step, reason=f"Running now: {work}. {step.reason}") if work else step
        for step, work in zip(steps, works, strict=True)
    ]


def _improve(situation: Situation) -> Advice:
    runs, setup, dropped = situation.runs, situation.setup, situation.dropped
    metrics = leading_metrics(runs)
    # What a person has dropped leads nothing, unless all was dropped.
    fingerprints = {drop.fingerprint for drop in dropped}
    remaining = [run for run in runs if run.fingerprint not in fingerprints] or list(runs)
    leader = leader_of(remaining, decisive_metrics(metrics)) or _most_complete(remaining)
    if leader is None:
        return Advice(tuple(fresh_questions(runs)))
    metric = decisive_metrics(metrics)[0] if metrics else CORRECTNESS
    base = _run_to_improve(leader, remaining, metric)
    examination = base.examine()
    trials = find_trials(base, runs, metric, dropped, situation.margin, examination)
    if not any(run.summaries for run in runs) and not any(one.is_decided for one in examination.findings):
        return Advice((NOT_MEASURED,))
    steps = improvements(base, examination, trials)
    size = setup.set_size if setup else None
    advice = [
        *fresh_questions(runs),
        *steps,
        *_failures_elsewhere(runs, base),
        *more_questions(
            runs,
            examination,
            size,
            has_advice=bool(steps),
            has_open_trial=any(step.rule in trials for step in steps),
        ),
    ]
    return Advice(tuple(advice), tuple(_relevant(trials, base, examination)))


def leading_metrics(runs: Sequence[AdvisedRun]) -> tuple[str, ...]:
    """By what the runs are ranked: correctness, assertions, or what else has means."""
    names = list(dict.fromkeys(name for run in runs for name, one in run.summaries.items() if one.mean is not None))
    for name in (CORRECTNESS, "exact_match", ASSERTIONS, "semantic_similarity"):
        if name in names:
            return (name,)
    return tuple(name for name in RAGAS_METRICS if name in names) or tuple(names)


def _most_complete(runs: Sequence[AdvisedRun]) -> AdvisedRun | None:
    """Where nothing is scored or all broke off: the run with most answers that was not trained on its questions."""
    fair = [run for run in runs if not run.overlap_count]
    return max(fair, key=lambda run: run.done - run.failed, default=None)


def _run_to_improve(leader: AdvisedRun, runs: Sequence[AdvisedRun], metric: str) -> AdvisedRun:
    """The leader; where it looks nothing up though others do, the best of those: their chunks are what to mend."""
    retrieving = [run for run in runs if run.traits.retrieves and run.done == leader.done and not run.overlap_count]
    if leader.traits.retrieves or not retrieving:
        return leader
    return max(retrieving, key=lambda run: run.mean(metric) or 0.0)


def _failures_elsewhere(runs: Sequence[AdvisedRun], base: AdvisedRun) -> list[Step]:
    """Records that failed in another run than the one that is improved."""
    worst = max((run for run in runs if run is not base), key=lambda run: run.failed, default=None)
    if worst is None or not worst.failed or base.failed:
        return []
    reason = f"Those of {worst.name} count as not scored; asked again, they may be answered."
    title = f"Look at {plural(worst.failed, 'failed record')}"
    return [Step("failed-records", title, reason, "evaluation", "Results", run_id=worst.run_id)]


def _relevant(trials: dict[str, Trial], base: AdvisedRun, examination: Examination) -> list[Trial]:
    """Those that would have been proposed and are not: the rest is history."""
    without = {step.rule for step in improvements(base, examination, {})}
    return [trial for rule, trial in trials.items() if rule in without and not trial.is_open]
