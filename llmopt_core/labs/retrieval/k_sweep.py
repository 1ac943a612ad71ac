"""More is not better: answer quality, faithfulness and tokens as more chunks are handed over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from pydantic import Field

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.document_clusters import cluster_labels
from llmopt_core.experiments.preflight import check_budget
from llmopt_core.labs.retrieval.components import list_asked_models, retrieval_of
from llmopt_core.labs.retrieval.graded_answers import answer_all, count_failures, has_value, metric_values
from llmopt_core.labs.retrieval.progress import OnLabProgress, Tally
from llmopt_core.labs.retrieval.subject import Subject
from llmopt_core.statistics.clusters import summarize_clusters
from llmopt_core.statistics.intervals import Summary, summarize
from llmopt_core.statistics.tables import Gain, gains
from llmopt_core.types import Record, Spec

# Close together where answers change most, wide where more chunks hardly matter.
KS = (1, 2, 3, 5, 8, 12, 20)
# Words for a number of chunks that no test tells from the best one.
SIMILAR = ("equivalent", "cannot tell")
METRICS = ("answer_f1", "faithfulness", "recall")


class AtK(Spec):
    """The configuration with `k` chunks handed over.

    Attributes:
        measures: `answer_f1`, `faithfulness`, and `recall` of the chunks handed over.
        tokens: Of the prompt, per question, as when it was asked.
        seconds: Of an answer, as when it was asked.
        gains: Against the best `k` by answer F1 (faithfulness where no reference answers exist); empty for that one.
        failed: Questions without an answer, such as where the prompt is longer than the model's window.
    """

    k: int
    measures: dict[str, Summary]
    tokens: Summary
    seconds: Summary
    gains: Mapping[str, Gain] = Field(default_factory=dict)
    failed: int = 0


class KSweep(Spec):
    """One configuration at several `k`.

    Attributes:
        leading: What the best is chosen by.
        best: The `k` of the highest mean; the smaller of equals.
        fewest: The smallest `k` that no test tells from the best.
    """

    configuration: str
    configuration_fingerprint: str
    evaluation_set: str
    questions: int
    leading: str
    best: int
    fewest: int
    rows: tuple[AtK, ...]
    failures: Mapping[str, int] = Field(default_factory=dict)

    @property
    def alike(self) -> bool:
        """Whether every `k` has the same mean, so that none is the best."""
        means = {row.measures[self.leading].mean for row in self.rows}
        return len(means) == 1

    @property
    def is_undecided(self) -> bool:
        """Whether no other `k` is seen to differ from the best one."""
        return all(row.gains[self.leading].verdict in SIMILAR for row in self.rows if row.gains)


async def k_sweep(
    subject: Subject,
    *,
    ks: Sequence[int] = KS,
    set_name: str = "",
    judge: JudgeSpec | None = None,
    concurrency: int = 4,
    budget_usd: float | None = None,
    on_progress: OnLabProgress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> KSweep:
    """Answer every question with each number of chunks.

    Raises:
        BadInput: The configuration retrieves nothing, there is nothing to ask, or nothing could be scored; or a budget
            is set and a price is not known.
        OutOfBudget: The budget, which is for earlier sessions and pilots too, has no room for the next call. What
            was made is kept, and free the next time.
    """
    configuration, examples, models = subject.configuration, subject.examples, subject.models
    # Each once and in order: rows are drawn as a line.
    counts = sorted(set(ks))
    if not examples or not counts or counts[0] < 1:
        raise BadInput("Choose at least one question, and numbers of chunks from 1 on.")
    judge = judge or JudgeSpec()
    if budget_usd is not None:
        check_budget(budget_usd, list_asked_models(configuration, True, judge), models)
    records: dict[int, list[Record]] = {}
    with models.spending(sweep_work_name(subject, judge, counts), budget_usd) as budget:
        tally = Tally(len(counts) * len(examples), budget, on_progress, at_once=concurrency)
        for k in counts:
            pipeline = subject.pipeline(at_k(configuration, k), METRICS, judge)
            records[k] = await answer_all(pipeline, examples, tally, concurrency, should_stop)
    return await asyncio.to_thread(_build_sweep, configuration, set_name, records)


def sweep_work_name(subject: Subject, judge: JudgeSpec, ks: Sequence[int]) -> str:
    """Under which what was paid for it is kept."""
    return subject.work_name("chunk-count-sweep", judge, ks)


def at_k(configuration: Configuration, k: int) -> Configuration:
    """The configuration that hands over `k` chunks.

    Raises:
        BadInput: It retrieves nothing.
    """
    retrieval = retrieval_of(configuration).model_copy(update={"top_k": k})
    return configuration.model_copy(update={"retrieval": retrieval, "name": f"{configuration.name} k={k}"[:200]})


def _build_sweep(configuration: Configuration, set_name: str, records_by_k: dict[int, list[Record]]) -> KSweep:
    columns = {k: {metric: metric_values(records, metric) for metric in METRICS} for k, records in records_by_k.items()}
    # F1 before faithfulness; the first that has any value.
    leading = next(
        (metric for metric in METRICS[:2] if any(has_value(table[metric]) for table in columns.values())), ""
    )
    failures = count_failures([record for records in records_by_k.values() for record in records])
    if not leading:
        why = f": {next(iter(failures))}" if failures else "; the questions need reference answers."
        raise BadInput(f"No answer could be scored{why}")
    means = {k: summarize(table[leading]).mean for k, table in columns.items()}
    # No value is below every value; of equal means the smaller k, by its minus.
    best = max(means, key=lambda k: (-1.0 if means[k] is None else means[k] or 0.0, -k))
    clusters = cluster_labels([record.example for record in records_by_k[best]])
    others = [k for k in records_by_k if k != best]
    against = {
        # Together: seven numbers of chunks are six chances to find a difference.
        metric: dict(
            zip(others, gains(columns[best][metric], [columns[k][metric] for k in others], clusters), strict=True)
        )
        for metric in METRICS
    }
    good = [k for k in others if against[leading][k].verdict in SIMILAR]
    return KSweep(
        configuration=configuration.name,
        configuration_fingerprint=configuration.fingerprint,
        evaluation_set=set_name,
        questions=len(records_by_k[best]),
        leading=leading,
        best=best,
        fewest=min([best, *good]),
        rows=tuple(
            AtK(
                k=k,
                measures={metric: summarize_clusters(values, clusters) for metric, values in columns[k].items()},
                tokens=summarize([_tokens(record) for record in records]),
                seconds=summarize([_seconds(record) for record in records]),
                gains={metric: against[metric][k] for metric in METRICS} if k != best else {},
                failed=sum(record.failure is not None for record in records),
            )
            for k, records in records_by_k.items()
        ),
        failures=dict(failures),
    )


def _tokens(record: Record) -> float | None:
    # As it was asked: an answer from the cache sent nothing now.
    usage = None if record.answer is None else record.answer.usage.original
    return None if usage is None else float(usage.prompt_tokens)


def _seconds(record: Record) -> float | None:
    return None if record.answer is None else record.answer.seconds
