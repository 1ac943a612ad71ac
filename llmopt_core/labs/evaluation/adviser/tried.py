"""What was tried already and brought nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from llmopt_core.experiments.run_scores import higher_is_better, pair_runs
from llmopt_core.labs.evaluation.adviser.drops import Drop
from llmopt_core.labs.evaluation.adviser.run import AdvisedRun
from llmopt_core.labs.evaluation.adviser.step import Trial
from llmopt_core.labs.evaluation.adviser.traits import SETTING_RULES, changed_rules, trait_distance
from llmopt_core.reporting.formatting import change
from llmopt_core.statistics.paired_comparison import Comparison


def find_trials(
    base: AdvisedRun, runs: Sequence[AdvisedRun], metric: str, dropped: Collection[Drop] = ()
) -> dict[str, Trial]:
    """By rule the run that tried its change and is not better by this metric.

    A run is compared with the one that is most like it and lacks the change: that is what the change was made to.

    Args:
        base: What advice is given on.
        runs: All that were measured on the same questions.
        metric: What decides.
        dropped: What a person has dropped, here or on other questions.
    """
    trials: dict[str, Trial] = {}
    drops = {drop.fingerprint: drop for drop in dropped}
    for run in runs:
        if run is base:
            continue
        for rule in changed_rules(run.traits, base.traits):
            relative = _relative(run, rule, base, runs)
            trial = _trial(rule, run, relative, metric, drops.get(run.fingerprint)) if relative else None
            if trial is not None:
                trials.setdefault(rule, trial)
    measured = {run.fingerprint for run in runs}
    for drop in dropped:
        if drop.fingerprint not in measured:
            for rule in sorted(drop.rules - base.traits.rules):
                trials.setdefault(rule, Trial(rule, drop.name, drop.against, _drop_words(drop, " on other questions")))
    return trials


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


def _trial(rule: str, run: AdvisedRun, relative: AdvisedRun, metric: str, drop: Drop | None) -> Trial | None:
    comparison = pair_runs(relative.table, run.table, metric).compare(higher_is_better(metric))
    is_better = comparison.difference is not None and _is_better(comparison, metric)
    # Who dropped it knew what was measured until then; a gain in a later run they did not know.
    if drop is not None and not (is_better and drop.is_older_than(run.measured_at)):
        return Trial(rule, run.name, relative.name, _drop_words(drop))
    # Without pairs nothing was tried, whatever the names say.
    if comparison.difference is None or is_better:
        return None
    amount = f"{change(comparison.difference, comparison.low, comparison.high)} by {metric}"
    is_worse = _is_apart(comparison)
    words = f"worse, {amount}" if is_worse else f"no gain that stands out from chance, {amount}"
    return Trial(rule, run.name, relative.name, words)


def _is_apart(comparison: Comparison) -> bool:
    """Whether the interval of a difference leaves out 0."""
    return comparison.low is not None and comparison.high is not None and not comparison.low <= 0 <= comparison.high


def _is_better(comparison: Comparison, metric: str) -> bool:
    is_gain = (comparison.difference or 0.0) > 0
    return _is_apart(comparison) and is_gain == higher_is_better(metric)
