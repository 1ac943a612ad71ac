"""The values of runs, and two of them on the questions that both answered: all comparisons of runs go through here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from llmopt_core.evaluation.metrics.catalogue import METRICS
from llmopt_core.experiments.document_clusters import set_clusters
from llmopt_core.experiments.training_overlap import withhold_verdict
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Run, RunScores
from llmopt_core.statistics.paired_comparison import Comparison, PairedSample
from llmopt_core.statistics.variance_components import difference_band
from llmopt_core.types import fingerprint

Values = tuple[float | None, ...]
LOWER_IS_BETTER = ", lower is better)"
"""How the name of an imported metric ends in which less is better: results and pages know no more of it than that."""


@dataclass(frozen=True, slots=True)
class RunScoreTable:
    """The values of one run by metric and example.

    Attributes:
        total: How many examples the run was meant to have; those without a value count as not scored.
        run_id: None where the values come from a file.
        seen: How many of its questions its tuned parts were trained on.
        contents: Example id -> hash of its content, where runs of different sets may stand together.
        clusters: Example id -> the documents it shares with others, see `clusters_of`; empty where none does.
        parent: The name of the configuration that its own extends; empty where that is not known.
        judge_variances: Metric -> variance of one grade between judgements of one answer, where it is known.
    """

    name: str
    total: int
    scores: RunScores
    run_id: int | None = None
    seen: int = 0
    contents: Mapping[str, str] = field(default_factory=dict)
    clusters: Mapping[str, str] = field(default_factory=dict)
    parent: str = ""
    judge_variances: Mapping[str, float] = field(default_factory=dict)

    def align(self, metric: str, examples: Sequence[str]) -> Values:
        """The metric's values for these examples, None where there is none."""
        # Not strict: a metric that the run lacks has no values at all.
        values = dict(zip(self.scores.examples, self.scores.values.get(metric, ()), strict=False))
        return tuple(values.get(example) for example in examples)


def read_run_scores(store: Store, runs: Sequence[Run], names: Sequence[str] = ()) -> list[RunScoreTable]:
    """The values of stored runs, read at once, under these names (their own by default)."""
    # At use: it brings the modules of fine-tuning along, which scores from a file do not need.
    from llmopt_core.experiments.judge_noise import judge_variances
    from llmopt_core.experiments.training_sources import overlap_of

    noise = judge_variances(store, runs)
    tables = store.scores([run.id for run in runs])
    contents = _contents(store, runs)
    return [
        RunScoreTable(
            name,
            run.total,
            tables[run.id],
            run.id,
            overlap_of(store, run).overlap_count,
            content,
            set_clusters(store, run.project, run.evaluation_set, run.set_version),
            run.parent,
            noise.get(run.id, {}),
        )
        for run, name, content in zip(runs, names or [run.name for run in runs], contents, strict=True)
    ]


def _contents(store: Store, runs: Sequence[Run]) -> list[dict[str, str]]:
    """Hashes of the questions of each run; empty where all are of one version of one set, which has them all alike."""
    if len({(run.project, run.evaluation_set, run.set_version) for run in runs}) < 2:
        return [{} for _ in runs]
    sets = [store.evaluation_set(run.project, run.evaluation_set, run.set_version) for run in runs]
    return [
        {one.id: example_content(one.question, one.reference) for one in evaluation_set.examples}
        for evaluation_set in sets
    ]


def example_content(question: str, reference: str | None) -> str:
    """What makes two examples of the same id the same question."""
    return fingerprint(question, reference or "")


def common_examples(a: RunScoreTable, b: RunScoreTable) -> list[str]:
    """The ids of the examples that both were asked, with the same content, in the order of `a`."""
    other_examples = set(b.scores.examples)
    return [
        example
        for example in a.scores.examples
        if example in other_examples and a.contents.get(example) == b.contents.get(example)
    ]


def pair_runs(a: RunScoreTable, b: RunScoreTable, metric: str) -> PairedSample:
    """The values of both on the questions that both answered."""
    common_ids = set(common_examples(a, b))
    # In an order that depends on nothing: the same pair has the same p-value either way round, from a file too.
    examples = sorted({*a.scores.examples, *b.scores.examples})
    first, second = (
        tuple(value if example in common_ids else None for example, value in zip(examples, values, strict=True))
        for values in (run.align(metric, examples) for run in (a, b))
    )
    return _sample(first, second, pair_clusters(a, b, examples))


def pair_clusters(a: RunScoreTable, b: RunScoreTable, examples: Sequence[str]) -> tuple[str, ...] | None:
    """The clusters of these examples; None where neither run knows of any."""
    labels = {**b.clusters, **a.clusters}
    return tuple(labels.get(example, f"question {example}") for example in examples) if labels else None


def qualify_comparison(comparison: Comparison, a: RunScoreTable, b: RunScoreTable, metric: str) -> Comparison:
    """The comparison of `b` with the baseline `a`, with what is known of both runs beside their scores.

    It has no verdict that is owed to training on the questions (see `withhold_verdict`), and says how far two such
    means lie apart by the judge alone where the answers of both were judged again.
    """
    comparison = withhold_verdict(comparison, knows_a=a.seen > 0, knows_b=b.seen > 0)
    first, second = a.judge_variances.get(metric), b.judge_variances.get(metric)
    if not comparison.pairs or first is None or second is None:
        return comparison
    # Each stored score is one grade of one answer.
    return replace(comparison, judge_band=difference_band(first + second, comparison.pairs))


def higher_is_better(metric: str) -> bool:
    """The direction of a metric; an assertion that is not in the catalogue passes with 1."""
    if metric in METRICS:
        return METRICS[metric].higher_is_better
    return not metric.endswith(LOWER_IS_BETTER)


def baseline_position(names: Sequence[str]) -> int:
    """Which run others are compared with by default: the one named `baseline`, else the first."""
    return next((i for i, name in enumerate(names) if name.casefold() == "baseline"), 0)


# A family and what is shown of it ask for the same samples, one metric after the other: of 30 configurations and six
# metrics 174, of which none would be left for the second to find if fewer were kept.
@lru_cache(maxsize=256)
def _sample(a: Values, b: Values, clusters: tuple[str, ...] | None) -> PairedSample:
    return PairedSample(a, b, clusters=clusters)
