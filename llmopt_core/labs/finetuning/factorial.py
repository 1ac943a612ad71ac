"""The 2 x 2: base and tuned model, plain and with retrieval, on the same questions; what is better, what each costs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from llmopt_core.experiments.comparison_family import Family, project_family
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.current_runs import current_runs
from llmopt_core.experiments.leaderboard import compare_runs, summarize_run
from llmopt_core.experiments.margin import project_margin
from llmopt_core.experiments.run_scores import RunScoreTable, common_examples, higher_is_better, read_run_scores
from llmopt_core.experiments.training_overlap import TrainingOverlap
from llmopt_core.experiments.training_sources import overlap_of
from llmopt_core.finetuning.economics import BreakEven, RequestCost, break_even
from llmopt_core.labs.finetuning.training_pairs import ARMS, two_by_two
from llmopt_core.models.base import ModelSpec
from llmopt_core.models.prices import Prices
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project, Run, SavedSet
from llmopt_core.statistics.intervals import Summary
from llmopt_core.statistics.paired_comparison import Comparison
from llmopt_core.statistics.tables import mean
from llmopt_core.types import Record, Usage

PAIRS = (
    ("base", "fine-tuned"),
    ("base + RAG", "fine-tuned + RAG"),
    ("base", "base + RAG"),
    ("fine-tuned", "fine-tuned + RAG"),
    ("base + RAG", "fine-tuned"),
)
"""What the 2 x 2 answers, baseline first: does tuning help, without and with retrieval; does retrieval; which one."""
COMPARISON_PAIRS = (*PAIRS, ("base", "fine-tuned + RAG"))
"""Every pair of which a price is compared, too: whether saving, or paying, is worth it is a matter of the answers."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One of the four: its score and what a request takes.

    Attributes:
        prompt_tokens, completion_tokens: Means per request, retrieval's own calls with them; of what came from the
            cache what it took when it was asked, and None where the cache does not know it.
        seconds: Mean time of an answer.
        cost_usd: Mean price of a request, as of the price list when it was asked; None where there is none.
        overlap: What its tuned parts have learned from these questions.
    """

    name: str
    run: Run
    summary: Summary
    prompt_tokens: float | None
    completion_tokens: float | None
    seconds: float | None
    cost_usd: float | None
    overlap: TrainingOverlap

    def cost(self, prices: Prices | None, hourly_usd: float = 0.0) -> RequestCost:
        """What a request costs at these prices, on a machine at this hourly price."""
        # Without prices only the machine counts.
        prompt, completion = (prices.prompt or 0.0, prices.completion or 0.0) if prices else (0.0, 0.0)
        return RequestCost(
            self.prompt_tokens or 0.0,
            self.completion_tokens or 0.0,
            prompt,
            completion,
            self.seconds or 0.0,
            hourly_usd,
        )


@dataclass(frozen=True)
class Factorial:
    """The arms that were run, and the pairs of `COMPARISON_PAIRS` on the questions both answered.

    Attributes:
        family: What the comparisons are tested together with.
        common: Means of the arms over the questions that all of them answered; empty where there are none.
        questions: How many these are.
    """

    metric: str
    arms: Mapping[str, Arm]
    comparisons: Mapping[tuple[str, str], Comparison]
    family: Family = field(default_factory=Family)
    common: Mapping[str, float] = field(default_factory=dict)
    questions: int = 0

    @property
    def whole(self) -> bool:
        """Whether all four are there."""
        return len(self.arms) == len(ARMS)

    @property
    def best(self) -> str:
        """Of the arms not trained on the questions the one with the best mean over those that all answered."""
        # An arm that has learned the questions would win by heart.
        means = {name: mean for name, mean in self.common.items() if not self.arms[name].overlap.overlap_count}
        pick = max if higher_is_better(self.metric) else min
        return pick(means, key=lambda name: means[name]) if means else ""


def arm_configurations(
    plain: Configuration, rag: Configuration, tuned_model: ModelSpec, name: str
) -> tuple[Configuration, ...]:
    """The four configurations; the tuned ones carry the tuned model's name, so that runs can be told apart.

    Raises:
        BadInput: The first retrieves, or the second does not.
    """
    four = two_by_two(plain, rag, tuned_model)
    names = (plain.name, rag.name, f"{plain.name} · {name}", f"{rag.name} · {name}")
    # `·` parts the names; a plain hyphen stands in many of them.
    return tuple(c.model_copy(update={"name": arm_name}) for arm_name, c in zip(names, four, strict=True))


def read_factorial(
    store: Store, project: Project | str, four: Sequence[Configuration], evaluation_set: SavedSet, metric: str
) -> Factorial:
    """What the runs of four configurations say, in the order of `ARMS`; see `newest_runs`.

    Args:
        store: Where the runs lie.
        project: Whose.
        four: See `arm_configurations`.
        evaluation_set: Only runs on exactly these questions count.
        metric: What is compared.
    """
    runs = newest_runs(store, project, evaluation_set, metric, [c.fingerprint for c in four])
    runs_by_arm = {name: runs[c.fingerprint] for name, c in zip(ARMS, four, strict=True) if c.fingerprint in runs}
    scores_by_arm = dict(zip(runs_by_arm, read_run_scores(store, list(runs_by_arm.values())), strict=True))
    # Reading the traces of all records takes long; only these have calls in them.
    asks = {c.fingerprint for c in four if c.retrieval_asks}
    arms = {
        name: _arm(store, name, run, scores_by_arm[name], metric, trace=run.fingerprint in asks)
        for name, run in runs_by_arm.items()
    }
    family = run_family(store, project, list(runs_by_arm.values()), metric)
    margin = project_margin(store, project)
    comparisons = {
        (a, b): compare_runs(scores_by_arm[a], scores_by_arm[b], metric, family, margin)
        for a, b in COMPARISON_PAIRS
        # No question in common: there is nothing to pair.
        if a in scores_by_arm and b in scores_by_arm and common_examples(scores_by_arm[a], scores_by_arm[b])
    }
    return Factorial(metric, arms, comparisons, family, *_common_means(scores_by_arm, metric))


def newest_runs(
    store: Store, project: Project | str, evaluation_set: SavedSet, metric: str, fingerprints: Collection[str]
) -> dict[str, Run]:
    """Of each configuration (by its fingerprint) the run on exactly these questions that counts, see `current_runs`.

    Only runs with this metric count, and only those of one judge, that of the newest: others were not graded alike.
    """
    runs = [
        run
        for run in store.runs(project)
        if (run.evaluation_set, run.set_version) == (evaluation_set.name, evaluation_set.version)
        and run.fingerprint in fingerprints
        and run.done
        and metric in run.metrics
    ]
    if not runs:
        return {}
    # The newest judge: the one that the user works with now.
    judge = max(runs, key=lambda run: run.id).judge
    latest_runs = current_runs(runs, evaluation_set.name, evaluation_set.version, judge, metrics=[metric])
    return {run.fingerprint: run for run in latest_runs.values()}


def run_family(store: Store, project: Project | str, runs: Sequence[Run], metric: str) -> Family:
    """What comparisons of these runs, all on one set and by one judge, are tested together with."""
    if not runs:
        return Family()
    first = runs[0]
    # All runs of the project on these questions: the four are looked at among them.
    return project_family(
        store, project, first.evaluation_set, first.set_version, first.judge, metrics=[metric], shown=runs
    )


def _common_means(tables: Mapping[str, RunScoreTable], metric: str) -> tuple[Mapping[str, float], int]:
    """Means over the questions that all of these answered, and how many those are."""
    if not tables:
        return {}, 0
    # Sorted, so that sums add up in the same order and show the same last digit.
    examples = sorted(set.intersection(*(set(run.scores.examples) for run in tables.values())))
    columns = [run.align(metric, examples) for run in tables.values()]
    rows = [[value for value in row if value is not None] for row in zip(*columns, strict=True)]
    # Only rows with a value of every arm: a mean over easier questions would win.
    complete_rows = [row for row in rows if len(row) == len(tables)]
    means = [sum(column) / len(complete_rows) for column in zip(*complete_rows, strict=True)]
    # Without a row in common there are no means, which `strict` would refuse.
    return dict(zip(tables, means, strict=False)), len(complete_rows)


def _arm(store: Store, name: str, run: Run, table: RunScoreTable, metric: str, *, trace: bool) -> Arm:
    # What was not answered counts as not scored, so that the table says how many are missing.
    summary = summarize_run(table, metric)
    records = [record for record in store.records(run.id, trace=trace) if record.answer is not None]
    usages = [answers for record in records if (answers := _request(record).original) is not None]
    seconds = [record.answer.seconds for record in records if record.answer and record.answer.seconds > 0]
    costs = [usage.cost_usd for usage in usages if usage.cost_usd is not None]
    return Arm(
        name,
        run,
        summary,
        mean([usage.prompt_tokens for usage in usages]),
        mean([usage.completion_tokens for usage in usages]),
        mean(seconds),
        # Some without a price: a mean of the others would be too cheap.
        mean(costs) if len(costs) == len(usages) else None,
        overlap_of(store, run),
    )


def _request(record: Record) -> Usage:
    """What one request takes: the answer and the calls of its retrieval; what is written once for the index is none."""
    # Embedding the chunks is done once for the index, not per request.
    usages = [stage.usage for stage in record.trace if stage.stage != "embed"]
    return sum(usages, record.answer.usage if record.answer else Usage())


@dataclass(frozen=True, slots=True)
class Economics:
    """What two arms cost per request, and when the training is earned back."""

    base_cost: RequestCost
    tuned_cost: RequestCost
    result: BreakEven

    def total(self, requests: float) -> tuple[float, float]:
        """Cost of so many requests: of the base, and of the tuned model with its training."""
        return self.base_cost.usd * requests, self.result.training_usd + self.tuned_cost.usd * requests


def economics(
    base: Arm,
    tuned_arm: Arm,
    base_prices: Prices | None,
    tuned_prices: Prices | None,
    *,
    training_usd: float,
    hourly_usd: float = 0.0,
) -> Economics:
    """Compare what two arms cost.

    Args:
        base: Usually the base model with its longer prompt.
        tuned_arm: The tuned one.
        base_prices: USD per million tokens of the base model.
        tuned_prices: Of the tuned model, which services price higher.
        training_usd: What the training cost.
        hourly_usd: Price of one's own machine, by the seconds an answer takes.
    """
    before, after = base.cost(base_prices, hourly_usd), tuned_arm.cost(tuned_prices, hourly_usd)
    return Economics(before, after, break_even(before, after, training_usd))
