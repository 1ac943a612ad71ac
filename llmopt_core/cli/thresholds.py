"""`--fail-under METRIC=V`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmopt_core.errors import BadInput


@dataclass(frozen=True, slots=True)
class Threshold:
    """A bound on a metric's mean, of one configuration or (empty name) of all."""

    metric: str
    value: float
    configuration: str = ""


def parse_thresholds(texts: Sequence[str], metrics: Sequence[str], configurations: Sequence[str]) -> list[Threshold]:
    """Read `METRIC=V` and `CONFIGURATION:METRIC=V`.

    Raises:
        BadInput: Not of that form, or the metric or configuration is not in the experiment.
    """
    return [_parse(text, metrics, configurations) for text in texts]


def _parse(text: str, metrics: Sequence[str], configurations: Sequence[str]) -> Threshold:
    # From the right: names of configurations may hold an equals sign or a colon, metrics and values hold none.
    name_part, equals, right = text.rpartition("=")
    configuration, _, metric = name_part.rpartition(":")
    try:
        value = float(right)
    except ValueError:
        # One refusal for all that is no number, `nan` and `inf` among them: nothing would ever miss such a bound.
        value = math.nan
    if not equals or not math.isfinite(value):
        raise BadInput(f"--fail-under takes METRIC=V, such as answer_f1=0.5, not {text!r}.")
    # Before the run: a mistyped metric must not show when everything is paid.
    if metric not in metrics:
        raise BadInput(
            f"--fail-under names {metric!r}, which the experiment does not measure; it has: {', '.join(metrics)}."
        )
    if configuration and configuration not in configurations:
        raise BadInput(f"--fail-under names {configuration!r}, but there are: {', '.join(configurations)}.")
    return Threshold(metric, value, configuration)


def misses(thresholds: Sequence[Threshold], result: Mapping[str, Any], min_coverage: float) -> list[str]:
    """What missed its bound, in words. A metric with values for a smaller share of the questions misses, too.

    A mean over the few questions that could be scored says nothing about the others.
    """
    return list(_misses(thresholds, result, min_coverage))


def _misses(thresholds: Sequence[Threshold], result: Mapping[str, Any], min_coverage: float) -> Iterator[str]:
    from llmopt_core.experiments.run_scores import higher_is_better

    for threshold in thresholds:
        for run in result["runs"]:
            # The empty name stands for every configuration.
            if threshold.configuration not in ("", run["configuration"]):
                continue
            summary = run["metrics"][threshold.metric]
            mean, scored_count, total = summary["mean"], summary["scored"], summary["total"]
            # Where less is better, the bound is the most.
            higher = higher_is_better(threshold.metric)
            # None is no zero: nothing could be scored, which must fail instead of pass.
            if mean is None:
                yield f"{run['configuration']}: {threshold.metric} could not be scored."
            elif scored_count < min_coverage * total:
                yield (
                    f"{run['configuration']}: {threshold.metric} could be scored for {scored_count} of {total} "
                    f"questions only; at least {min_coverage:.0%} are needed (--min-coverage)."
                )
            elif (mean < threshold.value) if higher else (mean > threshold.value):
                # Equal to the bound is good enough on both sides.
                side = "below" if higher else "above"
                yield f"{run['configuration']}: {threshold.metric} is {mean:.3g}, {side} {threshold.value:g}."
