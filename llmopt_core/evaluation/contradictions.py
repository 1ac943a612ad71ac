"""Why a statement contradicts the sentence it comes nearest to, by rules that each give their reason.

A rule speaks only where statement and sentence say nearly the same: opposites, negations and amounts are compared with
what stands in the same place, told by the words around them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from textwrap import wrap

from llmopt_core.evaluation.additions import addition
from llmopt_core.evaluation.amount import Amount
from llmopt_core.evaluation.exchanges import exchange, other_doer
from llmopt_core.evaluation.numerals import amounts, missing
from llmopt_core.evaluation.opposites import turned
from llmopt_core.evaluation.sentence_tokens import NUMBER, Token, read


@dataclass(frozen=True, slots=True)
class _Opposite:
    """A word and its opposite in the same place; not `firm` where they may be said of different things."""

    reason: str
    converse: bool
    firm: bool = True


def contradiction(statement: str, sources: Sequence[str], question: str = "") -> str:
    """The reason why the statement contradicts the text; empty where no rule has one.

    Args:
        statement: One sentence.
        sources: The sentences of the text.
        question: What it answers; what it takes from there is not added.
    """
    if not sources:
        return ""
    said = read(statement[:LONGEST])
    sources = [part for source in sources for part in _parts(source)]
    there = [amount for source in sources for amount in amounts(source)]
    lacking = [amount for amount in missing(amounts(statement[:LONGEST]), there) if not _counts_up(amount, sources)]
    if lacking:
        return f"the text does not have the amount '{lacking[0].written}'"
    nearest = _nearest(said, sources)
    known = frozenset[str]().union(*(_profile(text)[2] for text in (*sources, question))) if nearest else frozenset()
    reasons = []
    for source in nearest:
        tokens = read(source)
        reason = _against(_Pair(said, tokens)) or addition(said, tokens, known)
        if not reason:
            return ""
        reasons.append(reason)
    return reasons[0] if reasons else ""


def _parts(source: str) -> list[str]:
    return wrap(source, LONGEST, break_on_hyphens=False) if len(source) > LONGEST else [source]


def _counts_up(amount: Amount, sources: Sequence[str]) -> bool:
    """`Two` may be the number of things that the text names: A and B."""
    return amount.written in ("two", "两", "二") and any(re.search(r"\b(?:and|both)\b|[和与及、]", s) for s in sources)


def _nearest(said: Sequence[Token], sources: Sequence[str]) -> list[str]:
    """The sentences that hold most of the statement, none below half; a word counts as held by its opposite too."""
    kept = {token.key: token for token in said if token.counts}
    held = [_share(kept, *_profile(source)) for source in sources] if kept else [0.0]
    best = max(held)
    if best < ENOUGH:
        return []
    return [source for source, share in zip(sources, held, strict=True) if share == best][:3]


@lru_cache(maxsize=20_000)
def _profile(source: str) -> tuple[frozenset[str], frozenset[int], frozenset[str]]:
    """What a sentence holds: keys of its content words, groups of opposites, keys of all words."""
    tokens = read(source)
    return (
        frozenset(token.key for token in tokens if token.counts),
        frozenset(side.group for token in tokens for side in token.sides),
        frozenset(token.key for token in tokens),
    )


def _share(said: dict[str, Token], keys: frozenset[str], groups: frozenset[int], _: frozenset[str]) -> float:
    turned_round = [any(side.group in groups for side in token.sides) for token in said.values()]
    return sum(1 if key in keys else OPPOSITE * b for key, b in zip(said, turned_round, strict=True)) / len(said)


@dataclass(frozen=True)
class _Pair:
    """A statement and a sentence of the text, and what surrounds each of their words."""

    said: Sequence[Token]
    there: Sequence[Token]

    @cached_property
    def _around(self) -> tuple[dict[Token, dict[str, float]], dict[Token, dict[str, float]]]:
        return _surroundings(self.said), _surroundings(self.there)

    def nearness(self, token: Token, other: Token) -> float:
        """How many words surround both a token of the statement and one of the sentence; near ones count more."""
        here, there = self._around[0][token], self._around[1][other]
        shared = here.keys() & there.keys()
        return float(sum(1 / max(1.0, (here[key] * there[key]) ** 0.5) for key in sorted(shared)))


def _surroundings(sentence: Sequence[Token]) -> dict[Token, dict[str, float]]:
    """Per content word or amount, the keys of those near it with their distance."""
    counting = [token for token in sentence if token.counts]
    found: dict[Token, dict[str, float]] = {}
    for place, token in enumerate(counting):
        near: dict[str, float] = {}
        for other in counting[max(0, place - int(REACH)) : place + int(REACH) + 1]:
            distance = abs(other.place - token.place)
            if 0 < distance <= REACH:
                near[other.key] = min(distance, near.get(other.key, REACH))
        found[token] = near
    return found


def _against(pair: _Pair) -> str:
    said, there = pair.said, pair.there
    found = [one for token in said if token.counts for one in _turned_words(token, pair)]
    if any(one.converse for one in found) and exchange(said, there, strict=False):
        # A is larger than B, B is smaller than A.
        return ""
    firm = sorted((one for one in found if one.firm), key=lambda one: one.converse)
    if firm:
        return firm[0].reason
    return exchange(said, there) or other_doer(said, there) or _other_amount(pair) or _other_holder(said, there)


def _turned_words(token: Token, pair: _Pair) -> Iterator[_Opposite]:
    """Words whose opposite stands in the token's place, or that are negated there and not here."""
    near = [(pair.nearness(token, other), other) for other in pair.there if _concerns(token, other)]
    same = [score for score, other in near if _agrees(token, other)]
    for score, other in near:
        if score < CLOSE:
            continue
        if other.key == token.key and other.negated != token.negated:
            if score > max(same, default=0.0) + MARGIN:
                which = "in the text, not here" if other.negated else "here, not in the text"
                yield _Opposite(f"'{token.written}' is negated {which}", converse=False)
            continue
        converse = _excludes(token, other)
        if converse is None or score <= max(same, default=0.0) + (CLEAR if same else MARGIN):
            continue
        likes = (one for one in pair.said if _concerns(one, other) and one.counts and _agrees(one, other))
        if any(pair.nearness(one, other) >= score - LIKE for one in likes):
            # The text's word has its like elsewhere in the statement.
            continue
        firm = not converse or _same_lead(token, other, pair)
        yield _Opposite(f"it says '{token.written}' where the text says '{other.written}'", converse, firm)


def _same_lead(token: Token, other: Token, pair: _Pair) -> bool:
    """Whether the same word leads up to both: for converses it matters of whom they are said."""
    here, text = _lead(token, pair.said), _lead(other, pair.there)
    return here == text or bool(here & text)


def _lead(token: Token, sentence: Sequence[Token]) -> set[str]:
    before = [one for one in sentence if one.counts and one.place < token.place]
    return {one.key for one in before[-2:]}


def _concerns(token: Token, other: Token) -> bool:
    """Whether the two are the same word or stand in one group."""
    if not other.counts or token.key == other.key:
        return other.counts
    return any(a.group == b.group for a in token.sides for b in other.sides) or other.key in _turned(token)


def _turned(token: Token) -> frozenset[str]:
    return turned(token.written.lower()) if token.written.isascii() else frozenset()


def _agrees(token: Token, other: Token) -> bool:
    """Whether the other says the same as far as it is known."""
    if token.key == other.key:
        return token.negated == other.negated
    if any(a.group == b.group and a.side == b.side for a in token.sides for b in other.sides):
        return token.negated == other.negated
    return token.negated != other.negated and _excluding(token, other) is not None


def _excludes(token: Token, other: Token) -> bool | None:
    """Whether the two exclude each other as they stand, and if so whether they are converses."""
    if token.negated != other.negated or token.key == other.key:
        return None
    if any(a.group == b.group and a.side == b.side for a in token.sides for b in other.sides):
        return None
    return _excluding(token, other)


def _excluding(token: Token, other: Token) -> bool | None:
    pairs = [(a, b) for a in token.sides for b in other.sides if a.group == b.group and a.side != b.side]
    if pairs:
        return any(a.converse for a, _ in pairs)
    return False if other.key in _turned(token) else None


def _other_amount(pair: _Pair) -> str:
    """An amount that stands elsewhere in the text, where this sentence has another of its kind in its place."""
    said, there = pair.said, pair.there
    own = [token for token in there if token.amount]
    for token in said:
        if token.amount is None or any(token.amount.equals(other.amount) for other in own if other.amount):
            continue
        for other in own:
            elsewhere = not any(_equal(other, one) for one in said)
            if elsewhere and _comparable(token.amount, other.amount) and pair.nearness(token, other) >= PLACE:
                return f"it says '{token.written}' where the text says '{other.written}'"
    return ""


def _other_holder(said: Sequence[Token], there: Sequence[Token]) -> str:
    """An amount that the sentence gives to another name or word, while the statement's has one of its own there."""
    for token in said:
        other = next((one for one in there if _equal(token, one)), None)
        held = (
            [(_holder(token, said, rule), _holder(other, there, rule), rule) for rule in ("name", "word")]
            if other
            else []
        )
        for name, holder, rule in held:
            if name is None or holder is None or holder.key in {one.key for one in said}:
                continue
            own = next((one for one in there if one.key == name.key), None)
            instead = next(
                (one for one in there if own and one.place > own.place and _comparable_tokens(token, one)), None
            )
            if instead is None or _equal(instead, token) or _holder(instead, there, rule) != own:
                continue
            whose = f"'{token.written}' belongs to '{holder.written}', and '{instead.written}' to '{name.written}'"
            return f"in the text {whose}"
    return ""


def _holder(token: Token | None, sentence: Sequence[Token], rule: str) -> Token | None:
    """The name before an amount, or the word right before it."""
    if token is None:
        return None
    before = [one for one in sentence if one.counts and one.place < token.place]
    if rule == "name":
        before = [one for one in before if one.written[:1].isupper()]
    near = before and (rule == "name" or token.place - before[-1].place <= 1)
    return before[-1] if near and before[-1].kind != NUMBER else None


def _comparable_tokens(token: Token, other: Token) -> bool:
    return token.amount is not None and other.amount is not None and _comparable(token.amount, other.amount)


def _comparable(amount: Amount, other: Amount | None) -> bool:
    return other is not None and amount.kind == other.kind and _is_year(amount) == _is_year(other)


def _is_year(amount: Amount) -> bool:
    return not amount.kind and 1000 <= amount.value <= 2100 and amount.written.isdigit()


def _equal(token: Token, other: Token) -> bool:
    return token.amount is not None and other.amount is not None and token.amount.equals(other.amount)


# Chosen on the fitting half of tests/data/judge/families.jsonl and on BEGIN.
ENOUGH = 0.5
CLOSE = 0.4
MARGIN = 0.1
CLEAR = 0.5
LIKE = 0.3
OPPOSITE = 0.75
PLACE = 1.0
REACH = 8.0
# Characters of a sentence; what is longer is a table or a list without stops, and is read in parts.
LONGEST = 800
