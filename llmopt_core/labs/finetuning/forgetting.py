"""What a tuned model has forgotten: base and tuned model asked the very same on a general set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llmopt_core.errors import BadInput
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.leaderboard import compare_runs
from llmopt_core.experiments.margin import project_margin
from llmopt_core.experiments.run_scores import RunScoreTable, higher_is_better, pair_clusters, read_run_scores
from llmopt_core.experiments.training_overlap import TrainingOverlap
from llmopt_core.experiments.training_sources import overlap_of
from llmopt_core.labs.finetuning.factorial import newest_runs, run_family
from llmopt_core.labs.finetuning.training_pairs import with_tuned_model
from llmopt_core.models.base import ModelSpec
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project, Run, SavedSet
from llmopt_core.statistics.clusters import summarize_clusters
from llmopt_core.statistics.intervals import Summary
from llmopt_core.statistics.paired_comparison import Comparison
from llmopt_core.types import Record
from llmopt_core.types.grouping import group_values

# A look at the worst tells what kind of thing was lost; the numbers beside them count all.
_MOST_LOSSES = 10


def general_pair(
    configuration: Configuration, tuned_model: ModelSpec, name: str
) -> tuple[Configuration, Configuration]:
    """Base and tuned model asked the very same, for a general set.

    Raises:
        BadInput: The configuration uses the tuned model already.
    """
    # Compared with itself, it would have forgotten nothing.
    if configuration.model.adapter and configuration.model.adapter == tuned_model.adapter:
        raise BadInput(f"{configuration.name} asks the fine-tuned model already; choose one of the base model.")
    tuned_configuration = with_tuned_model(configuration, tuned_model)
    return configuration, tuned_configuration.model_copy(update={"name": f"{configuration.name} · {name} (general)"})


@dataclass(frozen=True, slots=True)
class LostQuestion:
    """A question that the base model answered better than the tuned one."""

    question: str
    reference: str
    base_answer: str
    tuned_answer: str
    base_score: float
    tuned_score: float


@dataclass(frozen=True)
class Forgetting:
    """Base and tuned model on a general set.

    Attributes:
        base, tuned: Means over the questions that both answered.
        comparison: The paired difference.
        by_category: Means of base and tuned over the questions that both answered, and their number.
        losses: The questions with the largest loss, at most as many as asked for.
        worse, better: Number of questions on which the tuned model is worse or better.
        overlap: What the tuned model has learned from these questions.
        runs: What was measured: the base model's run, and the tuned one's.
    """

    base: Summary
    tuned: Summary
    comparison: Comparison
    by_category: Mapping[str, tuple[float, float, int]]
    losses: Sequence[LostQuestion]
    worse: int
    better: int
    overlap: TrainingOverlap
    runs: tuple[Run, Run]


def forgetting(
    store: Store,
    project: Project | str,
    pair: tuple[Configuration, Configuration],
    evaluation_set: SavedSet,
    metric: str,
) -> Forgetting | None:
    """What the runs of `general_pair` say (see `newest_runs`); None until both are there."""
    runs = newest_runs(store, project, evaluation_set, metric, [c.fingerprint for c in pair])
    if any(c.fingerprint not in runs for c in pair):
        return None
    base_run, tuned_run = (runs[c.fingerprint] for c in pair)
    tables = read_run_scores(store, [base_run, tuned_run])
    # Only questions with a record on both sides: a stopped run has answered the first ones alone.
    records = [{r.example.id: r for r in store.records(run.id)} for run in (base_run, tuned_run)]
    both = _both(tables, metric, [key for key in records[0] if key in records[1]])
    # Losses count from above zero, whichever way the metric goes.
    sign = 1.0 if higher_is_better(metric) else -1.0
    drops = {key: sign * (before - after) for key, (before, after) in both.items()}
    # A stable sort: of equal losses the earlier question stands first, at every look.
    worst = sorted((key for key, drop in drops.items() if drop > 0), key=lambda key: -drops[key])[:_MOST_LOSSES]
    # Means over the same questions, or the table would show another difference than the test.
    clusters = pair_clusters(tables[0], tables[1], list(both))
    before, after = (summarize_clusters([values[side] for values in both.values()], clusters) for side in (0, 1))
    family = run_family(store, project, [base_run, tuned_run], metric)
    return Forgetting(
        before,
        after,
        compare_runs(tables[0], tables[1], metric, family, project_margin(store, project)),
        _by_category(records[0], both),
        [_loss_of(records[0][key], records[1][key], both[key]) for key in worst],
        sum(drop > 0 for drop in drops.values()),
        sum(drop < 0 for drop in drops.values()),
        overlap_of(store, tuned_run),
        (base_run, tuned_run),
    )


def _both(tables: Sequence[RunScoreTable], metric: str, ids: Sequence[str]) -> dict[str, tuple[float, float]]:
    values = zip(ids, *(s.align(metric, ids) for s in tables), strict=True)
    return {key: (before, after) for key, before, after in values if before is not None and after is not None}


def _by_category(
    records: Mapping[str, Record], both: Mapping[str, tuple[float, float]]
) -> dict[str, tuple[float, float, int]]:
    # Questions without a category are a group of their own.
    groups = group_values((records[key].example.category or "", values) for key, values in both.items())
    means = {name: [sum(side) / len(pairs) for side in zip(*pairs, strict=True)] for name, pairs in groups.items()}
    return {name: (before, after, len(groups[name])) for name, (before, after) in means.items()}


def _loss_of(base: Record, tuned_record: Record, values: tuple[float, float]) -> LostQuestion:
    answers = [record.answer.text.strip() if record.answer else "" for record in (base, tuned_record)]
    return LostQuestion(base.example.question, base.example.reference or "", answers[0], answers[1], *values)
