"""Leave-one-out: what removing each component of a configuration costs, in quality, time and tokens."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping

from pydantic import Field

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.execution.budget import Budget
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.document_clusters import cluster_labels
from llmopt_core.experiments.preflight import check_budget
from llmopt_core.labs.retrieval.advice import Advice, advise
from llmopt_core.labs.retrieval.components import components, list_asked_models, retrieval_of
from llmopt_core.labs.retrieval.costs import Cost, answer_costs, measure_pilot
from llmopt_core.labs.retrieval.graded_answers import answer_all, count_failures, has_value, metric_values
from llmopt_core.labs.retrieval.progress import OnLabProgress, Tally
from llmopt_core.labs.retrieval.retrieve_all import CONCURRENCY as SEARCHES
from llmopt_core.labs.retrieval.retrieve_all import retrieve_all
from llmopt_core.labs.retrieval.subject import Subject
from llmopt_core.retrieval.metrics import span_measures
from llmopt_core.statistics.clusters import summarize_clusters
from llmopt_core.statistics.intervals import Summary
from llmopt_core.statistics.tables import Gain, gains
from llmopt_core.types import Record, Spec

# Ten, as both are commonly reported; cut at `top_k`, a search that hands over few would look worse than it is.
DEPTH = 10
"""MRR and nDCG look at so many chunks, however few are handed over."""

_NO_SPANS = "No question says where its answer stands; add sources, or answer the questions too (--answers)."
ANSWER_METRICS = ("answer_f1", "faithfulness")
TITLES = {
    "recall": "Recall of what is handed over",
    "mrr": f"MRR of {DEPTH}",
    "ndcg": f"nDCG of {DEPTH}",
    "answer_f1": "Answer F1",
    "faithfulness": "Faithfulness",
}
Columns = dict[str, list[float | None]]


class AblatedPart(Spec):
    """The configuration with one component left out.

    Attributes:
        name: Such as `without bm25`.
        configuration: What is left, ready to be saved.
        measures: Of what is left.
        gains: Against the whole configuration: below zero means that the component helps. P-values by Holm over all
            components.
        cost: What the component itself takes per question.
        advice: Keep it where removing it hurts; drop it where removing it helps, or where it takes tokens and no
            difference is seen. See `reason`.
        reason: In words.
    """

    name: str
    configuration: Configuration
    measures: dict[str, Summary]
    gains: dict[str, Gain]
    cost: Cost
    advice: Advice
    reason: str


class AblationReport(Spec):
    """A configuration beside itself with each component left out.

    Attributes:
        leading: The measure that decides the advice.
        top_k: How many chunks are handed over, which `recall` counts.
        cost: What one question takes with everything in place.
    """

    configuration: str
    configuration_fingerprint: str
    evaluation_set: str
    questions: int
    top_k: int
    leading: str
    measures: dict[str, Summary]
    cost: Cost
    removed: tuple[AblatedPart, ...]
    failures: Mapping[str, int] = Field(default_factory=dict)


async def ablate(
    subject: Subject,
    *,
    set_name: str = "",
    answers: bool = False,
    judge: JudgeSpec | None = None,
    budget_usd: float | None = None,
    on_progress: OnLabProgress | None = None,
    should_stop: Callable[[], bool] | None = None,
    concurrency: int = 4,
) -> AblationReport:
    """Measure a configuration whole and with each of its components left out.

    Args:
        subject: Examples without references count for answers alone.
        set_name: For the report.
        answers: Answer every question too, and measure F1 and faithfulness; then answer checks are components.
        judge: Grades faithfulness.
        budget_usd: The most that it may cost in all, earlier sessions and pilots of the same work included. What was
            made before it is reached is kept, and free the next time.
        on_progress: Told how far it is, counted in questions.
        should_stop: Asked before each question.
        concurrency: Answers in work at once.

    Raises:
        BadInput: The configuration retrieves nothing, has no component to leave out, or nothing can be measured;
            a budget is set and a price is not known; or a budget stopped it before and none is given now.
        OutOfBudget: The budget has no room for the next call.
    """
    configuration, models = subject.configuration, subject.models
    variants = components(configuration, answers)
    if not subject.examples:
        raise BadInput("There are no questions to measure with.")
    if not variants:
        raise BadInput(f"{configuration.name} is a plain search: it has no component that could be left out.")
    if not answers and not subject.with_gold:
        raise BadInput(_NO_SPANS)
    judge = judge or JudgeSpec()
    if budget_usd is not None:
        check_budget(budget_usd, list_asked_models(configuration, answers, judge), models)
    run = _Run(subject, answers, judge, concurrency)
    # Named so that earlier sessions and pilots of the same work count into the budget.
    with models.spending(ablation_work_name(subject, judge, answers), budget_usd) as budget:
        run.watch(1 + len(variants), budget, on_progress, should_stop)
        # First, since it loads models, which no variant should seem to pay.
        pilot = await measure_pilot(subject)
        costs, total = pilot.components(), pilot.cost(lambda _: True)
        whole = await run.measure(configuration)
        # One after the other: their times would disturb each other, and a stop leaves whole columns.
        tables = {name: await run.measure(variant) for name, variant in variants.items()}
    # Told only now: which questions can be scored depends on what is answered.
    if not any(map(has_value, whole.values())):
        raise BadInput("Nothing of this set can be measured: its questions have neither sources nor reference answers.")
    if answers:
        costs, total = answer_costs(costs, total, configuration, variants, run.records)
    # In a thread: intervals are drawn thousands of times, which would hold up the loop.
    return await asyncio.to_thread(_report, configuration, set_name, run, whole, variants, tables, costs, total)


def ablation_work_name(subject: Subject, judge: JudgeSpec | None, answers: bool) -> str:
    """Under which what was paid for it is kept."""
    grading_judge = (judge or JudgeSpec()) if answers else None
    return subject.work_name("leave-one-out", grading_judge, answers)


class _Run:
    """Measures variants one after the other."""

    def __init__(self, subject: Subject, answers: bool, judge: JudgeSpec, concurrency: int) -> None:
        self.examples = subject.examples
        self.records: dict[str, list[Record]] = {}
        self.failures: Counter[str] = Counter()
        self._subject = subject
        self._answers, self._judge, self._concurrency = answers, judge, concurrency
        self._tally = Tally(0, Budget())
        self._should_stop: Callable[[], bool] | None = None

    def watch(
        self,
        variants: int,
        budget: Budget,
        on_progress: OnLabProgress | None,
        should_stop: Callable[[], bool] | None,
    ) -> None:
        # Without answers `* False` makes it zero.
        searches, answers = variants * len(self._subject.with_gold), variants * len(self.examples) * self._answers
        at_once = self._concurrency if self._answers else SEARCHES
        self._tally = Tally(searches + answers, budget, on_progress, answers or searches, at_once)
        self._should_stop = should_stop

    async def measure(self, configuration: Configuration) -> Columns:
        """Every measure with one value per example, None where it could not be measured."""
        columns: Columns = {}
        if self._subject.with_gold:
            columns |= await self._ranking(configuration)
        if self._answers:
            columns |= await self._answering(configuration)
        return columns

    async def _ranking(self, configuration: Configuration) -> Columns:
        spec = retrieval_of(configuration)
        # Deeper than it hands over, so that MRR and nDCG can be seen; recall is cut back below.
        retrievals, failures, _ = await retrieve_all(
            self._subject.pipeline(with_full_depth(configuration)),
            self._subject.with_gold,
            self._on_search,
            self._should_stop,
        )
        self.failures.update(failures)
        rows: dict[str, dict[str, float]] = {}
        for example, retrieval in retrievals:
            spans = [hit.chunk.span for hit in retrieval.hits]
            # A route may hand over another number of chunks.
            shallow = spec.for_category(retrieval.category).top_k
            deeply = span_measures(spans, example.references, DEPTH)
            rows[example.id] = {
                "recall": span_measures(spans, example.references, shallow)["recall"],
                "mrr": deeply["mrr"],
                "ndcg": deeply["ndcg"],
            }
        return {
            # In the order of the examples; None where a question has no reference or failed.
            measure: [rows.get(example.id, {}).get(measure) for example in self.examples]
            for measure in ("recall", "mrr", "ndcg")
        }

    async def _answering(self, configuration: Configuration) -> Columns:
        pipeline = self._subject.pipeline(configuration, ANSWER_METRICS, self._judge)
        records = await answer_all(pipeline, self.examples, self._tally, self._concurrency, self._should_stop)
        self.records[configuration.name] = records
        self.failures.update(count_failures(records))
        return {metric: metric_values(records, metric) for metric in ANSWER_METRICS}

    def _on_search(self, from_cache: bool) -> None:
        # Answers take so much longer that the searches between them do not tell how long the rest takes.
        self._tally.step(from_cache=from_cache, slow=not self._answers)


def with_full_depth(configuration: Configuration) -> Configuration:
    """The configuration handing over as many chunks as MRR and nDCG look at."""
    spec = retrieval_of(configuration)
    deep_spec = spec.model_copy(update={"top_k": max(DEPTH, spec.top_k)})
    return configuration.model_copy(update={"retrieval": deep_spec})


def _report(  # noqa: PLR0917
    configuration: Configuration,
    set_name: str,
    run: _Run,
    whole: Columns,
    remainder: Mapping[str, Configuration],
    tables: Mapping[str, Columns],
    costs: Mapping[str, Cost],
    total: Cost,
) -> AblationReport:
    # Answers are what users see; without references for them, the order of chunks is the finest measure.
    leading = "answer_f1" if has_value(whole.get("answer_f1", ())) else "ndcg"
    clusters = cluster_labels(run.examples)
    against = {
        # All parts together: five parts are five chances of a false alarm.
        measure: dict(
            zip(remainder, gains(values, [tables[name][measure] for name in remainder], clusters), strict=True)
        )
        for measure, values in whole.items()
    }
    parts = []
    for name, variant in remainder.items():
        # A part that the pilot met in no trace has a cost that is not known.
        gain, cost = against[leading][name], costs.get(name, Cost())
        advice, reason = advise(gain, cost, TITLES[leading])
        parts.append(
            AblatedPart(
                name=name,
                configuration=variant,
                measures={measure: summarize_clusters(values, clusters) for measure, values in tables[name].items()},
                gains={measure: against[measure][name] for measure in whole},
                cost=cost,
                advice=advice,
                reason=reason,
            )
        )
    return AblationReport(
        configuration=configuration.name,
        configuration_fingerprint=configuration.fingerprint,
        evaluation_set=set_name,
        questions=len(run.examples),
        top_k=configuration.retrieval.top_k if configuration.retrieval else 0,
        leading=leading,
        measures={measure: summarize_clusters(values, clusters) for measure, values in whole.items()},
        cost=total,
        removed=tuple(parts),
        failures=dict(run.failures),
    )
