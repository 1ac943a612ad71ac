"""What a gate asks for: `answer_f1:0.02` (no regression by more) and `faithfulness=0.8` (no mean below)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.metrics.catalogue import METRICS

MIN_COVERAGE = 0.9
"""By default one question in ten may go without an answer, or without a score that a rule asks for."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A bound on a metric's mean, of one configuration or (empty name) of all."""

    metric: str
    value: float
    configuration: str = ""


@dataclass(frozen=True, slots=True)
class NoRegression:
    """How much of a metric may be lost against the baseline, by one configuration or (empty name) by all."""

    metric: str
    margin: float
    configuration: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """All that a gate asks for.

    Attributes:
        min_coverage: The share of the questions that need a score, in comparisons one on both sides.
        by_category: Whether each category decides as the whole set does; else it is only told.
    """

    no_regression: tuple[NoRegression, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    min_coverage: float = MIN_COVERAGE
    by_category: bool = False


def parse_rules(
    no_regression: Sequence[str],
    fail_under: Sequence[str],
    metrics: Sequence[str],
    configurations: Sequence[str],
    *,
    min_coverage: float = MIN_COVERAGE,
    by_category: bool = False,
) -> Rules:
    """Read `METRIC:MARGIN` and `METRIC=V`, each with `CONFIGURATION:` before it where it is about one of them.

    Args:
        no_regression: As given to `--no-regression`.
        fail_under: As given to `--fail-under`.
        metrics: Those that are measured.
        configurations: Those that there are.
        min_coverage: As of `Rules`.
        by_category: As of `Rules`.

    Raises:
        BadInput: One is not of that form, is given twice, or its metric or configuration is not there.
    """
    margins = [_no_regression(text, metrics, configurations) for text in no_regression]
    rules = Rules(
        tuple(margins),
        tuple(_threshold(text, metrics, configurations) for text in fail_under),
        min_coverage,
        by_category,
    )
    targets = [(rule.configuration, rule.metric) for rule in margins]
    if duplicate := next((metric for pair in targets for metric in pair[1:] if targets.count(pair) > 1), ""):
        raise BadInput(f"--no-regression names {duplicate} twice; give one margin for it.")
    return rules


def _threshold(text: str, metrics: Sequence[str], configurations: Sequence[str]) -> Threshold:
    # From the right: names of configurations may hold an equals sign or a colon, metrics and values hold none.
    name_part, equals, number = text.rpartition("=")
    value = _number(number)
    if not equals or not math.isfinite(value):
        raise BadInput(f"--fail-under takes METRIC=V, such as answer_f1=0.5, not {text!r}.")
    configuration, metric = _names("--fail-under", name_part, metrics, configurations)
    return Threshold(metric, value, configuration)


def _no_regression(text: str, metrics: Sequence[str], configurations: Sequence[str]) -> NoRegression:
    name_part, colon, number = text.rpartition(":")
    margin = _number(number)
    if not colon or not math.isfinite(margin):
        raise BadInput(
            f"--no-regression takes METRIC:MARGIN, such as answer_f1:0.02 for at most two points of a hundred, not "
            f"{text!r}."
        )
    if margin < 0:
        raise BadInput(f"--no-regression {text!r}: a margin is how much may be lost, such as 0.02, and 0 or more.")
    configuration, metric = _names("--no-regression", name_part, metrics, configurations)
    # All metrics of the catalogue lie between 0 and 1: a margin of 2 is meant for two points.
    if metric in METRICS and margin >= 1:
        raise BadInput(
            f"--no-regression {text!r}: {metric} lies between 0 and 1, so a margin of {margin:g} lets everything pass; "
            f"two points of a hundred are {metric}:0.02."
        )
    return NoRegression(metric, margin, configuration)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        # One refusal for all that is no number, `nan` and `inf` among them: nothing would ever miss such a bound.
        return math.nan


def _names(option: str, text: str, metrics: Sequence[str], configurations: Sequence[str]) -> tuple[str, str]:
    configuration, _, metric = text.rpartition(":")
    # Before the run: a mistyped metric must not show when everything is paid.
    if metric not in metrics:
        raise BadInput(
            f"{option} names {metric!r}, which the experiment does not measure; it has: {', '.join(metrics)}."
        )
    if configuration and configuration not in configurations:
        raise BadInput(f"{option} names {configuration!r}, but there are: {', '.join(configurations)}.")
    return configuration, metric
