"""What was tried already: what brought nothing, and what nobody can tell of yet."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from llmopt_core.experiments.run_scores import higher_is_better, pair_runs, qualify_comparison
from llmopt_core.labs.evaluation.adviser.causes import Examination
from llmopt_core.labs.evaluation.adviser.drops import Drop
from llmopt_core.labs.evaluation.adviser.rules import CHAINS
from llmopt_core.labs.evaluation.adviser.run import AdvisedRun
from llmopt_core.labs.evaluation.adviser.step import Trial
from llmopt_core.labs.evaluation.adviser.traits import SETTING_RULES, changed_rules, trait_distance
from llmopt_core.reporting.formatting import change, plural
from llmopt_core.reporting.verdict_words import missing_words
from llmopt_core.statistics.intervals import wilson_interval
from llmopt_core.statistics.paired_comparison import MOST_QUESTIONS, Comparison, compare_samples
from llmopt_core.statistics.verdict import MARGIN

# A change that surely mends less than this share of what it is for, such as none of 8, was tried.
_HARDLY_ANY = 1 / 3
Attempt = tuple[str, AdvisedRun, AdvisedRun]
"""A rule, the run that has its change, and the one that it is compared with."""


# Six arguments: the runs, and what is known and wanted of them.
def find_trials(  # noqa: PLR0917
    base: AdvisedRun,
    runs: Sequence[AdvisedRun],
    metric: str,
    dropped: Collection[Drop] = (),
    margin: float | None = None,
    examination: Examination | None = None,
) -> dict[str, Trial]:
    """By rule the run that tried its change and is not better by this metric.

    A run is compared with the one that is most like it and lacks the change: that is what the change was made to. All
    of these are tested together, as chance alone makes some of many worse.

    Args:
        base: What advice is given on.
        runs: All that were measured on the same questions.
        metric: What decides.
        dropped: What a person has dropped, here or on other questions.
        margin: A gain below it does not matter; by default `MARGIN`.
        examination: Of the base: the records that each change was to mend.
    """
    drops = {drop.fingerprint: drop for drop in dropped}
    attempts = _attempts(base, runs)
    # Several rules may rest on the same pair, which is one test.
    pairs = {(run.name, relative.name): (run, relative) for _, run, relative in attempts}
    samples = [pair_runs(relative.table, run.table, metric) for run, relative in pairs.values()]
    compared = compare_samples(samples, higher_is_better(metric), margin or MARGIN)
    fair = {
        key: qualify_comparison(one, relative.table, run.table, metric)
        for (key, (run, relative)), one in zip(pairs.items(), compared, strict=True)
    }
    trials: list[Trial | None] = []
    for attempt in attempts:
        _, run, relative = attempt
        idle = _mends_hardly_any(attempt, metric, examination) if examination else ""
        comparison = fair[run.name, relative.name]
        trials.append(_trial(attempt, metric, drops.get(run.fingerprint), comparison, margin or MARGIN, idle))
    measured = {run.fingerprint for run in runs}
    trials += [
        Trial(rule, drop.name, drop.against, _drop_words(drop, " on other questions"))
        for drop in dropped
        if drop.fingerprint not in measured
        for rule in sorted(drop.rules - base.traits.rules)
    ]
    found: dict[str, Trial] = {}
    # What is known of one run goes before what is open of another.
    for trial in sorted(filter(None, trials), key=lambda one: one.is_open):
        found.setdefault(trial.rule, trial)
    return found


def _attempts(base: AdvisedRun, runs: Sequence[AdvisedRun]) -> list[Attempt]:
    attempts: list[Attempt] = []
    for run in runs:
        if run is base:
            continue
        for rule in changed_rules(run.traits, base.traits):
            relative = _relative(run, rule, base, runs)
            if relative is not None:
                attempts.append((rule, run, relative))
    return attempts


def _drop_words(drop: Drop, where: str = "") -> str:
    return f"it was dropped{where}{f' ({drop.reason})' if drop.reason else ''}"


def _relative(run: AdvisedRun, rule: str, base: AdvisedRun, runs: Sequence[AdvisedRun]) -> AdvisedRun | None:
    candidates = [
        other
        for other in runs
        if other is not run
        and (rule in SETTING_RULES or rule not in other.traits.rules)
        and (rule == "rag" or _alike(run, other))
    ]
    # Of those that are as near, the base: what is tried is mostly tried on what leads.
    return min(
        candidates, key=lambda other: (trait_distance(run.traits, other.traits, rule), other is not base), default=None
    )


def _alike(run: AdvisedRun, other: AdvisedRun) -> bool:
    return run.traits.retrieves == other.traits.retrieves


# Six arguments: what was tried, by which metric, and what is known of it.
def _trial(  # noqa: PLR0917
    attempt: Attempt, metric: str, drop: Drop | None, comparison: Comparison, margin: float, idle: str
) -> Trial | None:
    rule, run, relative = attempt
    # Who dropped it knew what was measured until then; a gain in a later run they did not know.
    if drop is not None and not (comparison.verdict == "better" and drop.is_older_than(run.measured_at)):
        return Trial(rule, run.name, relative.name, _drop_words(drop))
    # Without pairs nothing was tried, whatever the names say.
    if comparison.difference is None or comparison.verdict in ("better", "not comparable"):
        return None
    amount = f"{change(comparison.difference, comparison.low, comparison.high)} by {metric}"
    if comparison.verdict == "worse":
        return Trial(rule, run.name, relative.name, f"worse, {amount}")
    if comparison.verdict == "equivalent" or _rules_out_gain(comparison, metric, margin):
        return Trial(rule, run.name, relative.name, f"no gain that matters, {amount}")
    is_gain = comparison.difference != 0 and (comparison.difference > 0) == higher_is_better(metric)
    if idle and not is_gain:
        return Trial(rule, run.name, relative.name, f"{idle}, {amount}")
    return Trial(rule, run.name, relative.name, f"cannot tell yet, {amount}{_more(comparison)}", is_open=True)


def _rules_out_gain(comparison: Comparison, metric: str, margin: float) -> bool:
    """Whether a gain as large as the margin lies outside of the interval."""
    best = comparison.high if higher_is_better(metric) else comparison.low
    return best is not None and (best if higher_is_better(metric) else -best) < margin


def _mends_hardly_any(attempt: Attempt, metric: str, examination: Examination) -> str:
    """Says so where the records that a change is for are surely not mended by it: on them a small run tells more."""
    rule, run, relative = attempt
    ids = [one.example_id for cause, chain in CHAINS.items() if rule in chain
           for one in examination.of(cause) if one.is_failure]  # fmt: skip
    pairs = zip(relative.table.align(metric, ids), run.table.align(metric, ids), strict=True)
    steps = [after - before for before, after in pairs if before is not None and after is not None]
    mended = sum(step != 0 and (step > 0) == higher_is_better(metric) for step in steps)
    if not steps or wilson_interval(mended, len(steps))[1] >= _HARDLY_ANY:
        return ""
    return f"of {plural(len(steps), 'record')} that it is for {mended or 'none'} became better"


def _more(comparison: Comparison) -> str:
    count = comparison.more_questions
    if count is None:
        words = missing_words(comparison)
        return f"; {words}" if words else ""
    return f"; about {count:,} more questions would" if count < MOST_QUESTIONS else ""
