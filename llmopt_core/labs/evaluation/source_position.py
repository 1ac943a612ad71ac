"""Where the source of the right answer stood: among what the model was given, among the candidates, or nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from llmopt_core.evaluation.text import tokens
from llmopt_core.labs.evaluation.correctness import SHORT, holds_right_answer, is_unanswerable
from llmopt_core.labs.evaluation.record_facts import RecordFacts
from llmopt_core.retrieval.metrics import overlaps
from llmopt_core.types import Chunk, Span

Place = Literal["given", "candidate", "absent", "not-given", "unknown"]
# A judge's context recall is a share of the reference's statements, of which a short one has one: more or less than
# half divides them.
_HALF = 0.5


@dataclass(frozen=True, slots=True)
class SourcePosition:
    """Where a source stood.

    Attributes:
        place: `candidate` was found and not given; `absent` was not found; `not-given` is one of the two, and nobody
            kept which.
        rank: From 1: among what was given, or among the candidates of the last stage that had it.
        is_cut: Whether chunks that overlap a source hold only a part of it.
        ground: What says so, in words for the user.
    """

    place: Place
    rank: int | None = None
    is_cut: bool = False
    ground: str = ""


def source_position(facts: RecordFacts) -> SourcePosition:
    """Where the sources of a record's right answer stood, by their places in documents or else by the words."""
    if facts.contexts is None:
        return SourcePosition("unknown", ground="What the model was given is not known.")
    if is_unanswerable(facts):
        return SourcePosition("unknown", ground="The right answer is that there is none, so it has no source.")
    if facts.sources and all(chunk.document for chunk in facts.contexts):
        return _by_place(facts, facts.contexts)
    return _by_words(facts, facts.contexts)


def _by_place(facts: RecordFacts, contexts: Sequence[Chunk]) -> SourcePosition:
    ranks = [_rank(contexts, source) for source in facts.sources]
    known_ranks = [rank for rank in ranks if rank is not None]
    is_cut = any(_is_cut(source, contexts) for source in facts.sources)
    missing = [place for place, rank in enumerate(ranks) if rank is None]
    if not missing:
        return SourcePosition("given", min(known_ranks), is_cut, "A given chunk overlaps each source.")
    if not known_ranks:
        return _missing(facts, missing, is_cut)
    # Several sources may all be needed or be alternatives, which no set says.
    if any(holds_right_answer(chunk.full_text, facts.right_answers) for chunk in contexts):
        return SourcePosition("given", min(known_ranks), is_cut, "The right answer stands in a given chunk.")
    recall = facts.scores.get("context_recall")
    if recall is None:
        return SourcePosition("unknown", None, is_cut, "Some of its sources were given and some were not.")
    if recall >= _HALF:
        return SourcePosition("given", min(known_ranks), is_cut, f"Context recall is {recall:.2g}.")
    return _missing(facts, missing, is_cut)


def _missing(facts: RecordFacts, missing: Sequence[int], is_cut: bool) -> SourcePosition:
    """Of sources that were not given: whether some stage had one."""
    if facts.candidate_ranks is None:
        return SourcePosition("not-given", None, is_cut, "No given chunk overlaps a source; no candidates are kept.")
    known_ranks = [rank for place in missing if (rank := facts.candidate_ranks[place]) is not None]
    if known_ranks:
        rank = min(known_ranks)
        return SourcePosition("candidate", rank, is_cut, f"Its source stood at rank {rank} and was not given.")
    return SourcePosition("absent", None, is_cut, "No stage of retrieval had its source.")


def _rank(chunks: Sequence[Chunk], source: Span) -> int | None:
    return next((rank for rank, chunk in enumerate(chunks, start=1) if overlaps(chunk.span, source)), None)


def _is_cut(source: Span, chunks: Sequence[Chunk]) -> bool:
    parts = [chunk for chunk in chunks if overlaps(chunk.span, source)]
    return bool(parts) and not any(chunk.start <= source.start and source.end <= chunk.end for chunk in parts)


def _by_words(facts: RecordFacts, contexts: Sequence[Chunk]) -> SourcePosition:
    """Where no source is known: by the words of the right answer, and by what a judge says of them."""
    texts = [chunk.full_text for chunk in contexts]
    rank = next((rank for rank, text in enumerate(texts, 1) if holds_right_answer(text, facts.right_answers)), None)
    if rank is not None:
        return SourcePosition("given", rank, ground="The right answer stands in a given chunk.")
    recall = facts.scores.get("context_recall")
    if recall is not None and recall >= _HALF:
        return SourcePosition("given", ground=f"Context recall is {recall:.2g}.")
    if recall is None and not texts and not facts.candidates:
        # Nothing says that the answer stands in a document at all: a task may need no knowledge.
        return SourcePosition("unknown", ground="It was given no chunk, and no source of the right answer is known.")
    if recall is None and not _has_no_words(texts, facts.right_answers):
        return SourcePosition("unknown", ground="No source is known, and context recall was not scored.")
    ground = "The given chunks do not hold the right answer" + (
        "" if recall is None else f": context recall {recall:.2g}"
    )
    return _candidate_by_words(facts, ground)


def _candidate_by_words(facts: RecordFacts, ground: str) -> SourcePosition:
    if facts.candidates is None:
        return SourcePosition("not-given", ground=f"{ground}; no candidates are kept.")
    for hits in reversed(facts.candidates):
        for rank, chunk in enumerate(hits, start=1):
            if holds_right_answer(chunk.full_text, facts.right_answers):
                return SourcePosition("candidate", rank, ground=f"A chunk that holds it stood at rank {rank}.")
    # A long answer stands nowhere word for word, so that no candidate has it proves nothing.
    if all(len(tokens(answer)) > SHORT for answer in facts.right_answers):
        return SourcePosition("not-given", ground=f"{ground}; no source is known to look for among the candidates.")
    return SourcePosition("absent", ground=f"{ground}, and no candidate does.")


def _has_no_words(texts: Sequence[str], right_answers: Sequence[str]) -> bool:
    """Whether less than half of the words of each short right answer stand in any text: it cannot be told there."""
    if not right_answers or any(len(tokens(answer)) > SHORT for answer in right_answers):
        return False
    given_words = [set(tokens(text)) for text in texts]
    return not any(
        sum(word in words for word in set(tokens(answer))) >= _HALF * len(set(tokens(answer)))
        for answer in right_answers
        for words in given_words
    )
