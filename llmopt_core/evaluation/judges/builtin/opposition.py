"""Words of a statement whose opposite, or whose negation, stands in the same place of the text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llmopt_core.evaluation.judges.builtin.opposites import negation_lemmas
from llmopt_core.evaluation.judges.builtin.sentence_pair import Pair
from llmopt_core.evaluation.judges.builtin.sentence_token import Token


@dataclass(frozen=True, slots=True)
class Opposite:
    """A word and its opposite in the same place; not `firm` where they may be said of different things."""

    word: str
    there: str
    reason: str
    converse: bool
    firm: bool = True


def opposing_words(token: Token, pair: Pair) -> Iterator[Opposite]:
    """Words whose opposite stands in the token's place, or that are negated there and not here."""
    neighbours = [(pair.nearness(token, other), other) for other in pair.there if _concerns(token, other)]
    same = [score for score, other in neighbours if _agrees(token, other)]
    for score, other in neighbours:
        # Too few words around both to say that they stand at the same place.
        if score < CLOSE:
            continue
        if other.key == token.key and other.is_negated != token.is_negated:
            # The text may have the word twice, once as the statement says it, and nearer to its place.
            if score > max(same, default=0.0) + MARGIN and not pair.is_negated_elsewhere(token, other):
                place = "in the text, not here" if other.is_negated else "here, not in the text"
                yield Opposite(token.text, other.text, f"'{token.text}' is negated {place}", converse=False)
            continue
        converse = _excludes(token, other)
        # Where the text has the same word too, its opposite must be clearly nearer.
        if converse is None or score <= max(same, default=0.0) + (CLEAR if same else MARGIN):
            continue
        if pair.is_turned_round(token, other):
            continue
        equivalents = (one for one in pair.statement if _concerns(one, other) and one.counts and _agrees(one, other))
        if any(pair.nearness(one, other) >= score - LIKE for one in equivalents):
            # The text's word has its like elsewhere in the statement.
            continue
        # Of converses (larger, smaller) both may be true, said of the other thing.
        is_firm = not converse or _same_lead(token, other, pair)
        reason = f"it says '{token.text}' where the text says '{other.text}'"
        yield Opposite(token.text, other.text, reason, converse, is_firm)


def _same_lead(token: Token, other: Token, pair: Pair) -> bool:
    """Whether the same word leads up to both: for converses it matters of whom they are said."""
    here, text = _lead(token, pair.statement), _lead(other, pair.there)
    return here == text or bool(here & text)


def _lead(token: Token, sentence: Sequence[Token]) -> set[str]:
    predecessors = [one for one in sentence if one.counts and one.place < token.place and one.key not in _DEGREES]
    return {one.key for one in predecessors[-2:]}  # the two content words that lead up to it


def _concerns(token: Token, other: Token) -> bool:
    """Whether the two are the same word or stand in one group."""
    if not other.counts or token.key == other.key:
        return other.counts
    return any(a.group == b.group for a in token.sides for b in other.sides) or other.key in _opposite_lemmas(token)


def _opposite_lemmas(token: Token) -> frozenset[str]:
    return negation_lemmas(token.text.lower()) if token.text.isascii() else frozenset()


def _agrees(token: Token, other: Token) -> bool:
    """Whether the other says the same as far as it is known."""
    if token.key == other.key:
        return token.is_negated == other.is_negated
    if any(a.group == b.group and a.side == b.side for a in token.sides for b in other.sides):
        return token.is_negated == other.is_negated
    # A negated opposite says the same: not open, closed.
    return token.is_negated != other.is_negated and _excluding(token, other) is not None


def _excludes(token: Token, other: Token) -> bool | None:
    """Whether the two exclude each other as they stand, and if so whether they are converses."""
    if token.is_negated != other.is_negated or token.key == other.key:
        return None
    if any(a.group == b.group and a.side == b.side for a in token.sides for b in other.sides):
        return None
    return _excluding(token, other)


def _excluding(token: Token, other: Token) -> bool | None:
    pairs = [(a, b) for a in token.sides for b in other.sides if a.group == b.group and a.side != b.side]
    if pairs:
        # A word may stand in several groups; one in which they are converses decides.
        return any(a.converse for a, _ in pairs)
    return False if other.key in _opposite_lemmas(token) else None


# Chosen on the fitting half of tests/data/judge/families.jsonl and on BEGIN.
_DEGREES = frozenset({"more", "most", "less", "least"})
# Nearness in the sense of `Pair.nearness`: shared words around both, each counting less the farther it is.
CLOSE = 0.4
MARGIN = 0.1
CLEAR = 0.5
LIKE = 0.3
