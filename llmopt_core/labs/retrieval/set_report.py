"""One configuration's retrieval over a whole set: what every stage finds, where gold stands, where it is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

from pydantic import Field

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.document_clusters import cluster_labels
from llmopt_core.experiments.preflight import check_budget
from llmopt_core.index.embedding_cache import encode_queries
from llmopt_core.labs.retrieval.components import list_asked_models
from llmopt_core.labs.retrieval.costs import Cost, CostPilot, measure_pilot
from llmopt_core.labs.retrieval.progress import OnLabProgress, Tally
from llmopt_core.labs.retrieval.retrieve_all import CONCURRENCY, retrieve_all
from llmopt_core.labs.retrieval.subject import Subject
from llmopt_core.models.registry import Models
from llmopt_core.retrieval.analysis.gold_trace import trace_gold
from llmopt_core.retrieval.analysis.inspect import stage_hits, stage_measures
from llmopt_core.retrieval.metrics import find_ranks
from llmopt_core.retrieval.result import RANKING_STAGES, Retrieval
from llmopt_core.retrieval.retrieve import Retriever
from llmopt_core.retrieval.routing import NONE, Router, confusion
from llmopt_core.statistics.clusters import summarize_clusters
from llmopt_core.statistics.intervals import Summary
from llmopt_core.types import Example, Spec, StageTrace

# Finer at the top, where answers are decided; 3, 10 and 30 are usual numbers of chunks and candidates.
EDGES = (1, 2, 4, 11, 31)
"""First ranks of the groups into which gold is counted; what is not there comes last."""
MEASURES = ("recall", "mrr", "ndcg")
# A list to look through; the counts beside it are of all.
_MOST_MISSES = 50


class StageReport(Spec):
    """One stage over all questions with references.

    Attributes:
        name: The stage, as in `inspect.columns`.
        measures: Of the first `k` chunks; empty for stages that rank nothing, such as `transform (hyde)`.
        positions: How many references stand in each group of `position_groups`, the last one for "not there". A
            question whose route leaves the stage out is not counted.
        cost: Per question, measured on a few of them past the cache.
    """

    name: str
    measures: dict[str, Summary]
    positions: tuple[int, ...]
    cost: Cost


class MissedQuestion(Spec):
    """A question none of whose gold chunks was handed over."""

    example_id: str
    question: str
    stage: str
    why: str


class ConfusionReport(Spec):
    """How often each category was taken for which; rows are what it is."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    accuracy: float
    asked: int


class SetReport(Spec):
    """Retrieval over a set.

    Attributes:
        questions: With references; the others cannot be measured.
        without: Questions without references.
        lost_at: Stage -> questions that lost all their gold there.
        lost: The first of them, with the reason.
        warnings: What stages fell back to -> how many questions.
        failures: What could not be retrieved -> how many questions.
        routing: None without routing, or where no question has a category.
    """

    configuration: str
    configuration_fingerprint: str
    k: int
    questions: int
    without: int
    stages: tuple[StageReport, ...]
    lost_at: dict[str, int]
    lost: tuple[MissedQuestion, ...]
    warnings: Mapping[str, int] = Field(default_factory=dict)
    failures: Mapping[str, int] = Field(default_factory=dict)
    routing: ConfusionReport | None = None


def position_groups() -> tuple[str, ...]:
    """Names of the groups, such as `rank 2 to 3`."""
    ends = [f"rank {a}" if b == a + 1 else f"rank {a} to {b - 1}" for a, b in pairwise(EDGES)]
    return (*ends, f"rank {EDGES[-1]} or more", "not there")


async def measure_set(
    subject: Subject,
    *,
    k: int = 5,
    budget_usd: float | None = None,
    on_progress: OnLabProgress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> SetReport:
    """Retrieve for every example and measure after every stage.

    Args:
        subject: Examples without references are counted and left out.
        k: How many of a stage's chunks count.
        budget_usd: What the models may cost in all, earlier attempts included; None for no limit.
        on_progress: Told how far it is.
        should_stop: Asked before each question; once true the report holds what is done.

    Raises:
        BadInput: The configuration retrieves nothing, or no example has a reference; a budget is set and a price is not
            known; or a budget stopped it before and none is given now.
        OutOfBudget: The budget has no room for the next call.
    """
    configuration, models, with_gold = subject.configuration, subject.models, subject.with_gold
    if not with_gold:
        raise BadInput("No question of this set says where its answer stands; add sources to measure retrieval.")
    if budget_usd is not None:
        # No answer is given, so neither its model nor a judge is asked.
        check_budget(budget_usd, list_asked_models(configuration, False, JudgeSpec()), models)
    with models.spending(measure_work_name(subject, k), budget_usd) as budget:
        tally = Tally(len(with_gold), budget, on_progress, at_once=CONCURRENCY)
        retrievals, failures, retriever = await retrieve_all(
            subject.pipeline(), with_gold, lambda cached: tally.step(from_cache=cached), should_stop
        )
        # After the whole set: its index and models are loaded by then.
        pilot = await measure_pilot(subject)
        routing = await _routing(configuration, subject.examples, models)
    # In a thread: intervals and traces of a large set take seconds of processor.
    return await asyncio.to_thread(
        _report,
        configuration,
        retrievals,
        failures,
        retriever,
        pilot,
        k,
        len(subject.examples) - len(with_gold),
        routing,
    )


def measure_work_name(subject: Subject, k: int) -> str:
    """Under which what was paid for it is kept."""
    return subject.work_name("retrieval-measure", None, k)


RetrievalPairs = Sequence[tuple[Example, Retrieval]]


def _report(  # noqa: PLR0917
    configuration: Configuration,
    pairs: RetrievalPairs,
    failures: dict[str, int],
    retriever: Retriever,
    pilot: CostPilot,
    k: int,
    without: int,
    routing: ConfusionReport | None,
) -> SetReport:
    misses = _find_misses(pairs, retriever)
    return SetReport(
        configuration=configuration.name,
        configuration_fingerprint=configuration.fingerprint,
        k=k,
        questions=len(pairs),
        without=without,
        stages=tuple(_stages(pairs, pilot, k)),
        # The stage that loses most comes first.
        lost_at=dict(Counter(one.stage for one in misses).most_common()),
        lost=tuple(misses[:_MOST_MISSES]),
        warnings=dict(Counter(warning for _, retrieval in pairs for warning in retrieval.warnings)),
        failures=failures,
        routing=routing,
    )


def _stages(pairs: RetrievalPairs, pilot: CostPilot, k: int) -> list[StageReport]:
    tables = stage_measures([(example, retrieval.trace) for example, retrieval in pairs], k)
    clusters = cluster_labels([example for example, _ in pairs])
    # By name, since routes may leave stages out for some questions.
    hits = [stage_hits(retrieval.trace) for _, retrieval in pairs]
    result = []
    for name in _names(pairs, _in_order(hits)):
        ranks = [
            rank
            for (example, _), by_stage in zip(pairs, hits, strict=True)
            if name in by_stage
            for rank in find_ranks([hit.chunk.span for hit in by_stage[name]], example.references)
        ]
        result.append(
            StageReport(
                name=name,
                measures={
                    measure: summarize_clusters(tables[name][measure], clusters)
                    for measure in MEASURES
                    if name in tables
                },
                positions=_histogram(ranks) if name in tables else (),
                # `name=name` binds it now; mypy cannot type such a lambda.
                cost=pilot.cost(lambda stage, name=name: name in _stage_names(stage)),  # type: ignore[misc]
            )
        )
    return result


def _in_order(hits: Sequence[Mapping[str, object]]) -> list[str]:
    """Ranking stages by the latest place they have for any question: routes may leave stages out."""
    latest: dict[str, int] = {}
    for by_stage in hits:
        for place, name in enumerate(by_stage):
            # The latest: a stage that some routes skip still stands behind those before it.
            latest[name] = max(place, latest.get(name, 0))
    return sorted(latest, key=latest.__getitem__)


def _names(pairs: RetrievalPairs, ranking: Iterable[str]) -> list[str]:
    """All stages in order: those that rank nothing come first."""
    before = [
        f"{stage.stage} ({stage.method})"
        for _, retrieval in pairs
        for stage in retrieval.trace
        if stage.stage not in RANKING_STAGES and (stage.stage, stage.method) != ("transform", "none")
    ]
    return list(dict.fromkeys([*before, *ranking]))


def _histogram(ranks: Sequence[int | None]) -> tuple[int, ...]:
    counts = [0] * (len(EDGES) + 1)
    for rank in ranks:
        # How many edges it has reached; ranks count from 1.
        counts[len(EDGES) if rank is None else sum(rank >= edge for edge in EDGES) - 1] += 1
    return tuple(counts)


def _stage_names(stage: StageTrace) -> tuple[str, str]:
    """The names a stage goes by."""
    return stage.method, f"{stage.stage} ({stage.method})"


def _find_misses(pairs: RetrievalPairs, retriever: Retriever) -> list[MissedQuestion]:
    result = []
    for example, retrieval in pairs:
        ranks = find_ranks([hit.chunk.span for hit in retrieval.hits], example.references)
        # One reference that was handed over is no loss of the question.
        if any(rank is not None for rank in ranks):
            continue
        # A route has its own number of chunks, which decides where something was cut off.
        spec = retriever.spec.for_category(retrieval.category)
        went = trace_gold(retrieval.trace, example.references, retriever.index, spec)
        if went.traces:
            # The chunk that came furthest tells where the question was lost.
            best = max(went.traces, key=lambda trace: sum(rank is not None for rank in trace.ranks.values()))
            stage, why = best.loss_stage, best.why
        else:
            stage, why = "not indexed", "The source stands in no document that was indexed."
        result.append(MissedQuestion(example_id=example.id, question=example.question, stage=stage, why=why))
    return result


async def _routing(configuration: Configuration, examples: Sequence[Example], models: Models) -> ConfusionReport | None:
    """Categories of the set against those that routing takes; an example of the router never answers for itself."""
    spec = configuration.retrieval.routing if configuration.retrieval else None
    labelled_examples = [example for example in examples if example.category]
    # "given" takes the category of the question itself: nothing could be mistaken.
    if spec is None or spec.method == "given" or not labelled_examples or configuration.retrieval is None:
        return None
    embedding = configuration.retrieval.embedding
    router = Router(spec, models, lambda texts: encode_queries(texts, models.embedder(embedding), models.cache))
    # `leave_out`: the examples of the router are often taken from the same set.
    # None: the category that is known must not be handed to it.
    routes = await router.route(
        [example.question for example in labelled_examples], [None] * len(labelled_examples), leave_out=True
    )
    matrix = confusion(
        [example.category for example in labelled_examples], [route.category or NONE for route in routes]
    )
    return ConfusionReport(
        labels=matrix.labels, counts=matrix.counts, accuracy=matrix.accuracy, asked=len(labelled_examples)
    )
