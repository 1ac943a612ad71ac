"""A statement beside a sentence of the text: what surrounds their words, and how their clauses are negated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from llmopt_core.evaluation.judges.builtin.negations import negations_in, negative_words_in, plain_negations_in
from llmopt_core.evaluation.judges.builtin.sentence_token import BREAK, Token


@dataclass(frozen=True)
class Pair:
    """A statement and a sentence of the text, and what surrounds each of their words."""

    statement: Sequence[Token]
    there: Sequence[Token]

    @cached_property
    def _around(self) -> tuple[dict[Token, dict[str, float]], dict[Token, dict[str, float]]]:
        return _surroundings(self.statement), _surroundings(self.there)

    def nearness(self, token: Token, other: Token) -> float:
        """How many words surround both a token of the statement and one of the sentence; near ones count more."""
        here, there = self._around[0][token], self._around[1][other]
        common_keys = here.keys() & there.keys()
        # Sorted, so that floats are always added in the same order and a border is never crossed by chance.
        return float(sum(1 / max(1.0, (here[key] * there[key]) ** 0.5) for key in sorted(common_keys)))

    def is_negated_elsewhere(self, token: Token, other: Token) -> bool:
        """Whether the clause of the word that is not negated holds as many negations: they stand at other words.

        `No dogs are allowed` says the same as `dogs are not allowed`, and `无法在零下启动` as `在零下不能启动`. Where
        two words of one clause change their negation (steep and not icy, not steep and icy), the parts that an `and`
        joins are counted apart.
        """
        narrow = self._negates_crosswise and not any(_is_neither(one) for one in (*self.statement, *self.there))
        here, there = _clause(self.statement, token, narrow), _clause(self.there, other, narrow)
        # The clause in which the word is negated, and the one in which it is not.
        negative_clause, positive_clause = (here, there) if token.is_negated else (there, here)
        if negative_words_in(positive_clause) > negative_words_in(negative_clause):
            return True
        more = negations_in(positive_clause) - max(1, negations_in(negative_clause))
        # An even number more takes itself away: two negations say yes.
        return more >= 0 and more % 2 == 0

    def is_turned_round(self, token: Token, other: Token) -> bool:
        """Whether one clause holds a negation more than the other, at another word than the two."""
        here, there = _clause(self.statement, token, False), _clause(self.there, other, False)
        return (plain_negations_in(here) - plain_negations_in(there)) % 2 == 1

    @cached_property
    def _negates_crosswise(self) -> bool:
        """Whether some word is negated here alone, and another there alone."""
        here = {token.key: token.is_negated for token in self.statement if token.counts}
        there = {token.key: token.is_negated for token in self.there if token.counts}
        return len({here[key] for key in here.keys() & there.keys() if here[key] != there[key]}) == 2


def _is_neither(token: Token) -> bool:
    return token.text.lower() in ("neither", "nor")


def _clause(sentence: Sequence[Token], token: Token, narrow: bool) -> list[Token]:
    """The tokens around one up to the next breaks; `and` and `or` break only a narrow one."""
    # By identity: equal tokens may stand twice in a sentence.
    place = next(place for place, one in enumerate(sentence) if one is token)
    ends = [p for p, one in enumerate(sentence) if one.kind == BREAK and (narrow or one.key not in _JOINING)]
    start = max((end for end in ends if end < place), default=-1)
    stop = min((end for end in ends if end > place), default=len(sentence))
    return list(sentence[start + 1 : stop])


_JOINING = frozenset({"and", "or", "和", "与", "及", "、"})


def _surroundings(sentence: Sequence[Token]) -> dict[Token, dict[str, float]]:
    """Per content word or amount, the keys of those near it with their distance."""
    content_tokens = [token for token in sentence if token.counts]
    surroundings: dict[Token, dict[str, float]] = {}
    for place, token in enumerate(content_tokens):
        distances: dict[str, float] = {}
        # Distances are in words, at least one a token, so no other can be within reach.
        for other in content_tokens[max(0, place - int(REACH)) : place + int(REACH) + 1]:
            distance = abs(other.place - token.place)
            if 0 < distance <= REACH:
                distances[other.key] = min(distance, distances.get(other.key, REACH))
        surroundings[token] = distances
    return surroundings


# Content words to either side of a word that tell where it stands.
REACH = 8.0
