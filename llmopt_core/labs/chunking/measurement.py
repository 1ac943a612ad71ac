"""One question, one ranking -> its measures, and why a reference was missed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from llmopt_core.labs.chunking.chunk_tables import SearchUnits
from llmopt_core.labs.chunking.ranking import Ranking
from llmopt_core.labs.chunking.result import TOKENS, Label, Miss
from llmopt_core.retrieval.metrics import find_ranks, hit_rate, ndcg, overlaps, reciprocal_rank
from llmopt_core.retrieval.span_metrics import omega, span_scores
from llmopt_core.types import Span


def omega_of(pieces: SearchUnits, references: Sequence[Span]) -> float:
    """Precision at full recall with these chunks; the same for every search and `top_k`."""
    # Each once: a piece that touches two references is read once.
    touching = dict.fromkeys(place for reference in references for place in pieces.touching(reference))
    return omega([pieces.context_spans[place] for place in touching], references)


def measures(pieces: SearchUnits, positions: Sequence[int], references: Sequence[Span], k: int) -> dict[str, float]:
    """All metrics but omega, and the tokens handed over.

    Args:
        pieces: What can be handed over.
        positions: Positions in it, best first, at least `k` where there are so many.
        references: At least one.
        k: How many are handed over.
    """
    # `found` is made for the largest k; smaller ones are its beginning.
    spans = [pieces.context_spans[place] for place in positions[:k]]
    scores = span_scores(spans, references)
    ranks = find_ranks(spans, references)
    return {
        "recall": scores.recall,
        "precision": scores.precision,
        "iou": scores.iou,
        "hit_rate": hit_rate(ranks, k),
        "mrr": reciprocal_rank(ranks, k),
        "ndcg": ndcg(ranks, k),
        # Of what is handed over, not of what was found: parents are longer than the chunks that found them.
        TOKENS: float(pieces.context_tokens[list(positions[:k])].sum()),
    }


class References:
    """Why references of one question may be missed; worked out once for all `top_k`."""

    def __init__(self, pieces: SearchUnits, ranking: Ranking, references: Sequence[Span]) -> None:
        self._pieces, self._ranking, self._references = pieces, ranking, references
        # By reference, since causes do not depend on k.
        self._causes: dict[int, Miss] = {}

    def misses(self, places: Sequence[int]) -> tuple[Miss, ...]:
        """The references of which a part that stands in some chunk was not handed over."""
        positions = frozenset(places)
        return tuple(self._cause(i) for i, r in enumerate(self._references) if not self._is_retrieved(r, positions))

    def _is_retrieved(self, reference: Span, positions: frozenset[int]) -> bool:
        places = self._overlapping(reference)
        spans = [self._pieces.context_spans[place] for place in places if place in positions]
        all_spans = [self._pieces.context_spans[place] for place in places]
        return (
            bool(places)
            and self._stands(reference)
            # Compared with all that chunks hold of it: characters between chunks (a page break) are nobody's to find.
            and _coverage_length(spans, reference) == _coverage_length(all_spans, reference)
        )

    def _stands(self, reference: Span) -> bool:
        text = self._pieces.texts.get(reference.document, "")
        # A reference past the end comes from another state of the document.
        return 0 <= reference.start < reference.end <= len(text)

    def _cause(self, position: int) -> Miss:
        if position not in self._causes:
            label, places = self._why(self._references[position])
            # The best of several; None where words are searched and none is shared.
            ranks = [rank for place in places if (rank := self._ranking.rank(place)) is not None]
            self._causes[position] = Miss(position, label, min(ranks, default=None))
        return self._causes[position]

    def _why(self, reference: Span) -> tuple[Label, list[int]]:
        places = self._overlapping(reference)
        if not places or not self._stands(reference):
            return "not in the documents", []
        # What can be had of it at all, from all pieces together.
        total_length = _coverage_length([self._pieces.context_spans[place] for place in places], reference)
        whole = [p for p in places if _coverage_length([self._pieces.context_spans[p]], reference) == total_length]
        if not whole:
            return "cut in two", places
        # In the order of what would mend it: other texts, other cuts, a larger window, a better search.
        return ("outranked" if self._is_embedded(whole, reference) else "beyond the window"), whole

    def _is_embedded(self, places: Sequence[int], reference: Span) -> bool:
        """Whether the model has read the whole reference in any of the chunks searched for these places."""
        pieces = self._pieces
        for chunk in np.flatnonzero(np.isin(pieces.owner, places)).tolist():
            if pieces.chunks[chunk].parent is not None:
                # A parent is found by any of its children; only one that is itself cut off hides something.
                if not overlaps(pieces.chunks[chunk].span, reference):
                    continue
                if pieces.embedding_ends[chunk] >= min(reference.end, pieces.chunks[chunk].end):
                    return True
            elif pieces.embedding_ends[chunk] >= reference.end:
                return True
        return False

    def _overlapping(self, reference: Span) -> list[int]:
        return [
            place
            for place in self._pieces.touching(reference)
            if overlaps(self._pieces.context_spans[place], reference)
        ]


def _coverage_length(spans: Sequence[Span], reference: Span) -> int:
    """Characters of the reference in the union of spans of its document, each of which overlaps it."""
    length, end = 0, reference.start
    # From left to right, so that what overlaps is counted once.
    for span in sorted(spans, key=lambda span: span.start):
        length += max(0, min(span.end, reference.end) - max(span.start, end))
        end = max(end, min(span.end, reference.end))
    return length
