"""What a sweep's pictures are drawn from: lines over size, a grid, the advice, and the passage of a miss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from llmopt_core.errors import BadInput
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.labs.chunking.result import (
    TOKENS,
    Miss,
    SettingResult,
    SweepResult,
    by_recall,
    main_miss,
)
from llmopt_core.retrieval.metrics import overlaps
from llmopt_core.retrieval.spec import RetrievalSpec, SearchSpec
from llmopt_core.statistics.clusters import summarize_clusters
from llmopt_core.statistics.intervals import Summary
from llmopt_core.statistics.resampling import bootstrap_interval
from llmopt_core.types import EvaluationSet, Example, Span

# Recall that may be given up for fewer tokens, a matter of taste: smaller hardly ever finds a cheaper setting,
# larger advises one whose misses users notice.
MARGIN = 0.05


@dataclass(frozen=True, slots=True)
class Line:
    """One method at one overlap: sizes in order, with the position and summary of each setting."""

    method: str
    overlap: int
    sizes: tuple[int, ...]
    positions: tuple[int, ...]
    summaries: tuple[Summary, ...]


def lines(result: SweepResult, metric: str, top_k: int) -> list[Line]:
    """A line per method and overlap, over the sizes that were possible."""
    rows: dict[tuple[str, int], list[tuple[int, int, Summary]]] = {}
    for position, setting in enumerate(result.settings):
        chunking = result.cutting(setting).chunking
        if setting.top_k == top_k:
            row = (chunking.size, position, setting.summaries[metric])
            rows.setdefault((chunking.method, chunking.overlap), []).append(row)
    series = []
    for (method, overlap), points in rows.items():
        # By size, since settings stand in the order in which they were tried.
        sizes, positions, summaries = zip(*sorted(points, key=lambda point: point[0]), strict=True)
        series.append(Line(method, overlap, sizes, positions, summaries))
    return series


@dataclass(frozen=True, slots=True)
class Advice:
    """What a sweep comes to.

    Attributes:
        best: Position of the setting of highest recall.
        frugal: The cheapest setting that surely loses less than `MARGIN` recall against the best: the 95 % bootstrap
            interval of the paired difference lies above it (a test of non-inferiority); the best itself where there is
            none.
    """

    best: int
    frugal: int


def advice(result: SweepResult) -> Advice:
    """The setting of highest recall, and the cheapest that is hardly worse."""
    best = by_recall(result)[0]

    def tokens(position: int) -> float:
        return result.settings[position].summaries[TOKENS].mean or 0.0

    # Cheapest first, so that the first that is hardly worse is the answer.
    cheaper = sorted((p for p in range(len(result.settings)) if tokens(p) < tokens(best)), key=tokens)
    return Advice(best, next((p for p in cheaper if _hardly_worse(result, best, p)), best))


def _hardly_worse(result: SweepResult, best: int, other: int) -> bool:
    columns = zip(*(result.settings[place].values["recall"] for place in (best, other)), strict=True)
    # Of questions that both settings scored.
    changes = [None if before is None or after is None else after - before for before, after in columns]
    differences = np.array([change for change in changes if change is not None])
    if not len(differences):
        return False
    if result.clusters is not None:
        by_document = summarize_clusters(changes, result.clusters)
        # No interval of too few documents: nothing is sure.
        return by_document.low is not None and by_document.low > -MARGIN
    # Not the interval of a comparison, which is made to say whether there is any difference at all.
    ends = bootstrap_interval(differences)
    # Too few questions for an interval: the mean must do. The lower end, because the loss at worst is what counts.
    return float(differences.mean() if ends is None else ends[0]) > -MARGIN


@dataclass(frozen=True, slots=True)
class MissRow:
    """One question of which something was missed, by the miss it goes by."""

    example_id: str
    question: str
    miss: Miss
    recall: float


def miss_rows(result: SweepResult, position: int, evaluation_set: EvaluationSet) -> list[MissRow]:
    """The questions of one setting that missed a reference, in the order of the set."""
    setting = result.settings[position]
    questions = {example.id: example.question for example in evaluation_set.examples}
    rows = []
    for number, name in enumerate(result.example_ids):
        miss = main_miss(setting.misses[number])
        if miss is not None:
            recall = setting.values["recall"][number] or 0.0
            rows.append(MissRow(name, questions.get(name, ""), miss, recall))
    return rows


@dataclass(frozen=True, slots=True)
class RetrievedChunk:
    """What was handed over at one rank, and whether it overlaps a reference."""

    rank: int
    span: Span
    holds_reference: bool


def list_retrieved_chunks(result: SweepResult, position: int, example: Example) -> list[RetrievedChunk]:
    """What one setting handed over for a question, best first.

    Raises:
        BadInput: The question was not part of the sweep.
    """
    if example.id not in result.example_ids:
        raise BadInput(f"The question {example.id} was not part of this sweep.")
    setting = result.settings[position]
    # Places are kept for the largest k; a smaller one took the first of them.
    places = result.cutting(setting).found[result.example_ids.index(example.id)][: setting.top_k]
    spans = [Span(result.documents[document][0], start, end) for document, start, end in places]
    return [
        RetrievedChunk(rank, span, any(overlaps(span, reference) for reference in example.references))
        for rank, span in enumerate(spans, start=1)
    ]


def configuration_of(result: SweepResult, setting: SettingResult, base: Configuration, name: str) -> Configuration:
    """The base with exactly the retrieval that was measured, under a new name."""
    retrieval = RetrievalSpec(
        chunking=result.cutting(setting).chunking,
        embedding=result.spec.embedding,
        # Four times what is handed over, as room for a reranker that may be added; at least the usual 30.
        search=SearchSpec(method=result.spec.search, candidates=max(30, min(1000, 4 * setting.top_k))),
        top_k=setting.top_k,
    )
    return base.model_copy(update={"name": name, "retrieval": retrieval})
