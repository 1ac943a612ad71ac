"""A sentence as the rules of the built-in judge read it: content words, amounts, negations, and where clauses break."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache

from llmopt_core.evaluation.amount import Amount
from llmopt_core.evaluation.numerals import amounts
from llmopt_core.evaluation.opposites import Side, chinese_words, lemma, phrases, sides
from llmopt_core.evaluation.text import CJK
from llmopt_core.evaluation.word_lists import word_list
from llmopt_core.index.analysis import STOP_WORDS

WORD, NUMBER, BREAK, SMALL = "word", "number", "break", "small"


@dataclass(frozen=True, slots=True)
class Token:
    """A word, an amount, a break between clauses, or a small word.

    Attributes:
        key: What makes two tokens the same: a lemma, or the value of an amount.
        negated: Whether a negation before it turns it.
        named: Whether it is written as a name.
        place: How far along the sentence it stands, in content words; a break counts two.
    """

    kind: str
    key: str
    written: str
    sides: tuple[Side, ...] = ()
    amount: Amount | None = None
    negated: bool = False
    named: bool = False
    place: float = 0.0

    @property
    def counts(self) -> bool:
        """Whether it is a content word or an amount."""
        return self.kind in (WORD, NUMBER)


_PIECE = re.compile(rf"[{CJK}]|[^\W\d_{CJK}]+(?:['’.-][^\W_{CJK}]+)*|[\w]+|[,;:.!?，。；：！？、()（）]")
_BREAKS = frozenset(",;:.!?，。；：！？、()（）") | {
    "while",
    "but",
    "whereas",
    "and",
    "although",
    "though",
    "or",
    "unless",
}
_BREAKS |= {"because", "so", "when", "if", "as", "who", "which", "that", "where", "而", "但", "和", "与"}
_NEGATORS = {"not", "never", "no", "none", "nobody", "nothing", "neither", "nor", "without", "cannot", "hardly"}
_NEGATORS |= {"barely", "nowhere", "didn't", "n't", "unable"}
# Words that hold a 不 or 无 and negate nothing.
_NOT_NEGATING = re.compile(
    r"不(?:过|仅|但|只|同|久|断|论|管|妨|禁|少于|低于|多于|高于|超过|晚于|早于|得不|料)|没关系|未来|未婚|非常|除非|并非不|无论|无数|无疑|无锡"
)
_CHINESE_NEGATORS = re.compile(
    r"从来没有|从来不|从没|从未|并不|并未|没有|不再|不能|不会|不可以|不必|不用|无法|并非|不予|不[了得]?|没|未|无(?!人)|非(?![洲凡])"
)
_SMALL_CHINESE = frozenset(
    "的了在是着过把被由于与和也都就为对向从到以其将及很该会能可要这那它他她们个此并且又有之，地得上中里所让给吧哦呢吗啊呀"
)
_ALONE_AFTER = frozenset("最更越很较太比不还")
_ALONE_BEFORE = re.compile(r"[了的于至出过得,.;、。!?:]|$")
_ALWAYS_ALONE = frozenset("男女雄雌东西南北左右")
# After these a negation turns nothing that could be compared: not only, no later than, 不要.
_NOT_TURNED = frozenset({"only", "just", "merely", "later", "earlier", "until", *"要想愿肯"})
_CONTRACTED = re.compile(r"n['’]t$")
_EXTRA_STOP = word_list("small")
# Small words that the list of opposites knows, alone or in a phrase.
_SPEAKING = word_list("small but opposite")


@lru_cache(maxsize=20_000)
def read(text: str) -> tuple[Token, ...]:
    """The tokens of a sentence in order."""
    plain = unicodedata.normalize("NFKC", text)
    return _placed(_negated(_joined(_pieces(plain))))


def _pieces(text: str) -> list[Token]:
    found: list[Token] = []
    numbers = {amount.start: amount for amount in amounts(text)} if len(text.lower()) == len(text) else {}
    place = 0
    while place < len(text):
        amount = numbers.get(place)
        if amount is not None and not amount.implied and amount.value != 1:
            found.append(_number(amount))
            place = amount.end
            continue
        if text[place].isspace():
            place += 1
            continue
        if re.match(f"[{CJK}]", text[place]):
            token, place = _chinese(text, place)
            found.append(token)
            continue
        match = _PIECE.match(text, place)
        if match is None:
            place += 1
            continue
        found += _english(match.group(), first=not any(token.counts for token in found[-1:]) and not found)
        place = match.end()
    return found


def _number(amount: Amount) -> Token:
    known = sides().get(lemma(amount.written), ()) if amount.kind == "times" else ()
    return Token(NUMBER, f"#{amount.value:.6g}{amount.kind}", amount.written, known, amount)


def _chinese(text: str, place: int) -> tuple[Token, int]:
    neutral = _NOT_NEGATING.match(text, place)
    word = chinese_words().match(text, place)
    if word is not None and len(word.group()) == 1 and not _stands_alone(text, place):
        word = None
    if word is not None and (neutral is None or word.end() >= neutral.end()):
        return Token(WORD, word.group(), word.group(), sides()[word.group()]), word.end()
    if neutral is not None:
        return Token(SMALL, neutral.group(), neutral.group()), neutral.end()
    negator = _CHINESE_NEGATORS.match(text, place)
    if negator is not None:
        return Token(SMALL, "not", negator.group()), negator.end()
    character = text[place]
    kind = BREAK if character in _BREAKS else SMALL if character in _SMALL_CHINESE else WORD
    return Token(kind, character, character), place + 1


def _stands_alone(text: str, place: int) -> bool:
    """A single character is a word only where its neighbours let it be."""
    character, before, after = text[place], text[place - 1 : place], text[place + 1 : place + 2]
    if character in _ALWAYS_ALONE:
        return character in "男女雄雌"
    return before in _ALONE_AFTER or (bool(_ALONE_BEFORE.match(after)) and before != "" and before not in "广重强巨")


def _english(word: str, first: bool) -> list[Token]:
    lower = word.lower().replace("’", "'")
    if lower in _BREAKS:
        return [Token(BREAK, lower, word)]
    if _CONTRACTED.search(lower) or lower in _NEGATORS:
        return [Token(SMALL, "not", word)]
    base = lower.removesuffix("'s").rstrip("'.")
    key = lemma(base)
    small = base in STOP_WORDS or base in _EXTRA_STOP
    known = sides().get(key, ())
    kind = SMALL if small and base not in _SPEAKING else WORD
    return [Token(kind, key, word, known, named=word[:1].isupper() and not small and not first)]


def _joined(tokens: list[Token]) -> list[Token]:
    """Phrases of the list of opposites become one token."""
    found: list[Token] = []
    place = 0
    while place < len(tokens):
        match = _phrase(tokens, place)
        if match:
            key = " ".join(match)
            written = " ".join(token.written for token in tokens[place : place + len(match)])
            found.append(Token(WORD, key, written, sides()[key]))
            place += len(match)
        else:
            found.append(tokens[place])
            place += 1
    return found


def _phrase(tokens: list[Token], place: int) -> list[str] | None:
    keys = [lemma(token.written.lower()) for token in tokens[place : place + 4]]
    return next((words for words in phrases().get(keys[0], ()) if words == keys[: len(words)]), None)


def _negated(tokens: list[Token]) -> list[Token]:
    """The first content word after a negation is turned; `not only` and `not just` turn nothing."""
    found = list(tokens)
    for place, token in enumerate(tokens):
        if token.key != "not" or token.kind != SMALL:
            continue
        if token.written.lower() in ("nothing", "nobody", "none") and place and found[place - 1].counts:
            # Children pay nothing.
            found[place - 1] = replace(found[place - 1], negated=not found[place - 1].negated)
            continue
        for follower in range(place + 1, min(len(found), place + 6)):
            other = found[follower]
            if other.kind == BREAK or other.written.lower() in _NOT_TURNED:
                break
            if other.counts:
                found[follower] = replace(other, negated=not other.negated)
                break
    return found


def _placed(tokens: list[Token]) -> tuple[Token, ...]:
    found, place = [], 0.0
    for token in tokens:
        place += {WORD: 1.0, NUMBER: 1.0, BREAK: 2.0}.get(token.kind, 0.0)
        found.append(replace(token, place=place))
    return tuple(found)
