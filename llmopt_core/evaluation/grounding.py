"""How far a text supports a statement, by words, numbers and embeddings."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from llmopt_core.evaluation.text import has_cjk, sentences, shorten
from llmopt_core.evaluation.text_metrics import Encode
from llmopt_core.index.analysis import analyse

_NEGATION = re.compile(r"\b(?:not|never|no|none|cannot|without)\b|n[’']t\b|不|没|無|无", re.IGNORECASE)
_KEY = re.compile(r"\b(?:[A-Z][\w'’-]+|\d[\d.,]*\d|\d)\b")
_SHORT = 6


@dataclass(frozen=True, slots=True)
class Support:
    """Whether a text supports a statement.

    Attributes:
        probability: Between 0 and 1.
        source: The sentence of the text that comes nearest.
    """

    statement: str
    probability: float
    verdict: bool
    source: str
    reason: str


class Grounding:
    """A text that statements are held against."""

    def __init__(self, context: str, encode: Encode) -> None:
        self._encode = encode
        found = sentences(context)
        self._windows = found + [" ".join(found[i : i + 2]) for i in range(len(found) - 1)]
        self._terms = [set(analyse(window)) for window in self._windows]
        self._all_terms = set().union(*self._terms) if self._terms else set()

    def supports(self, said: list[str], question: str = "") -> list[Support]:
        """Judge each statement."""
        if not self._windows:
            return [Support(s, 0.0, False, "", "There is no text to rest on.") for s in said]
        asked = set(analyse(question))
        hypotheses = [s if _long(s) else f"{question.rstrip('?？')}: {s}" for s in said]
        vectors = self._encode(hypotheses + self._windows)
        cosines = vectors[: len(said)] @ vectors[len(said) :].T
        return [self._support(s, asked, row) for s, row in zip(said, cosines, strict=True)]

    def usefulness(self, question: str, answer: str) -> Support:
        """Judge whether the text helps to arrive at the answer."""
        best = max(self.supports(sentences(answer), question), key=lambda s: s.probability, default=None)
        return best or Support(answer, 0.0, False, "", "There is no answer to look for.")

    def _support(self, statement: str, asked: set[str], cosines: np.ndarray) -> Support:
        terms = set(analyse(statement))
        new = terms - asked or terms
        coverage = np.array([len(new & window) / len(new) if new else 1.0 for window in self._terms])
        mix = 0.3 * cosines + 0.7 * coverage
        best = int(np.argmax(mix))
        keys = {t for key in _KEY.findall(statement) for t in analyse(key)} - asked
        named = len(keys & self._all_terms) / len(keys) if keys else 1.0
        negated = bool(_NEGATION.search(statement)) != bool(_NEGATION.search(self._windows[best]))
        probability = float(mix[best]) * (0.5 + 0.5 * named) * (0.6 if negated else 1.0)
        missing = sorted(new - self._all_terms)
        reason = f"Words covered: {coverage[best]:.0%}" + (f"; not found: {', '.join(missing[:5])}" if missing else "")
        verdict = probability >= 0.6
        return Support(statement, probability, verdict, shorten(self._windows[best], 300), reason + ".")


def _long(statement: str) -> bool:
    return len(statement) >= 2 * _SHORT if has_cjk(statement) else len(statement.split()) >= _SHORT
