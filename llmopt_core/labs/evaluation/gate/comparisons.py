"""A result against its baseline, rule by rule: the pairs of all questions and of each category, and their tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llmopt_core.errors import BadInput
from llmopt_core.experiments.result_file import Result, result_clusters, scores_from
from llmopt_core.experiments.run_scores import RunScoreTable, common_examples, higher_is_better
from llmopt_core.labs.evaluation.gate.baseline import Baseline
from llmopt_core.labs.evaluation.gate.categories import categories_of
from llmopt_core.labs.evaluation.gate.outcome import Check
from llmopt_core.labs.evaluation.gate.regression import Measured, describe_regression
from llmopt_core.labs.evaluation.gate.rules import NoRegression, Rules
from llmopt_core.statistics.holm import holm
from llmopt_core.statistics.non_inferiority import non_inferiority


def compare_runs(result: Result, rules: Rules, baseline: Baseline) -> tuple[list[Check], list[str]]:
    """Every rule of no regression for each configuration that the baseline has, too; those that it lacks are told.

    Returns:
        The checks, and notes.

    Raises:
        BadInput: A rule allows no regression, and there is nothing to compare.
    """
    measurements: list[Measured] = []
    notes, clusters = [], result_clusters(result)
    for run in result["runs"]:
        name, other = str(run["configuration"]), baseline.run_for(str(run["configuration"]))
        if other is None:
            notes.append(f"{name}: not compared, as {baseline.name} has no configuration of that name.")
        # Compared with itself, every configuration passes.
        elif other is not run:
            sides = _Sides(scores_from(other), scores_from(run), categories_of(run), clusters)
            matching_rules = [rule for rule in rules.no_regression if rule.configuration in ("", name)]
            measurements += [one for rule in matching_rules for one in sides.measure(rule, rules)]
    if rules.no_regression and not measurements:
        raise BadInput(f"--no-regression compares nothing: {baseline.name} has nothing beside it.")
    checks: list[Check] = []
    # Those that are only told are a family of their own: they must not make a decision stricter.
    for decides in (True, False):
        checks += _settle([one for one in measurements if one.decides == decides])
    return checks, notes


class _Sides:
    """A run and what it is compared with."""

    def __init__(
        self,
        before: RunScoreTable,
        after: RunScoreTable,
        categories: Mapping[str, list[str]],
        clusters: Mapping[str, str],
    ) -> None:
        self._before, self._after = before, after
        self._categories, self._clusters = categories, clusters
        # Questions of the same id that were changed are others, and have no counterpart.
        self._common = set(common_examples(before, after))

    def measure(self, rule: NoRegression, rules: Rules) -> list[Measured]:
        """The rule over all questions, and over those of each category."""
        examples = self._after.scores.examples
        # Those that were never asked have no record, and so no category that is known.
        return [
            self._measure(rule, rules, examples, None, max(self._after.total, len(examples))),
            *(
                self._measure(rule, rules, members, category, len(members))
                for category, members in self._categories.items()
            ),
        ]

    def _measure(
        self, rule: NoRegression, rules: Rules, examples: Sequence[str], category: str | None, asked: int
    ) -> Measured:
        # In an order that depends on nothing, so that the draws are the same from run to run.
        example_ids = sorted(examples)
        old_scores = self._before.align(rule.metric, example_ids)
        before = [value if one in self._common else None for one, value in zip(example_ids, old_scores, strict=True)]
        after = self._after.align(rule.metric, example_ids)
        labels = [self._clusters.get(one, f"question {one}") for one in example_ids] if self._clusters else None
        found = non_inferiority(before, after, rule.margin, labels, higher_is_better=higher_is_better(rule.metric))
        pairs = [(a, b) for a, b in zip(before, after, strict=True) if a is not None and b is not None]
        return Measured(
            rule,
            self._after.name,
            self._before.name,
            category,
            category is None or rules.by_category,
            found,
            asked,
            scored=(sum(value is not None for value in before), sum(value is not None for value in after)),
            means=(_mean([a for a, _ in pairs]), _mean([b for _, b in pairs])),
            seen=(self._before.seen, self._after.seen),
            min_coverage=rules.min_coverage,
        )


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _settle(measured: Sequence[Measured]) -> list[Check]:
    """The checks of what is tested together."""
    tests = [one for one in measured if one.found.p_drop is not None and not one.is_thin]
    p_values = dict(zip(map(id, tests), holm([one.found.p_drop or 0.0 for one in tests]), strict=True))
    return [describe_regression(one, p_values.get(id(one)), len(tests)) for one in measured]
