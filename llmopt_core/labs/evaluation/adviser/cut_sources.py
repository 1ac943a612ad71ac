"""Whether the passage that holds the answer was cut by a chunk's border, by its words where its place is not known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import permutations

from llmopt_core.evaluation.text import normalise, tokens
from llmopt_core.index.analysis import analyse
from llmopt_core.labs.evaluation.record_facts import RecordFacts
from llmopt_core.types import Chunk, Span

# The piece of an answer at a border: with less of it than this it may stand there by chance.
_PIECE = 0.3
# A single word at a border counts from so many characters, as short ones stand at many borders; a number at any length,
# since the same one seldom stands just there.
_WORD = 4
_LETTERS = 5
# A chunk that has so much of an answer's terms and not all of them is the one that the rest was cut from.
_SOME, _ALL = 0.35, 0.95
_SENTENCE_ENDS = tuple('.!?。！？…:：;；"”’)]|*_`')


def is_cut(facts: RecordFacts) -> bool:
    """Whether a given chunk ends or begins in the middle of what holds the right answer."""
    contexts = [chunk for chunk in facts.contexts or () if chunk.text.strip() and _may_hold(chunk, facts.sources)]
    return any(_is_cut(answer, contexts) for answer in facts.right_answers)


def _may_hold(chunk: Chunk, sources: Sequence[Span]) -> bool:
    """Whether a chunk may have a part of a source: where places are known, a chunk on a like subject has none."""
    if not sources or not chunk.document:
        return True
    return any(
        chunk.document == source.document and chunk.start <= source.end and source.start <= chunk.end
        for source in sources
    )


def _is_cut(answer: str, contexts: Sequence[Chunk]) -> bool:
    words, texts = tokens(answer), [tokens(chunk.text) for chunk in contexts]
    if len(words) < 2 or any(_holds(text, words) for text in texts):
        return False
    return (
        any(_has_piece_at_border(text, words) for text in texts)
        or any(_breaks_within_word(chunk.text, answer) for chunk in contexts)
        or _is_whole_together(contexts, words)
        or any(_has_some(answer, chunk.text) for chunk in contexts)
    )


def _holds(text: Sequence[str], words: Sequence[str]) -> bool:
    return any(list(text[at : at + len(words)]) == list(words) for at in range(len(text) - len(words) + 1))


def _has_piece_at_border(text: Sequence[str], words: Sequence[str]) -> bool:
    least = max(1, math.ceil(_PIECE * len(words)))
    for size in range(len(words) - 1, least - 1, -1):
        is_start, is_end = text[-size:] == words[:size], text[:size] == words[-size:]
        edge = words[0] if is_start else words[-1]
        if (is_start or is_end) and (size > 1 or edge.isdigit() or len(edge) >= _WORD):
            return True
    return False


def _breaks_within_word(text: str, answer: str) -> bool:
    """Whether a good part of an answer stands at a border that goes through one of its words."""
    plain, whole = normalise(text), normalise(answer)
    least = max(_LETTERS, math.ceil(_PIECE * len(whole)))
    sizes = range(len(whole) - 1, least - 1, -1)
    return any(plain.endswith(whole[:size]) or plain.startswith(whole[-size:]) for size in sizes)


def _is_whole_together(contexts: Sequence[Chunk], words: Sequence[str]) -> bool:
    """Whether two neighbours of one document hold together what neither holds alone."""
    return any(
        a.document and a.document == b.document and a.start < b.start <= a.end < b.end
        and _holds(tokens(a.text + b.text[a.end - b.start :]), words)
        for a, b in permutations(contexts, 2)
    )  # fmt: skip


def _has_some(answer: str, text: str) -> bool:
    """Whether a chunk that breaks off within a sentence has a good part of a longer answer's terms, and not all."""
    terms = set(analyse(answer))
    # Of an answer of a few terms any chunk on the subject has some.
    if len(terms) < 5 or not _breaks_off(text):
        return False
    return _SOME <= len(terms & set(analyse(text))) / len(terms) < _ALL


def _breaks_off(text: str) -> bool:
    plain = text.strip()
    return not plain.endswith(_SENTENCE_ENDS) or plain[0].islower()
