"""What a statement, or a question, and a text have in common: a handful of numbers for `grounding.py` to weigh."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from llmopt_core.evaluation.judges.builtin.amount import Amount, write_out_powers
from llmopt_core.evaluation.judges.builtin.dates import in_one_form
from llmopt_core.evaluation.judges.builtin.numerals import amounts, missing
from llmopt_core.evaluation.judges.builtin.opposites import Side, lemma, sides
from llmopt_core.evaluation.judges.builtin.question_forms import fits
from llmopt_core.evaluation.judges.builtin.short_amounts import rewrite_amounts
from llmopt_core.evaluation.judges.builtin.token_vectors import TokenReader, Tokens
from llmopt_core.index.analysis import STOP_WORDS
from llmopt_core.index.stems import stem
from llmopt_core.text.scripts import CJK, has_cjk
from llmopt_core.text.sentences import sentences

# Runs of CJK characters, or words with the decimals behind them (3.5). The lookahead keeps a CJK character from being a
# letter of a word.
_WORD = re.compile(rf"[{CJK}]+|(?:(?![{CJK}])[^\W_])+(?:[.,]\d+)*")
_LATIN = re.compile(r"[a-z]+")
_CHINESE_NEGATIONS = frozenset("不没沒無无未非")
# The comma of 1,000 goes, that of "1,2" stays.
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
# Capitalised inside a sentence, or in capitals anywhere.
_NAME = re.compile(r"(?<=[^.!?\s]\s)[\"'“‘(]*([A-Z][\w'’-]+)|\b([A-Z]{2,}\w*)\b")
# `You` may be anyone, and an answer may say it to whom the text calls a customer.
_PERSONAL = re.compile(r"\b(?:i|im|me|my|mine|we|us|our|ours)\b|我", re.IGNORECASE)
# Words that turn a statement round or bound it. One that the text does not have at that place is suspect.
# Stems are bounded (`un` with four letters more, not `under` or `until`), since words such as "unit" turn nothing.
_TURNS = re.compile(
    r"""\b(?:
        not|never|no|none|nor|neither|nothing|nobody|nowhere|cannot|without|hardly|rarely|barely
      | only|solely|exclusively|merely|except|all|every|always|entirely|completely
      | unable|fail\w*|lack\w*|refus\w*|reject\w*|den(?:y|ies|ied)|avoid\w*|prevent\w*
      | against|instead|despite|although|unlike|wrong\w*|false\w*|incorrect\w*|mis\w{4,}|non-?\w+
      | un(?!der|it|iv|iq|til|less|cle)\w{4,}
      | in(?:correct|flex|suff|adeq|compl|effec|consist|appropr|capab|sign|accur)\w+
      | ir(?:regular|relevant|respons)\w*
    )\b | n[’']t\b | [不没沒無无未非] | 只 | 仅""",
    re.IGNORECASE | re.VERBOSE,
)


def words(text: str) -> list[str]:
    """Words in lower case with their English endings cut; of CJK text each two neighbouring characters."""
    terms: list[str] = []
    for word in _WORD.findall(_plain(text).lower()):
        if has_cjk(word):
            # Pairs of characters stand in for words, which no dictionary parts here; a single one is taken alone.
            terms += [word[i : i + 2] for i in range(max(1, len(word) - 1))]
        else:
            terms.append(stem(word))
    return terms


def _plain(text: str) -> str:
    return _THOUSANDS.sub("", unicodedata.normalize("NFKC", in_one_form(text)))


def names(text: str) -> set[str]:
    """Words of names, as `words` gives them."""
    return {word for pair in _NAME.findall(in_one_form(text)) for word in words(pair[0] or pair[1])}


@dataclass(frozen=True)
class Passage:
    """A text in sentences, with their words and tokens."""

    sentences: list[str]
    tokens: list[Tokens]

    @classmethod
    def read(cls, text: str, reader: TokenReader) -> Passage:
        """Split and embed a text."""
        parts = sentences(text)
        return cls(parts, reader.read(parts) if parts else [])

    @cached_property
    def words(self) -> list[list[str]]:
        """Words per sentence."""
        return [words(sentence) for sentence in self.sentences]

    @cached_property
    def word_sets(self) -> list[set[str]]:
        """Words per sentence, and single CJK characters: a text may begin or end in the middle of a run of them."""
        # Chunks are cut anywhere, also within a pair.
        character_pattern = re.compile(f"[{CJK}]")
        return [
            set(own).union(character_pattern.findall(text))
            for own, text in zip(self.words, self.sentences, strict=True)
        ]

    @cached_property
    def vocabulary(self) -> set[str]:
        """All that some sentence holds."""
        return set().union(*self.word_sets)

    @cached_property
    def _senses(self) -> set[str | Side]:
        """Lemmas of its English words, and the sides of opposites on which they stand."""
        lemmas = {lemma(word) for sentence in self.sentences for word in _LATIN.findall(sentence.lower())}
        return {*lemmas, *(side for key in lemmas for side in sides().get(key, ()))}

    def says(self, word: str) -> bool:
        """Whether the text has an English word in some form, or one that says the same."""
        key = lemma(word)
        return key in self._senses or not self._senses.isdisjoint(sides().get(key, ()))

    @cached_property
    def amounts(self) -> list[Amount]:
        """All amounts, in digits or in words."""
        return [amount for sentence in self.sentences for amount in amounts(sentence)]

    def around(self, position: int) -> range:
        """Positions of a sentence and its neighbours."""
        # A statement may join what two neighbouring sentences say.
        return range(max(0, position - 1), min(len(self.sentences), position + 2))

    def text_around(self, position: int) -> str:
        """A sentence with its neighbours."""
        return " ".join(self.sentences[i] for i in self.around(position))


@dataclass(frozen=True)
class Match:
    """How a statement's tokens meet a passage: the best similarity per sentence and token."""

    passage: Passage
    similarities: np.ndarray[tuple[int, int], np.dtype[np.float32]]

    @classmethod
    def of(cls, tokens: Tokens, passage: Passage) -> Match:
        """Compare all tokens of a text, punctuation left out, with those of each sentence."""
        own = tokens.vectors[tokens.words]
        # Vectors have length 1, so products are cosines; per sentence the best partner of each token.
        return cls(passage, np.stack([(own @ there.vectors.T).max(axis=1) for there in passage.tokens]))

    @cached_property
    def best(self) -> int:
        """Position of the sentence that meets the statement best."""
        return int(self.similarities.mean(axis=1).argmax())

    @property
    def weakest(self) -> float:
        """The similarity of the token that the best sentence and its neighbours meet least."""
        neighbours = self.passage.around(self.best)
        # The mean hides one invented word among many that stand there; the least does not.
        return float(self.similarities[neighbours.start : neighbours.stop].max(axis=0).min())


def statement_features(statement: str, question: str, match: Match) -> list[float]:
    """What speaks for and against a statement, in the order of `STATEMENT_FEATURES`."""
    passage = match.passage
    surroundings = passage.text_around(match.best)
    # Only near by: a `not` elsewhere in the text says nothing of this.
    turns = {_turn(phrase) for phrase in _TURNS.findall(surroundings)}
    missing_names = names(statement) - passage.vocabulary - set(words(question))
    return [
        match.weakest,
        word_share(statement, passage),
        # Two are as bad as three: counts are capped, so that long sentences are not rejected for their length.
        min(2, sum(_turn(phrase) not in turns for phrase in _TURNS.findall(statement))),
        min(2, len(missing(amounts(statement), passage.amounts))),
        min(2, len(missing_names)),
        min(2, _new_personal(statement, passage)),
    ]


def _turn(word: str) -> str:
    """A turning word; Chinese negations say the same: 没 for 未."""
    return "不" if word in _CHINESE_NEGATIONS else word.lower()


def word_share(statement: str, passage: Passage) -> float:
    """Share of a statement's words that the passage holds.

    An amount counts as one word, however it is written; a word is held in another form (stolen, stole), and by one that
    stands on the same side of a group of opposites (grow, climb).
    """
    own = [amount for amount in amounts(statement) if not amount.is_implied]
    amount_hits = len(own) - len(missing(own, passage.amounts))
    rest = unicodedata.normalize("NFKC", write_out_powers(statement))
    # From the end, so that places before it stay right.
    for amount in reversed(own):
        rest = f"{rest[: amount.start]} {rest[amount.end :]}"
    own_words = words(rest)
    known_stems = {stem(word) for word in _LATIN.findall(rest.lower()) if passage.says(word)}
    # Never divided by 0, for a statement of signs alone.
    return (sum(word in passage.vocabulary or word in known_stems for word in own_words) + amount_hits) / max(
        1, len(own_words) + len(own)
    )


STATEMENT_FEATURES = (
    "similarity of the least similar token",
    "share of words found",
    "turning words not found near by",
    "numbers not found",
    "names not found",
    "personal words not found",
)


def relevance_features(question: str, question_tokens: Tokens, position: int, passage: Passage) -> list[float]:
    """What makes a sentence answer a question, in the order of `RELEVANCE_FEATURES`."""
    sentence, there = passage.sentences[position], passage.tokens[position]
    # A question of stop words only ("Who is he?") keeps them.
    question_words = set(words(question)) - STOP_WORDS or set(words(question))
    sentence_words = set(passage.words[position]) - STOP_WORDS
    similarities = (question_tokens.vectors[question_tokens.words] @ there.vectors.T).max(axis=1)
    return [
        float(similarities.mean()),
        len(question_words & sentence_words) / max(1, len(question_words)),
        fits(question, sentence),
        # Long sentences hold more of any question, which this takes back; log, for the tenth word matters less than the
        # first.
        math.log1p(len(sentence_words - question_words)),
    ]


RELEVANCE_FEATURES = (
    "mean similarity of the question's tokens",
    "share of the question's words found",
    "kind of answer fits",
    "other words (log)",
)


def short_answer_features(
    answer: str, question: str, relevance: Sequence[float], passage: Passage
) -> tuple[list[float], int]:
    """What speaks for a few words as the answer, in the order of `SHORT_ANSWER_FEATURES`, and where they stand.

    Args:
        answer: The words.
        question: What they answer.
        relevance: Per sentence the log odds that it answers the question.
        passage: Where they should stand.
    """
    answer_words, question_words = words(answer), set(words(question))
    shares = [
        # As written, and with its amounts in the sentence's form; the better one counts.
        max(
            _support_share(variant, question_words, there)
            for variant in (answer_words, words(rewrite_amounts(answer, sentence)))
        )
        for sentence, there in zip(passage.sentences, passage.word_sets, strict=True)
    ]
    # Of sentences that hold as much, the one that answers the question best.
    place = max(range(len(shares)), key=lambda position: (shares[position], relevance[position]))
    echo = sum(word in question_words for word in answer_words) / max(1, len(answer_words))
    gap = relevance[place] - max(relevance)
    return [shares[place], relevance[place], gap, fits(question, answer), echo], place


def _support_share(answer_words: Sequence[str], question_words: set[str], there: set[str]) -> float:
    """The share of what is said beyond the question that stands there."""
    # Without content words beyond the question, small ones count; without those, all.
    own = (
        [w for w in answer_words if w not in question_words and w not in STOP_WORDS]
        or [w for w in answer_words if w not in question_words]
        or answer_words
    )
    return sum(word in there for word in own) / max(1, len(own))


SHORT_ANSWER_FEATURES = (
    "share of its words in one sentence",
    "relevance of that sentence",
    "its distance from the most relevant sentence",
    "kind of answer fits",
    "share of its words that are the question's",
)


def _new_personal(statement: str, passage: Passage) -> int:
    # Each time it is said: a text may have one "we" that a statement repeats.
    there = {word.lower() for sentence in passage.sentences for word in _PERSONAL.findall(sentence)}
    return sum(word.lower() not in there for word in _PERSONAL.findall(statement))
