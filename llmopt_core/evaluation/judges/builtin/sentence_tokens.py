"""A sentence as the rules of the built-in judge read it: content words, amounts, negations, and where clauses break."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from functools import lru_cache

from llmopt_core.evaluation.judges.builtin.amount import Amount
from llmopt_core.evaluation.judges.builtin.dates import MAY
from llmopt_core.evaluation.judges.builtin.negations import (
    CHINESE_NEGATORS,
    NEUTRAL_CHINESE,
    NOT,
    apply_negations,
    is_negator,
    with_negating_phrases,
)
from llmopt_core.evaluation.judges.builtin.numerals import amounts
from llmopt_core.evaluation.judges.builtin.opposites import chinese_words, lemma, phrases, sides
from llmopt_core.evaluation.judges.builtin.sentence_token import BREAK, NUMBER, SMALL, WORD, Token
from llmopt_core.evaluation.judges.builtin.word_lists import word_list
from llmopt_core.index.analysis import STOP_WORDS
from llmopt_core.text.scripts import CJK

# A CJK character, a word with what joins its parts (o'clock, U.S., well-known), other word characters, or a stop.
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
# Single characters of grammar; content words of one character are kept.
_SMALL_CHINESE = frozenset(
    "的了在是着过把被由于与和也都就为对向从到以其将及很该会能可要这那它他她们个此并且又有之，地得上中里所让给吧哦呢吗啊呀再仍已"
)
# 最大, 更高: behind these a character of the lists is a word.
_ALONE_AFTER = frozenset("最更越很较太比不还")
_ALONE_BEFORE = re.compile(r"[了的于至出过得,.;、。!?:]|$")
# Words of measure before a number: 大三岁 (three years older).
_MEASURING = frozenset("大小高低早晚多少长短重轻快慢前后")
_FIGURES = frozenset("0123456789一二三四五六七八九十两几半百")
_ALWAYS_ALONE = frozenset("男女雄雌东西南北左右")
_EXTRA_STOP = word_list("small")
# Small words that the list of opposites knows, alone or in a phrase.
_SPEAKING = word_list("small but opposite")


@lru_cache(maxsize=20_000)
def read(text: str) -> tuple[Token, ...]:
    """The tokens of a sentence in order."""
    plain = unicodedata.normalize("NFKC", text)
    return _place(apply_negations(_join_phrases(with_negating_phrases(_pieces(plain)))))


def _pieces(text: str) -> list[Token]:
    tokens: list[Token] = []
    # Amounts are found in the text in lower case; "İ" becomes two characters there, and places would no longer fit.
    numbers = {amount.start: amount for amount in amounts(text)} if len(text.lower()) == len(text) else {}
    months = {match.start() for match in MAY.finditer(text)}
    place = 0
    while place < len(text):
        if place in months:
            tokens.append(Token(WORD, "may", "May", sides()["may"], is_name=True))
            place += len("May")
            continue
        amount = numbers.get(place)
        # "One" and "a" are mostly articles.
        if amount is not None and not amount.is_implied and amount.value != 1:
            tokens.append(_number(amount))
            place = amount.end
            continue
        if text[place].isspace():
            place += 1
            continue
        if re.match(f"[{CJK}]", text[place]):
            token, place = _chinese(text, place)
            tokens.append(token)
            continue
        match = _PIECE.match(text, place)
        if match is None:
            place += 1
            continue
        # The first word is in capitals whatever it is.
        tokens += _english(match.group(), first=not any(token.counts for token in tokens[-1:]) and not tokens)
        place = match.end()
    return tokens


def _number(amount: Amount) -> Token:
    # "Double" and "twice" have opposites (half).
    word_sides = sides().get(lemma(amount.text), ()) if amount.kind == "times" else ()
    # Six digits: floats that were reckoned in two ways are the same key.
    return Token(NUMBER, f"#{amount.value:.6g}{amount.kind}", amount.text, word_sides, amount)


def _chinese(text: str, place: int) -> tuple[Token, int]:
    neutral = NEUTRAL_CHINESE.match(text, place)
    word = chinese_words().match(text, place)
    # 高 within 高兴 (glad) says nothing of height.
    if word is not None and len(word.group()) == 1 and not _stands_alone(text, place):
        word = None
    # The longer reading wins: 不少于 (no fewer than) over 少.
    if word is not None and (neutral is None or word.end() >= neutral.end()):
        return Token(WORD, word.group(), word.group(), sides()[word.group()]), word.end()
    if neutral is not None:
        return Token(SMALL, neutral.group(), neutral.group()), neutral.end()
    negator = CHINESE_NEGATORS.match(text, place)
    if negator is not None:
        return Token(SMALL, NOT, negator.group()), negator.end()
    character = text[place]
    kind = BREAK if character in _BREAKS else SMALL if character in _SMALL_CHINESE else WORD
    return Token(kind, character, character), place + 1


def _stands_alone(text: str, place: int) -> bool:
    """A single character is a word only where its neighbours let it be."""
    character, before, after = text[place], text[place - 1 : place], text[place + 1 : place + 2]
    if character in _ALWAYS_ALONE:
        # Directions stand alone nowhere, since they are part of most names of places.
        return character in "男女雄雌"
    if after and after in _FIGURES and character in _MEASURING:
        # 大三岁, 开场前十分钟.
        return before != ""
    return before in _ALONE_AFTER or (bool(_ALONE_BEFORE.match(after)) and before != "" and before not in "广重强巨")


def _english(word: str, first: bool) -> list[Token]:
    lower = word.lower().replace("’", "'")
    if lower in _BREAKS:
        return [Token(BREAK, lower, word)]
    if is_negator(lower):
        return [Token(SMALL, NOT, word)]
    # "company's" is the company, "U.S." ends in a stop.
    base = lower.removesuffix("'s").rstrip("'.")
    key = lemma(base)
    is_small = base in STOP_WORDS or base in _EXTRA_STOP
    word_sides = sides().get(key, ())
    kind = SMALL if is_small and base not in _SPEAKING else WORD
    return [Token(kind, key, word, word_sides, is_name=word[:1].isupper() and not is_small and not first)]


def _join_phrases(tokens: list[Token]) -> list[Token]:
    """Phrases of the list of opposites become one token."""
    joined_tokens: list[Token] = []
    place = 0
    while place < len(tokens):
        match = _phrase(tokens, place)
        if match:
            key = " ".join(match)
            phrase = " ".join(token.text for token in tokens[place : place + len(match)])
            joined_tokens.append(Token(WORD, key, phrase, sides()[key]))
            place += len(match)
        else:
            joined_tokens.append(tokens[place])
            place += 1
    return joined_tokens


def _phrase(tokens: list[Token], place: int) -> list[str] | None:
    # No phrase of the list has more than four words.
    keys = [lemma(token.text.lower()) for token in tokens[place : place + 4]]
    return next((words for words in phrases().get(keys[0], ()) if words == keys[: len(words)]), None)


def _place(tokens: list[Token]) -> tuple[Token, ...]:
    placed_tokens, place = [], 0.0
    for token in tokens:
        # A break counts two, so that words behind it are farther off.
        place += {WORD: 1.0, NUMBER: 1.0, BREAK: 2.0}.get(token.kind, 0.0)
        placed_tokens.append(replace(token, place=place))
    return tuple(placed_tokens)
