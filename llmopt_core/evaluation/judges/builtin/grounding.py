"""How far a text supports a statement: words, numbers, names and token embeddings, weighed by three small models.

Each model is a logistic regression of a few features. `python benchmarks/judge.py DATA --limit 150 --fit` makes
the constants at the bottom and prints how well each does on data it has not seen (cross-validation by document).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from llmopt_core.evaluation.judges.builtin.contradictions import contradiction
from llmopt_core.evaluation.judges.builtin.conversation import claim_of, is_conversation
from llmopt_core.evaluation.judges.builtin.grounding_features import (
    Match,
    Passage,
    relevance_features,
    short_answer_features,
    statement_features,
    words,
)
from llmopt_core.evaluation.judges.builtin.question_forms import fits
from llmopt_core.evaluation.judges.builtin.short_amounts import lacking
from llmopt_core.evaluation.judges.builtin.token_vectors import TokenReader, Tokens
from llmopt_core.index.analysis import STOP_WORDS
from llmopt_core.text.scripts import CJK, has_cjk
from llmopt_core.text.words import shorten

# Answers shorter than this say nothing by themselves: they are read together with the question.
# A Chinese word has about two characters.
_SHORT_WORDS, _SHORT_CJK = 6, 12


@dataclass(frozen=True, slots=True)
class Support:
    """Whether a text supports a statement.

    Attributes:
        probability: Between 0 and 1.
        source: The sentence of the text that comes nearest; empty where there is no text.
    """

    statement: str
    probability: float
    verdict: bool
    source: str
    reason: str


class Grounding:
    """A text that statements are held against."""

    def __init__(self, context: str, reader: TokenReader) -> None:
        self._reader = reader
        self._passage = Passage.read(context, reader)

    def supports(self, statements: Sequence[str], question: str = "", reply: bool = False) -> list[Support]:
        """Judge each statement. A single short one is judged as the answer to the question.

        Args:
            statements: The statements.
            question: What they answer.
            reply: Whether they are what a model replied; in a conversation more is asked of them.
        """
        if not self._passage.sentences:
            return [Support(statement, 0.0, False, "", "There is no text to rest on.") for statement in statements]
        # Several statements are an answer of sentences, though one of them may be short.
        if len(statements) == 1 and question.strip() and is_short(statements[0]):
            return [self._short(statements[0], question)]
        border = border_of(statements, question, reply)
        # Where all is talk the talk is judged, so that each statement has a verdict.
        claims = [claim_of(statement) or statement for statement in statements]
        claim_rows = zip(statements, claims, self._reader.read(claims), strict=True)
        return [self._statement(s, claim, question, tokens, border) for s, claim, tokens in claim_rows]

    def usefulness(self, question: str, answer: Sequence[str]) -> Support:
        """Judge whether the text helps to arrive at the answer, given as its sentences.

        Useful is a text that supports one of the sentences, or that is about the question and holds at least half of
        what a sentence says beyond the question.
        """
        supports = [self._helps(support, question) for support in self.supports(answer, question)]
        best = max(supports, key=lambda support: support.probability, default=None)
        # `usefulness` of no sentences, as of a blank reference.
        return best or Support("", 0.0, False, "", "There is no answer to look for.")

    def relevance(self, question: str) -> Support:
        """Judge whether some sentence of the text answers the question, by its form: what is true is not known."""
        if not self._passage.sentences or not question.strip():
            return Support(question, 0.0, False, "", "There is nothing to compare.")
        scores = self._relevance_of(question)
        best = max(range(len(scores)), key=scores.__getitem__)
        value = _probability(scores[best])
        reason = f"The nearest sentence answers the question with probability {value:.2f}."
        return Support(question, value, value >= RELEVANT, shorten(self._passage.sentences[best], 300), reason)

    def _statement(self, statement: str, claim: str, question: str, tokens: Tokens, border: float) -> Support:
        match = Match.of(tokens, self._passage)
        features = statement_features(claim, question, match)
        # Taking off the border's own log odds moves it to .5.
        value = _probability(_weigh(features, STATEMENT_MODEL) - math.log(border / (1 - border)))
        source = shorten(self._passage.sentences[match.best], 300)
        objection = contradiction(claim, self._passage.sentences, question)
        if objection:
            # Multiplied rather than set: it stays below the border, and in its order.
            value *= VETO
        return Support(
            statement, value, value >= SUPPORT_THRESHOLD, source, self._reason(value, claim, features, objection)
        )

    def _short(self, answer: str, question: str) -> Support:
        relevance = self._relevance_of(question)
        features, place = short_answer_features(answer, question, relevance, self._passage)
        value = _probability(_weigh(features, SHORT_ANSWER_MODEL))
        amount = lacking(answer, question, self._passage.sentences)
        value *= VETO if amount else 1.0
        objection = f"the text does not have the amount '{amount}'; " if amount else ""
        reason = f"Support {value:.2f}: {objection}{features[0]:.0%} of the answer's words stand there"
        # Log odds: another sentence is about three times as likely to be meant.
        if features[0] and features[2] < -1:
            reason += ", but another sentence is nearer to the question"
        if fits(question, answer) == 0.0:
            reason += ", but it is not the kind of thing the question asks for"
        return Support(
            answer, value, value >= SUPPORT_THRESHOLD, shorten(self._passage.sentences[place], 300), reason + "."
        )

    def _helps(self, support: Support, question: str) -> Support:
        # A short answer is judged with the question already, so its words would count twice.
        if support.verdict or is_short(support.statement):
            return support
        own = set(words(support.statement)) - set(words(question)) - STOP_WORDS
        share = len(own & self._passage.vocabulary) / len(own) if own else 0.0
        # Question and sentence together are what a useful text is about.
        about = self.relevance(f"{question} {support.statement}")
        if share < 0.5 or not about.verdict:
            return support
        reason = f"It is about the question and holds {share:.0%} of what the answer adds."
        return Support(support.statement, max(support.probability, share), True, about.source, reason)

    def _relevance_of(self, question: str) -> list[float]:
        """Per sentence the log odds that it answers the question."""
        question_passage = self._reader.read([question])[0]
        places = range(len(self._passage.sentences))
        return weigh_all([relevance_features(question, question_passage, place, self._passage) for place in places])

    def _reason(self, value: float, statement: str, features: Sequence[float], against: str) -> str:
        """Why, in words: what of the statement contradicts the text or is not in it."""
        # Each word once, in order.
        missing = [w for w in dict.fromkeys(words(statement)) if w not in self._passage.vocabulary | STOP_WORDS]
        parts = [against] if against else []
        parts.append(f"{features[1]:.0%} of its words are in the text")
        if missing:
            # Six words are enough to see why.
            parts.append(f"not found: {', '.join(missing[:6])}")
        parts += [text for text, count in zip(_DOUBTS, features[2:], strict=True) if count]
        return f"Support {value:.2f}: {'; '.join(parts)}."


_DOUBTS = (
    "it turns or bounds the statement where the text does not",
    "a number is not in the text",
    "a name is not in the text",
    "it speaks of me or us where the text does not",
)


def border_of(statements: Sequence[str], question: str, reply: bool) -> float:
    """The probability from which on statements count as supported."""
    if reply and is_conversation(question, " ".join(statements)):
        return REPLY_BORDER
    return CHINESE_BORDER if has_cjk(" ".join(statements)) else STATEMENT_BORDER


def is_short(answer: str) -> bool:
    """Whether an answer is a name, a number or a phrase, not a sentence."""
    if has_cjk(answer):
        return len(re.findall(rf"[{CJK}]|\w+", answer)) < _SHORT_CJK
    return len(answer.split()) < _SHORT_WORDS


def weigh_all(rows: Sequence[Sequence[float]], model: Sequence[float] = ()) -> list[float]:
    """Log odds of each row of features; by the relevance model unless another is given."""
    # Kept open, since fitting weighs rows with models that are not constants yet.
    return [_weigh(row, model or RELEVANCE_MODEL) for row in rows]


def _weigh(features: Sequence[float], model: Sequence[float]) -> float:
    # `strict` tells a feature that was added without a weight.
    return model[0] + sum(weight * value for weight, value in zip(model[1:], features, strict=True))


def _probability(log_odds: float) -> float:
    # Bounds keep `exp` from overflowing; at 60 a probability is 1 in floats anyway.
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, log_odds))))


# All probabilities are moved so that the border is here.
SUPPORT_THRESHOLD = 0.5
# Borders before that: a statement may be a free paraphrase, a reply in a conversation is more often an invention.
# Chosen on BEGIN and on the fitting half of tests/data/judge/families.jsonl.
STATEMENT_BORDER, CHINESE_BORDER, REPLY_BORDER = 0.48, 0.40, 0.63
# What a rule speaks against keeps its rank among its like, below the border.
VETO = 0.4
# Below one half, since usefulness asks for more besides.
RELEVANT = 0.4

# Intercept first, then in the order of STATEMENT_FEATURES, SHORT_ANSWER_FEATURES and RELEVANCE_FEATURES.
STATEMENT_MODEL = (-1.802, 2.633, 2.296, -0.891, 0.176, -2.086, -1.276)
SHORT_ANSWER_MODEL = (-7.226, 7.034, 0.187, 0.635, 3.492, -3.285)
RELEVANCE_MODEL = (-5.798, 7.820, 2.422, 1.847, -1.091)
