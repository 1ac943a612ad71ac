"""Whether a statement is a sentence with two of its parts exchanged: names, numbers, or who did what to whom."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from llmopt_core.evaluation.judges.builtin.active_voice import AFTER_DOER, CLAUSE_ENDS, in_active_voice
from llmopt_core.evaluation.judges.builtin.alignment import Block, blocks_of, longest_rising
from llmopt_core.evaluation.judges.builtin.opposites import lemma
from llmopt_core.evaluation.judges.builtin.sentence_token import BREAK, NUMBER, SMALL, Token
from llmopt_core.evaluation.judges.builtin.word_lists import word_list

_SYMMETRIC = word_list("both ways")
# Small words that tell the one before from the one after.
_TURNING_POINTS = frozenset({"than", "from", "to"})
# Characters of verbs that say the same both ways, such as 结婚 (to marry).
_SYMMETRIC_CHINESE = frozenset("同跟婚晤邻签适")
_PRONOUNS = frozenset({"he", "she", "it", "they", "this", "these", "those"})
_DATES = frozenset(map(lemma, word_list("dates")))
_TITLES = frozenset({"mr", "mrs", "ms", "dr", "prof"})
# Each pair of blocks is tried, and the order looked at again for each: more would take long, and be another sentence
# anyway.
MOST_BLOCKS = 14


def exchange(statement: Sequence[Token], there: Sequence[Token], strict: bool = True) -> str:
    """The reason if the two agree better once two parts of the statement, with something between, change places.

    Strict asks that nearly all is then in the order of the sentence; else that more of it is.
    """
    here, text = content(in_active_voice(statement)), content(in_active_voice(there))
    blocks = blocks_of(here, text)
    overlap = sum(block.size for block in blocks)
    is_unclear = any(sum(token.key == "by" for token in sentence) > 1 for sentence in (statement, there))
    # Who does what is not told from `funded by A and run by B`.
    # At least three: two parts and something between them. Seven tenths of the words, or the sentences are not the
    # same.
    if is_unclear or not 3 <= len(blocks) <= MOST_BLOCKS or overlap < 0.7 * len([t for t in here if t.counts]):
        return ""
    pair = _best_exchange(blocks, strict)
    if pair is None or not _alike(here, *pair) or _is_list(here, *pair) or _is_symmetric(here, *pair):
        return ""
    if _move_together(here, text, *pair) or _nothing_between(here, blocks, *pair):
        return ""
    if strict and _ends_between(text, *sorted(b.there for b in pair)) > _ends_between(here, *(b.start for b in pair)):
        # More ends of clauses between the two there than here: they are of two clauses, and only their order changed.
        return ""
    one, other = (" ".join(t.text for t in here[b.start : b.start + b.size]) for b in pair)
    return f"'{_close_up(one)}' and '{_close_up(other)}' have changed places"


def _best_exchange(blocks: Sequence[Block], strict: bool) -> tuple[Block, Block] | None:
    """The two blocks, with something between, whose exchange brings most of the others into order."""
    order = [block.there for block in blocks]
    before = longest_rising(order)
    # (1, 1) stands for no exchange; -1 is then below the 0 that a real place gives.
    best = (before, 1, 1)
    for i in range(len(order)):
        for j in range(i + 2, len(order)):
            order[i], order[j] = order[j], order[i]
            # Of equal gains the first places: -i and -j are largest there.
            best = max(best, (longest_rising(order), -i, -j))
            order[i], order[j] = order[j], order[i]
    after, i, j = best[0], -best[1], -best[2]
    # Strict: two more in order at least, and all of them then, but for one in longer sentences.
    if i < 0 or (strict and (after - before < 2 or after < len(order) - (len(order) > 5))):
        return None
    return blocks[i], blocks[j]


def other_owner(statement: Sequence[Token], there: Sequence[Token]) -> str:
    """The reason if `A is B's lawyer` where the text says `B is A's lawyer`."""
    here, text = _owner(statement), _owner(there)
    # The same thing must have another owner, and not be one that both have of each other (A's wife).
    if not here or not text or here[1].key != text[1].key or here[0].key == text[0].key or here[1].key in _SYMMETRIC:
        return ""
    # Both names must stand on both sides; else another person is meant, which is no exchange.
    if here[0].key not in {token.key for token in there} or text[0].key not in {token.key for token in statement}:
        return ""
    return f"in the text it is '{text[0].text} {text[1].text}'"


def _owner(sentence: Sequence[Token]) -> tuple[Token, Token] | None:
    """The name in the genitive, and what is its."""
    for token, successor in pairwise(sentence):
        if token.counts and token.text[:1].isupper() and token.text.endswith(("'s", "’s")) and successor.counts:
            return token, successor
    return None


def other_doer(statement: Sequence[Token], there: Sequence[Token]) -> str:
    """The reason if the statement's name does what, in the sentence, another name does."""
    here, text = in_active_voice(statement), in_active_voice(there)
    name, verb = _leading_name(here)
    if not name or verb is None:
        return ""
    keys = {token.key for token in name}
    common_keys = {token.key for token in text if token.text[:1].islower()}
    # A name whose words also stand there as common words (Rose, rose) is not sure.
    if not keys <= {token.key for token in text} or keys & common_keys:
        return ""
    rest = {token.key for token in here if token.counts and token.place > verb.place}
    reason = ""
    for place, token in enumerate(text):
        if token.key != verb.key or not token.counts:
            continue
        stops = (p for p in range(place + 1, len(text)) if text[p].key in CLAUSE_ENDS | {verb.key})
        rest_there = {other.key for other in text[place + 1 : next(stops, len(text))]}
        # What is done must be the same, by two words where there are two.
        if not rest or len(rest & rest_there) < min(2, len(rest)):
            continue
        if any(_begins_again(text, p) for p in range(place + 1, len(text)) if text[p].key in keys):
            # A scored the first goal and B the second.
            return ""
        doer = _name_before(text, place)
        if not doer or keys & {other.key for other in doer}:
            return ""
        reason = f"in the text it is '{' '.join(other.text for other in doer)}' and '{verb.text}'"
    return reason


def _begins_again(tokens: Sequence[Token], place: int) -> bool:
    """Whether a name stands right behind an `and` or a comma, and more follows it."""
    # The token before that is no small word.
    predecessor = next((t for t in reversed(tokens[:place]) if t.kind != SMALL), None)
    has_successor = any(token.counts for token in tokens[place + 1 : place + 3])
    return predecessor is not None and predecessor.kind == BREAK and has_successor


def _leading_name(tokens: Sequence[Token]) -> tuple[list[Token], Token | None]:
    """The name a statement begins with, and the word after it."""
    name: list[Token] = []
    for token in tokens:
        if token.kind == SMALL and not name:
            if token.key not in _TITLES:
                return [], None
            continue
        if token.counts and token.text[:1].isupper() and token.kind != NUMBER:
            name.append(token)
        # "King of France" is one name.
        elif token.kind == SMALL and name and token.key not in ("of", "de", "von", "van"):
            continue
        else:
            return name, token if token.counts and token.kind != NUMBER else None
    return name, None


def _name_before(tokens: Sequence[Token], place: int) -> list[Token]:
    """The name right before a place; none where a pronoun, a preposition or another word stands between."""
    name: list[Token] = []
    for token in reversed(tokens[:place]):
        if token.counts:
            if not token.text[:1].isupper() or token.kind == NUMBER:
                break
            name.append(token)
        elif name:
            if token.kind == SMALL and token.key in AFTER_DOER | {"of", "by"}:
                return []
            break
        elif token.key in _PRONOUNS:
            return []
    return name[::-1]


def content(tokens: Sequence[Token]) -> list[Token]:
    """Content words, amounts, breaks, and the small words that tell one side from the other."""
    return [token for token in tokens if token.counts or token.kind == BREAK or token.key in _TURNING_POINTS]


def _between(here: Sequence[Token], one: Block, other: Block) -> Sequence[Token]:
    return here[one.start + one.size : other.start]


def _ends_between(tokens: Sequence[Token], start: int, end: int) -> int:
    """How many clauses end between two places."""
    return sum(token.key in CLAUSE_ENDS for token in tokens[start:end])


def _alike(here: Sequence[Token], one: Block, other: Block) -> bool:
    """Whether both hold words, or both are amounts alone."""
    kinds = [{_kind(token) for token in here[b.start : b.start + b.size] if token.counts} for b in (one, other)]
    if all(len(kind) == 2 for kind in kinds):
        # Each with its own amount: another order, nothing changed.
        return False
    # A number against a name is no exchange of like things.
    return all(kinds) and (kinds[0] == {NUMBER}) == (kinds[1] == {NUMBER})


def _kind(token: Token) -> str:
    """Months, days of the week and `first` are amounts like the numbers beside them."""
    return NUMBER if token.key in _DATES else token.kind


def _nothing_between(here: Sequence[Token], blocks: Sequence[Block], one: Block, other: Block) -> bool:
    """Whether the two have nothing in common with the sentence between them but a `to`; it tells sides after `from`."""
    # The common parts that stand between the two in the statement.
    own = [b for b in blocks if one.start < b.start < other.start]
    inner_tokens = [token for b in own for token in here[b.start : b.start + b.size] if token.kind != BREAK]
    return all(token.key == "to" for token in inner_tokens) and not any(token.key == "from" for token in here)


def _move_together(here: Sequence[Token], text: Sequence[Token], one: Block, other: Block) -> bool:
    """Whether the nearest year of each of two numbers is the same in both: only their order is another."""
    pairs = [(here[b.start], text[b.there]) for b in (one, other)]
    if any(own.amount is None or own.amount.is_year for own, _ in pairs):
        return False
    years = [(_nearest_year(own, here), _nearest_year(there, text)) for own, there in pairs]
    return all(own is not None and own == there for own, there in years) and years[0] != years[1]


def _nearest_year(token: Token, sentence: Sequence[Token]) -> str | None:
    years = [one for one in sentence if one is not token and one.amount is not None and one.amount.is_year]
    return min(years, key=lambda one: abs(one.place - token.place)).key if years else None


def _is_list(here: Sequence[Token], one: Block, other: Block) -> bool:
    """`C, B and A` says the same as `A, B and C`."""
    inner_tokens = _between(here, one, other)
    breaks = sum(token.kind == BREAK and token.key in (",", "and", "or", "、", "和", "与") for token in inner_tokens)
    words = [token for token in inner_tokens if token.counts]
    # Two breaks make a list of three; words between that are neither names nor numbers make clauses.
    return breaks >= 2 and all(token.is_name or token.kind == NUMBER for token in words)


def _is_symmetric(here: Sequence[Token], one: Block, other: Block) -> bool:
    words = [token for token in _between(here, one, other) if token.counts]
    symmetric_count = sum(token.key in _SYMMETRIC or token.text in _SYMMETRIC_CHINESE for token in words)
    # A met B; but `A married C after B had died` is not of A and B.
    # For Chinese, characters between cannot be counted as words.
    return symmetric_count > 0 and (len(words) - symmetric_count < 2 or not words[0].text.isascii())


def _close_up(text: str) -> str:
    """Chinese characters without the blanks between them."""
    return text if text.isascii() else text.replace(" ", "")
