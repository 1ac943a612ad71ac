"""What was tried already and brought nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from llmopt_core.experiments.run_scores import higher_is_better, pair_runs
from llmopt_core.labs.evaluation.adviser.run import AdvisedRun
from llmopt_core.labs.evaluation.adviser.step import Trial
from llmopt_core.reporting.formatting import change
from llmopt_core.statistics.paired_comparison import Comparison

# What changes no part that a configuration has or lacks, but a setting.
_SETTINGS = ("chunk-size", "larger-k", "smaller-k", "prompt")


def find_trials(
    base: AdvisedRun, runs: Sequence[AdvisedRun], metric: str, dropped: Collection[str] = ()
) -> dict[str, Trial]:
    """By rule the run that tried its change and is not better by this metric.

    A run is compared with the one that is most like it and lacks the change: that is what the change was made to.

    Args:
        base: What advice is given on.
        runs: All that were measured on the same questions.
        metric: What decides.
        dropped: Names of configurations that a person has dropped.
    """
    trials: dict[str, Trial] = {}
    for run in runs:
        if run is base:
            continue
        for rule in _changes(run, base):
            relative = _relative(run, rule, base, runs)
            trial = _trial(rule, run, relative, metric, dropped) if relative else None
            if trial is not None:
                trials.setdefault(rule, trial)
    return trials


def _changes(run: AdvisedRun, base: AdvisedRun) -> list[str]:
    """The rules whose change a run has and the base has not."""
    a, b = base.traits, run.traits
    rules = [rule for rule in sorted(b.rules - a.rules) if rule not in _SETTINGS]
    is_same_way = a.retrieves and b.retrieves
    # Files without settings say by a name alone that something was set otherwise.
    named = [rule for rule in _SETTINGS if rule in b.rules and rule not in a.rules]
    if is_same_way and a.chunking and b.chunking and a.chunking != b.chunking:
        named.append("chunk-size")
    if is_same_way and a.top_k and b.top_k and a.top_k != b.top_k:
        named.append("smaller-k" if b.top_k < a.top_k else "larger-k")
    has_same_parts = a.retrieves == b.retrieves and a.rules - {"grounded-prompt"} == b.rules - {"grounded-prompt"}
    if a.instruction and b.instruction and a.instruction != b.instruction and has_same_parts:
        named.append("prompt")
    return list(dict.fromkeys([*rules, *named]))


def _relative(run: AdvisedRun, rule: str, base: AdvisedRun, runs: Sequence[AdvisedRun]) -> AdvisedRun | None:
    candidates = [
        other
        for other in runs
        if other is not run
        and (rule in _SETTINGS or rule not in other.traits.rules)
        and (rule == "rag" or _alike(run, other))
    ]
    # Of those that are as near, the base: what is tried is mostly tried on what leads.
    return min(candidates, key=lambda other: (_distance(run, other, rule), other is not base), default=None)


def _alike(run: AdvisedRun, other: AdvisedRun) -> bool:
    return run.traits.retrieves == other.traits.retrieves


def _distance(run: AdvisedRun, other: AdvisedRun, rule: str) -> int:
    a, b = run.traits, other.traits
    is_setting = rule in _SETTINGS
    settings = (a.chunking != b.chunking) + (a.top_k != b.top_k) + (a.instruction != b.instruction)
    return len((a.rules - {rule}) ^ (b.rules - {rule})) * 10 + (0 if is_setting else settings)


def _trial(rule: str, run: AdvisedRun, relative: AdvisedRun, metric: str, dropped: Collection[str]) -> Trial | None:
    comparison = pair_runs(relative.table, run.table, metric).compare(higher_is_better(metric))
    if run.name in dropped:
        return Trial(rule, run.name, relative.name, "it was dropped")
    # Without pairs nothing was tried, whatever the names say.
    if comparison.difference is None or _is_better(comparison, metric):
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
