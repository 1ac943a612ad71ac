"""Which words of a sentence are negated: not, never, fails to, no longer, unable to, 无法, 拒绝, 尚未."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from llmopt_core.evaluation.judges.builtin.opposites import lemma
from llmopt_core.evaluation.judges.builtin.sentence_token import BREAK, NUMBER, SMALL, Token
from llmopt_core.evaluation.judges.builtin.word_lists import word_list

NOT = "not"
"""The key of every negation."""

# Words that hold a 不, 没 or 无 and negate nothing.
# 不过 (but), 非常 (very), 无锡 (a town). The last ones are questions: 能不能 asks whether one can.
NEUTRAL_CHINESE = re.compile(
    r"不(?:过|仅|但|只|同|久|断|论|管|妨|禁|少于|低于|多于|高于|超过|晚于|早于|得不|料|得已)|没关系|未来|未婚|非常|除非|并非不"
    r"|无论|无数|无疑|无锡|避免不了|无人(?=[机区岛超商店值售车化驾])|(?P<asks>[要想愿肯能会是])不(?P=asks)|有没有"
)
# Longer forms come first. 除...外 is "except" unless 还 or 也 follows, which makes it "besides"; both looks are
# bounded in length.
CHINESE_NEGATORS = re.compile(
    r"除(?=[^，。；]{1,12}外(?![^，。；]{0,12}[还也]))|从来没有|从来不|从没有?|从未|并不是?|并未|并没有?|没有(?:能够?|人|任何人?)?|没能|没人|避免|免于|未能|尚未|尚无|还没有?|不再"
    r"|不(?:能够?|可能|会|可以|必|用|需要?|愿意?|肯|想|要|予|含|曾)|无(?:法|需|须|人|力|权)|毋须|并非|不[了得]?|没|未|无|非(?![洲凡])"
)
_NEGATORS = {"not", "never", "no", "none", "nobody", "nothing", "neither", "nor", "without", "cannot", "hardly"}
_NEGATORS |= {"barely", "scarcely", "nowhere", "didn't", "n't", "except"}
_CONTRACTION = re.compile(r"n['’]t$")  # didn't, isn’t
# Words of which each may stand in its place. `Failed to` is one before a verb: sales that declined to 5 million did.
_PHRASES = tuple(
    tuple(frozenset(word.split("/")) for word in line.split())
    for line in (
        "fail/fails/failed/failing to",
        "refuse/refuses/refused/refusing to",
        "decline/declines/declined/declining to",
        "neglect/neglects/neglected/neglecting/omitted to",
        "unable/unwilling/impossible to",
        "incapable/devoid of",
        "has/have/had/is/are yet to",
        "stop/stops/stopped/stopping short of",
        "lack/lacks/lacked/lacking",
        "avoid/avoids/avoided/avoiding",
        "no one",
        "no longer",
        "instead of",
        "rather than",
        "other than",
        "apart from",
        "excluding",
    )
)
_TO_A_VERB = frozenset({"fail", "fails", "failed", "failing", "decline", "declines", "declined", "declining"})
# A negation of these is one of the verb behind `to`, too: not allowed to enter.
_LEADING_ON = frozenset(map(lemma, word_list("leads to a verb")))
# These negate what follows, and are words with an opposite all the same.
_PROHIBITING = frozenset(map(lemma, word_list("forbids")))
_PROHIBITING_CHINESE = frozenset({"禁止", "不得", "不准", "不许", "严禁", "拒绝"})
# Words that turn a clause round by what they mean, wherever they stand in it.
_NEGATIVE = frozenset(map(lemma, word_list("negative")))
_NEGATIVE_CHINESE = word_list("negative, Chinese")
# After these a negation turns nothing that could be compared: not only, no later than.
_NEGATION_STOPS = frozenset({"only", "just", "merely", "later", "earlier", "until"})
# Tokens: a negation farther off is of another word.
_REACH = 6


def is_negator(word: str) -> bool:
    """Whether an English word in lower case is a negation."""
    return word in _NEGATORS or _CONTRACTION.search(word) is not None


def with_negating_phrases(tokens: Sequence[Token]) -> list[Token]:
    """`Fails to`, `no longer`, `lacks` and their like as one negation; `manages to` and `is able to` as nothing."""
    merged_tokens: list[Token] = []
    place = 0
    while place < len(tokens):
        size = _phrase_at(tokens, place)
        phrase = " ".join(token.text for token in tokens[place : place + size])
        if size:
            merged_tokens.append(Token(SMALL, NOT, phrase))
        elif _is_empty(tokens, place):
            merged_tokens.append(Token(SMALL, tokens[place].key, tokens[place].text))
        else:
            merged_tokens.append(tokens[place])
        place += size or 1
    return merged_tokens


def _phrase_at(tokens: Sequence[Token], place: int) -> int:
    """How many tokens a negating phrase takes here; 0 where there is none."""
    for phrase in _PHRASES:
        words = [token.text.lower() for token in tokens[place : place + len(phrase)]]
        # Near the end there are fewer tokens than words of the phrase.
        if len(words) == len(phrase) and all(word in forms for word, forms in zip(words, phrase, strict=True)):
            successors = tokens[place + len(phrase) : place + len(phrase) + 1]
            # "Failed the test" is a verb; "declined to 5 million" a figure.
            figures = words[0] in _TO_A_VERB and any(
                t.kind in (NUMBER, BREAK) or t.key in _ARTICLES for t in successors
            )
            return 0 if figures else len(phrase)
    return 0


_ARTICLES = frozenset({"a", "an", "the"})
_EMPTY = frozenset({"manage", "manages", "managed", "able"})


def _is_empty(tokens: Sequence[Token], place: int) -> bool:
    """`Manages to`, `able to`, and the `more` of `not ... any more`."""
    # The token before, this one and the next; empty at the ends of the sentence.
    before, here, after = (
        t[0].text.lower() if t else "" for t in (tokens[max(0, place - 1) : place], tokens[place:], tokens[place + 1 :])
    )
    return (here in _EMPTY and after == "to") or here == "anymore" or (before, here) == ("any", "more")


def apply_negations(tokens: Sequence[Token]) -> list[Token]:
    """The first content word after a negation is turned; `not only` and `not just` turn nothing."""
    turned_tokens = list(tokens)
    for place, token in enumerate(tokens):
        if _is_prohibiting(token):
            _turn(turned_tokens, place + 1, _behind_preposition(tokens, place))
        if token.key == "less" and any(
            side.converse for other in turned_tokens[place + 1 : place + 2] for side in other.sides
        ):
            # Less expensive.
            turned_tokens[place + 1] = _negate(turned_tokens[place + 1])
        if token.key != NOT or token.kind != SMALL:
            continue
        if token.text.lower() in ("nothing", "nobody", "none") and place and turned_tokens[place - 1].counts:
            # Children pay nothing.
            turned_tokens[place - 1] = _negate(turned_tokens[place - 1])
            continue
        _turn(turned_tokens, place + 1, True)
    return turned_tokens


def _turn(tokens: list[Token], start: int, is_prohibition: bool) -> None:
    # Without `wanted` the range is empty: nothing follows that would be prohibited.
    for place in range(start, min(len(tokens), start + _REACH - 1) if is_prohibition else start):
        token = tokens[place]
        if token.kind == BREAK or token.text.lower() in _NEGATION_STOPS:
            return
        if token.counts:
            tokens[place] = _negate(token)
            is_leading = token.key in _LEADING_ON and place + 1 < len(tokens) and tokens[place + 1].text == "to"
            if is_leading:
                _turn(tokens, place + 2, True)
            return


def _negate(token: Token) -> Token:
    return replace(token, is_negated=not token.is_negated)  # two negations take each other away


def _is_prohibiting(token: Token) -> bool:
    return token.counts and (token.key in _PROHIBITING or token.text in _PROHIBITING_CHINESE)


def _behind_preposition(tokens: Sequence[Token], place: int) -> bool:
    """Whether what is prohibited follows: `banned from entering`; in Chinese it follows directly."""
    if tokens[place].text in _PROHIBITING_CHINESE:
        return True
    # In English only `to` and `from` lead to what is forbidden.
    return place + 1 < len(tokens) and tokens[place + 1].text.lower() in ("to", "from")


def plain_negations_in(tokens: Sequence[Token]) -> int:
    """How many negations there are, such as `not` and `fails to`."""
    return sum(token.kind == SMALL and token.key == NOT for token in tokens)


def negations_in(tokens: Sequence[Token]) -> int:
    """How many negations there are, words that forbid among them."""
    return plain_negations_in(tokens) + sum(map(_is_prohibiting, tokens))


def negative_words_in(tokens: Sequence[Token]) -> int:
    """How many words turn a clause round by what they mean: rarely, exempt, 免费."""
    return sum(token.key in _NEGATIVE or token.text in _NEGATIVE_CHINESE for token in tokens)
