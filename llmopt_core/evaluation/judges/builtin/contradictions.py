"""Why a statement contradicts the sentence it comes nearest to, by rules that each give their reason.

A rule speaks only where statement and sentence say nearly the same: opposites, negations and amounts are compared with
what stands in the same place, told by the words around them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from textwrap import wrap

from llmopt_core.evaluation.judges.builtin.additions import addition
from llmopt_core.evaluation.judges.builtin.amount import Amount
from llmopt_core.evaluation.judges.builtin.dates import in_one_form, other_frequency
from llmopt_core.evaluation.judges.builtin.exchanges import exchange, other_doer, other_owner
from llmopt_core.evaluation.judges.builtin.exchanges_zh import (
    exchange_in_characters,
    has_same_clauses,
    is_exchange_with,
)
from llmopt_core.evaluation.judges.builtin.numerals import amounts, missing
from llmopt_core.evaluation.judges.builtin.opposition import Opposite, opposing_words
from llmopt_core.evaluation.judges.builtin.sentence_pair import Pair
from llmopt_core.evaluation.judges.builtin.sentence_token import NUMBER, Token
from llmopt_core.evaluation.judges.builtin.sentence_tokens import read


def contradiction(statement: str, sources: Sequence[str], question: str = "") -> str:
    """The reason why the statement contradicts the text; empty where no rule has one.

    Args:
        statement: One sentence.
        sources: The sentences of the text.
        question: What it answers; what it takes from there is not added.
    """
    if not sources:
        return ""
    statement, sources = in_one_form(statement), [in_one_form(source) for source in sources]
    # Pairs of tokens are compared, so the time grows with the square of the length.
    statement_tokens = read(statement[:LONGEST])
    sources = [part for source in sources for part in _parts(source)]
    there = [amount for source in sources for amount in amounts(source)]
    # Amounts first, against the whole text: they are told most surely, and wherever they stand.
    missing_amounts = [
        amount for amount in missing(amounts(statement[:LONGEST]), there) if not _counts_up(amount, sources)
    ]
    if missing_amounts:
        return f"the text does not have the amount '{missing_amounts[0].text}'"
    # By characters before words: without a dictionary Chinese names cannot be told apart otherwise.
    if exchange_reason := exchange_in_characters(statement[:LONGEST], sources):
        return exchange_reason
    nearest = _nearest(statement_tokens, sources)
    # The question's words count as known: an answer takes them up.
    known_keys = (
        frozenset[str]().union(*(_profile(text)[2] for text in (*sources, question))) if nearest else frozenset()
    )
    reasons = []
    for source in nearest:
        # A sentence with the same clauses in another order contradicts nothing, so neither does the text.
        if has_same_clauses(statement, source):
            return ""
        tokens = read(source)
        pair = Pair(statement_tokens, tokens)
        reason = (
            _against(pair, statement, source)
            or other_frequency(statement, source)
            or addition(statement_tokens, tokens, known_keys)
        )
        # One sentence of the nearest that speaks for it is enough, since each may be about another thing.
        if not reason:
            return ""
        reasons.append(reason)
    return reasons[0] if reasons else ""


def _parts(source: str) -> list[str]:
    return wrap(source, LONGEST, break_on_hyphens=False) if len(source) > LONGEST else [source]


def _counts_up(amount: Amount, sources: Sequence[str]) -> bool:
    """`Two` may be the number of things that the text names: A and B."""
    return amount.text in ("two", "两", "二") and any(re.search(r"\b(?:and|both)\b|[和与及、]", s) for s in sources)


def _nearest(statement: Sequence[Token], sources: Sequence[str]) -> list[str]:
    """The sentences that hold most of the statement, none below half; a word counts as held by its opposite too."""
    by_key = {token.key: token for token in statement if token.counts}
    shares = [_share(by_key, *_profile(source)) for source in sources] if by_key else [0.0]
    best = max(shares)
    if best < ENOUGH:
        return []
    # At most three of equal share; a text that repeats itself would cost as many comparisons.
    return [source for source, share in zip(sources, shares, strict=True) if share == best][:3]


# Contexts of several configurations share their chunks, so a sentence is read once for all of them.
@lru_cache(maxsize=20_000)
def _profile(source: str) -> tuple[frozenset[str], frozenset[int], frozenset[str]]:
    """What a sentence holds: keys of its content words, groups of opposites, keys of all words."""
    tokens = read(source)
    return (
        frozenset(token.key for token in tokens if token.counts),
        frozenset(side.group for token in tokens for side in token.sides),
        frozenset(token.key for token in tokens),
    )


def _share(tokens: dict[str, Token], keys: frozenset[str], groups: frozenset[int], _: frozenset[str]) -> float:
    opposite_flags = [any(side.group in groups for side in token.sides) for token in tokens.values()]
    # A word is held by its opposite for less than by itself: else a sentence about the opposite would be as near as the
    # right one.
    return sum(1 if key in keys else OPPOSITE * b for key, b in zip(tokens, opposite_flags, strict=True)) / len(tokens)


def _against(pair: Pair, statement: str, source: str) -> str:
    here, there = pair.statement, pair.there
    opposites = [one for token in here if token.counts for one in opposing_words(token, pair)]
    converses = [one for one in opposites if one.converse]
    if converses and _is_exchange(pair, converses, statement, source):
        # A is larger than B, B is smaller than A.
        return ""
    # A plain opposite is a better reason than a converse.
    firm_opposites = sorted((one for one in opposites if one.firm), key=lambda one: one.converse)
    if firm_opposites:
        return firm_opposites[0].reason
    return _place_change(pair, statement, source) or _other_amount(pair) or _other_holder(here, there)


def _place_change(pair: Pair, statement: str, source: str) -> str:
    # What is put first for its weight (搬走的是少数) has another order and the same meaning.
    is_put_first = _PUT_FIRST.search(statement) and not _PUT_FIRST.search(source)
    reason = "" if is_put_first else exchange(pair.statement, pair.there)
    return reason or other_doer(pair.statement, pair.there) or other_owner(pair.statement, pair.there)


def _is_exchange(pair: Pair, converses: Sequence[Opposite], statement: str, source: str) -> bool:
    """Whether the two that the converses are said of have changed places, and not the converses themselves."""
    reason = exchange(pair.statement, pair.there, strict=False)
    if reason:
        return not any(f"'{one.word}'" in reason for one in converses)
    return any(is_exchange_with(one.word, one.there, statement, source) for one in converses)


def _other_amount(pair: Pair) -> str:
    """An amount that stands elsewhere in the text, where this sentence has another of its kind in its place."""
    here, there = pair.statement, pair.there
    own = [token for token in there if token.amount]
    for token in here:
        # In this very sentence as well: then nothing was changed.
        if token.amount is None or any(token.amount.equals(other.amount) for other in own if other.amount):
            continue
        for other in own:
            is_absent = not any(_equal(other, one) for one in here)
            # Nearness tells that both stand at the same place, by the words around them.
            if is_absent and _comparable(token.amount, other.amount) and pair.nearness(token, other) >= PLACE:
                return f"it says '{token.text}' where the text says '{other.text}'"
    return ""


def _other_holder(statement: Sequence[Token], there: Sequence[Token]) -> str:
    """An amount that the sentence gives to another name or word, while the statement's has one of its own there."""
    for token in statement:
        other = next((one for one in there if _equal(token, one)), None)
        holders = (
            [(_holder(token, statement, rule), _holder(other, there, rule), rule) for rule in ("name", "word")]
            if other
            else []
        )
        for name, holder, rule in holders:
            # A holder that the statement names too is part of it, whatever it has.
            if name is None or holder is None or holder.key in {one.key for one in statement}:
                continue
            own = next((one for one in there if one.key == name.key), None)
            substitute = next(
                (one for one in there if own and one.place > own.place and _comparable_tokens(token, one)), None
            )
            if substitute is None or _equal(substitute, token) or _holder(substitute, there, rule) != own:
                continue
            ownership = f"'{token.text}' belongs to '{holder.text}', and '{substitute.text}' to '{name.text}'"
            return f"in the text {ownership}"
    return ""


def _holder(token: Token | None, sentence: Sequence[Token], rule: str) -> Token | None:
    """The name before an amount, or the word right before it."""
    if token is None:
        return None
    predecessors = [one for one in sentence if one.counts and one.place < token.place]
    if rule == "name":
        # Capitals tell a name in English.
        predecessors = [one for one in predecessors if one.text[:1].isupper()]
    # A word must stand right before the amount; a name may stand farther off.
    is_near = predecessors and (rule == "name" or token.place - predecessors[-1].place <= 1)
    return predecessors[-1] if is_near and predecessors[-1].kind != NUMBER else None


def _comparable_tokens(token: Token, other: Token) -> bool:
    return token.amount is not None and other.amount is not None and _comparable(token.amount, other.amount)


def _comparable(amount: Amount, other: Amount | None) -> bool:
    return other is not None and amount.kind == other.kind and amount.is_year == other.is_year


def _equal(token: Token, other: Token) -> bool:
    return token.amount is not None and other.amount is not None and token.amount.equals(other.amount)


# Chosen on the fitting half of tests/data/judge/families.jsonl and on BEGIN.
ENOUGH = 0.5
# Such as 搬走的是少数. Possessive, and with no stop inside, so it cannot run long.
_PUT_FIRST = re.compile(r"的[^，。的是]*+是")
# See `_share`.
OPPOSITE = 0.75
# One word right beside both, or several farther off.
PLACE = 1.0
# Characters of a sentence; what is longer is a table or a list without stops, and is read in parts.
LONGEST = 800
