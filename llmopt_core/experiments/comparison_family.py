"""Which comparisons are tested together, so that a pair of runs gets the same verdict wherever it is shown.

By default the family of a metric is each saved configuration against its parent (see `comparison_parents`), where it
has one that was run too, else against the baseline; on one set of questions, by one judge. A pair that is none of these
(another baseline, two tuned models) is tested together with all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from llmopt_core.experiments.comparison_parents import comparison_parents
from llmopt_core.experiments.current_runs import family_runs
from llmopt_core.experiments.run_scores import RunScoreTable, baseline_position, pair_runs, read_run_scores
from llmopt_core.reporting.verdict_words import unit_note
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project, Run
from llmopt_core.statistics.clusters import count_clusters

Pair = tuple[str, str]


@dataclass(frozen=True)
class Family:
    """What is tested together.

    Attributes:
        baseline: The name of what the others are compared with.
        p_values: Metric -> (baseline or parent, other) -> p-value of that comparison alone.
        unit: What is tested as one: `40 questions in 12 documents; unit: document`.
        has_parents: Whether a configuration is compared with its parent.
    """

    baseline: str = ""
    p_values: Mapping[str, Mapping[Pair, float]] = field(default_factory=dict)
    unit: str = ""
    has_parents: bool = False

    def others(self, metric: str, a: str, b: str) -> list[float]:
        """The p-values that a comparison of these two is tested together with: all but its own."""
        # The tests are two-sided, so a pair is the same either way round.
        return [p for pair, p in self.p_values.get(metric, {}).items() if pair not in {(a, b), (b, a)}]

    def parent_of(self, name: str) -> str:
        """The parent that this one is compared with; empty where that is the baseline."""
        pairs = (pair for by_pair in self.p_values.values() for pair in by_pair)
        # By a metric that the baseline lacks another one stands in its place, which is no parent.
        return next((a for a, b in pairs if b == name and a != self.baseline), "") if self.has_parents else ""

    @property
    def size(self) -> int:
        """How many comparisons it has, of the metric with the most."""
        return max(map(len, self.p_values.values()), default=0)

    @property
    def in_short(self) -> str:
        """How many comparisons are tested together, without what the test is."""
        return f"{self.level_words}{self._unit_words}"

    @property
    def level_words(self) -> str:
        """`in_short` without what was tested as one, for where that stands beside it."""
        if self.size < 2:
            return "Verdicts hold at 5 %."
        return f"Verdicts hold at 5 % for all {self.size} comparisons of a configuration with {self._bases} together."

    @property
    def _bases(self) -> str:
        if not self.has_parents:
            return self.baseline
        parent = "the last step before it that a person kept, else what it was made from"
        return f"its parent, else with {self.baseline} (parent: {parent})"

    @property
    def _unit_words(self) -> str:
        return f" {self.unit[:1].upper()}{self.unit[1:]}." if self.unit else ""

    @property
    def words(self) -> str:
        """What is tested, and how many comparisons together."""
        method = (
            "Tested is the mean difference over the questions that both answered: passes by McNemar's exact test, "
            "grades by a paired permutation test and a bootstrap-t, of which the larger p-value counts; where "
            "questions share documents, both by these tests over whole documents"
        )
        if self.size < 2:
            return f"{method}; at 5 %.{self._unit_words}"
        return (
            f"{method}; at 5 % for all {self.size} comparisons of a configuration with {self._bases} on this set "
            "together, and any other pair with them (Holm). An interval goes with its verdict: it is wider where more "
            f"is tested together.{self._unit_words}"
        )


def family_of(members: Sequence[RunScoreTable], metrics: Sequence[str]) -> Family:
    """Each of these runs against its parent among them, else against the one named baseline, else the first.

    By a metric that the baseline has no score of, such as context recall without retrieval, against the first that has.
    """
    if not members:
        return Family()
    baseline = members[baseline_position([run.name for run in members])]
    p_values: dict[str, dict[Pair, float]] = {}
    names = {run.name for run in members} - {baseline.name}
    has_parents = any(run.parent in names and run.parent != run.name for run in members)
    for metric in metrics:
        candidates = [run for run in members if any(value is not None for value in run.scores.values.get(metric, ()))]
        # Nobody able: any will do, as there is nothing to test.
        base = baseline if baseline in candidates or not candidates else candidates[0]
        parents = {run.name: run for run in candidates}
        pairs = [(_base_of(run, parents, base), run) for run in members if run is not base]
        pair_values: dict[Pair, float | None] = {}
        for one, run in pairs:
            # Two that are each other's parent, as where a kept step extends a later one, are one comparison.
            if (run.name, one.name) not in pair_values:
                pair_values[one.name, run.name] = pair_runs(one, run, metric).p_value
        p_values[metric] = {pair: p for pair, p in pair_values.items() if p is not None}
    return Family(baseline.name, p_values, describe_unit(members), has_parents)


def _base_of(run: RunScoreTable, parents: Mapping[str, RunScoreTable], base: RunScoreTable) -> RunScoreTable:
    parent = parents.get(run.parent)
    return base if parent is None or parent is run else parent


def describe_unit(runs: Sequence[RunScoreTable]) -> str:
    """What is tested as one over the questions of these runs."""
    examples = list(dict.fromkeys(example for run in runs for example in run.scores.examples))
    known = {example: label for run in runs for example, label in run.clusters.items()}
    labels = [known.get(example, f"question {example}") for example in examples] if known else None
    return unit_note(len(examples), count_clusters(labels))


def project_family(
    store: Store,
    project: Project | str,
    set_name: str,
    set_version: str,
    judge: str,
    *,
    metrics: Sequence[str] = (),
    shown: Sequence[Run] = (),
    names: Sequence[str] = (),
) -> Family:
    """The family of a project's configurations on one set of questions, by one judge.

    Args:
        store: Where the runs lie.
        project: Whose.
        set_name: Name of the evaluation set.
        set_version: Its version.
        judge: Whose scores.
        metrics: Which; all that were measured by default.
        shown: Runs that stand for their configurations, where others of the same configurations would count.
        names: What those are called where they are shown; their own names by default.
    """
    configurations = store.configurations(project)
    named_runs = family_runs(store.runs(project), configurations, set_name, set_version, judge)
    replacements = {run.fingerprint: run for run in shown}
    runs = [replacements.get(run.fingerprint, run) for run in named_runs.values()]
    labels = {run.fingerprint: name for run, name in zip(shown, names or [run.name for run in shown], strict=True)}
    compared_metrics = metrics or list(dict.fromkeys(metric for run in runs for metric in run.metrics))
    names_in_family = [_name(run, name, labels) for name, run in named_runs.items()]
    parents = comparison_parents(store, project, dict(zip(names_in_family, runs, strict=True)))
    tables = read_run_scores(store, runs, names_in_family)
    return family_of([replace(one, parent=parents.get(one.name, "")) for one in tables], compared_metrics)


def _name(run: Run, name: str, called: Mapping[str, str]) -> str:
    """What a run is called among those shown, so that its comparison is found; another of that name is told apart."""
    # Four digits tell apart the few configurations that share a name.
    other = f"{name} ({run.fingerprint[:4]})" if name in called.values() else name
    return called.get(run.fingerprint, other)


def family_to(family: Family) -> dict[str, Any]:
    """Plain values, as a result file holds them."""
    return {
        "baseline": family.baseline,
        "words": family.words,
        "unit": family.unit,
        "has_parents": family.has_parents,
        "comparisons": {
            metric: [{"a": a, "b": b, "p_value": p} for (a, b), p in pairs.items()]
            for metric, pairs in family.p_values.items()
        },
    }


def family_from(values: Any) -> Family | None:
    """The family that a result file holds; None where it has none, or none that can be read."""
    if not isinstance(values, Mapping) or not isinstance(values.get("comparisons"), Mapping):
        return None
    p_values = {
        str(metric): {(str(one["a"]), str(one["b"])): float(one["p_value"]) for one in rows if _is_comparison(one)}
        for metric, rows in values["comparisons"].items()
        if isinstance(rows, list)
    }
    return Family(
        str(values.get("baseline", "")), p_values, str(values.get("unit") or ""), bool(values.get("has_parents"))
    )


def _is_comparison(one: Any) -> bool:
    # From a file that may come from elsewhere; to `isinstance` true is a number, too.
    p = one.get("p_value") if isinstance(one, Mapping) and {"a", "b"} <= one.keys() else None
    return isinstance(p, (int, float)) and not isinstance(p, bool) and 0 <= p <= 1
