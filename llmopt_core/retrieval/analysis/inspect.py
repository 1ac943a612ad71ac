"""What the stages did, as plain tables: ranks of every chunk, where gold chunks stand, measures per stage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from llmopt_core.retrieval.fusion import merge_by_turns
from llmopt_core.retrieval.metrics import find_ranks, overlaps, span_measures
from llmopt_core.retrieval.result import RANKING_STAGES
from llmopt_core.types import Chunk, Example, Hit, Span, StageTrace
from llmopt_core.types.grouping import group_values

Trace = Sequence[StageTrace]


@dataclass(frozen=True, slots=True)
class Column:
    """One stage of one question as a ranked list.

    Attributes:
        name: Unique in its trace, such as `dense` or, where several texts were searched, `dense: second text`.
    """

    name: str
    stage: StageTrace


@dataclass(frozen=True, slots=True)
class FlowRow:
    """One chunk on its way through the stages.

    Attributes:
        gold: Whether it overlaps a reference.
        ranks: By column name the rank from 1, None where that stage does not have it.
        scores: By column name, likewise.
    """

    chunk: Chunk
    gold: bool
    ranks: Mapping[str, int | None]
    scores: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Difference:
    """A chunk handed over by one of two retrievals, or by both, with its ranks."""

    chunk: Chunk
    left: int | None
    right: int | None


def columns(trace: Trace) -> list[Column]:
    """The stages that rank chunks, in order, with names for the header of a table."""
    ranking = [stage for stage in trace if stage.stage in RANKING_STAGES]
    # A name is made longer only where it would stand twice: the columns of plain searches stay short.
    duplicates = {stage.method for stage in ranking if sum(_same(stage, other) for other in ranking) > 1}
    return [Column(_name(stage, stage.method in duplicates), stage) for stage in ranking]


def rank_flow(trace: Trace, references: Iterable[Span] = ()) -> list[FlowRow]:
    """Every chunk that any stage returned, in the order of the last stage that has it, the latest stages first."""
    references = tuple(references)
    stage_columns = columns(trace)
    # The latest stage first, whose order is the best known; a dict keeps the first place that a chunk gets.
    chunks = {hit.chunk.id: hit.chunk for column in reversed(stage_columns) for hit in column.stage.hits}
    return [_row(chunk, stage_columns, references) for chunk in chunks.values()]


def differences(left: Sequence[Hit], right: Sequence[Hit]) -> list[Difference]:
    """All chunks that two retrievals hand over, those of the left first."""
    ranks = [{hit.chunk.id: rank for rank, hit in enumerate(hits, start=1)} for hits in (left, right)]
    # The chunks of the right side that both have keep their place of the left.
    chunks = {hit.chunk.id: hit.chunk for hit in (*left, *right)}
    return [Difference(chunk, ranks[0].get(name), ranks[1].get(name)) for name, chunk in chunks.items()]


def stage_measures(runs: Sequence[tuple[Example, Trace]], k: int) -> dict[str, dict[str, list[float | None]]]:
    """`hit_rate`, `recall`, `precision`, `mrr` and `ndcg` of the first `k` chunks after every stage.

    Args:
        runs: Examples with the trace of their retrieval.
        k: How many of a stage's chunks count.

    Returns:
        By stage (its method, in order of appearance) and measure, one value per example: None where the example has
        no references or did not pass that stage. Where a stage searched several texts, their lists are merged by
        turns.
    """
    # A question that skipped a stage (no threshold in its category) must not lack the stage's row in the table.
    names = list(dict.fromkeys(name for _, trace in runs for name in stage_hits(trace)))
    tables: dict[str, dict[str, list[float | None]]] = {name: {} for name in names}
    for position, (example, trace) in enumerate(runs):
        for name, hits in stage_hits(trace).items():
            if example.references:
                measures = span_measures([hit.chunk.span for hit in hits], example.references, k)
                for measure, value in measures.items():
                    # None, and not 0: an example that did not pass the stage may not lower its mean.
                    tables[name].setdefault(measure, [None] * len(runs))[position] = value
    return tables


def is_gold(chunk: Chunk, references: Iterable[Span]) -> bool:
    """Whether a chunk overlaps a reference."""
    return any(overlaps(chunk.span, reference) for reference in references)


def rank_in(chunk: Chunk, hits: Sequence[Hit]) -> int | None:
    """The rank of a chunk, or of the larger piece handed over for it; None where it is not there."""
    return next((rank for rank, hit in enumerate(hits, start=1) if _stands_for(hit.chunk, chunk)), None)


def candidate_rank(trace: Trace, reference: Span) -> int | None:
    """The rank of a reference in the last stage that has it; None where no stage does.

    It says how far a better order would have to bring it up to be handed over.
    """
    ranks = (
        find_ranks([hit.chunk.span for hit in column.stage.hits], [reference])[0] for column in reversed(columns(trace))
    )
    return next((rank for rank in ranks if rank is not None), None)


def _stands_for(row: Chunk, chunk: Chunk) -> bool:
    # Larger or equal: with small to big the stage of selection holds the piece around the chunk, under another id.
    return row.document == chunk.document and row.start <= chunk.start and chunk.end <= row.end


def _row(chunk: Chunk, columns: Sequence[Column], references: Sequence[Span]) -> FlowRow:
    ranks, scores = {}, {}
    for column in columns:
        hits = column.stage.hits
        # By id and not `rank_in`: a table of flow has the small and the larger piece in rows of their own.
        place = next((place for place, hit in enumerate(hits) if hit.chunk.id == chunk.id), None)
        ranks[column.name] = None if place is None else place + 1
        scores[column.name] = None if place is None else hits[place].score
    return FlowRow(chunk, is_gold(chunk, references), ranks, scores)


def stage_hits(trace: Trace) -> dict[str, list[Hit]]:
    """By stage its hits, best first; several searches of one method are merged by turns."""
    lists = group_values((_name(column.stage, False), column.stage.hits) for column in columns(trace))
    return {
        name: merge_by_turns(hit_lists) if len(hit_lists) > 1 else list(hit_lists[0])
        for name, hit_lists in lists.items()
    }


def _same(one: StageTrace, other: StageTrace) -> bool:
    return (one.stage, one.method) == (other.stage, other.method)


def _name(stage: StageTrace, several: bool) -> str:
    # Of searches and rerankers the method says enough; `threshold` or `top-k` alone would not tell the stage.
    name = stage.method if stage.stage in ("search", "rerank") else f"{stage.stage} ({stage.method})"
    return f"{name}: {stage.queries[0]}" if several and stage.queries else name
