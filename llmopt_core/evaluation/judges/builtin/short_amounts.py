"""Amounts in short answers: written as the text writes them, and those that the text does not have.

`30 days` answers where the text says `thirty days`, and `30` does: the question tells what is counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from llmopt_core.evaluation.judges.builtin.amount import Amount, plain_text
from llmopt_core.evaluation.judges.builtin.numerals import amounts, bare_value, missing
from llmopt_core.evaluation.judges.builtin.units import PLAIN


def rewrite_amounts(answer: str, sentence: str) -> str:
    """The answer with each amount that the sentence has too written as it stands there."""
    answer_amounts = amounts(answer)
    if not answer_amounts:
        return answer
    plain = plain_text(answer)
    there = _with_values(sentence)
    # From the end, so that earlier places stay right.
    for amount in reversed(answer_amounts):
        same = next((other for other, value in there if _says(amount, plain, other, value)), None)
        if same is not None:
            plain = f"{plain[: amount.start]} {same.text} {plain[amount.end :]}"
    return plain


def lacking(answer: str, question: str, sentences: Sequence[str]) -> str:
    """The first amount of the answer that stands neither in the text nor in the question; empty where all do."""
    answer_amounts = amounts(answer)
    if not answer_amounts:
        return ""
    plain = plain_text(answer)
    there = [pair for text in (question, *sentences) for pair in _with_values(text)]
    for amount in missing(answer_amounts, (other for other, _ in there)):
        # Not within a longer number.
        pattern = re.compile(rf"(?<!\d){re.escape(amount.text)}(?!\d)")
        if any(pattern.search(plain_text(text)) for text in sentences):
            # A part of a longer amount, such as 3000 of 3000万, or of a name.
            continue
        if not any(_says(amount, plain, other, value) for other, value in there):
            return amount.text
    return ""


def _with_values(text: str) -> list[tuple[Amount, float]]:
    plain = plain_text(text)
    return [(amount, bare_value(amount, plain)) for amount in amounts(text)]


def _says(amount: Amount, answer: str, other: Amount, value: float) -> bool:
    """Whether the two are the same amount; where one has no unit, by the numbers alone."""
    if amount.equals(other):
        return True
    # "30" answers "how many days": the question has the unit.
    return PLAIN in (amount.kind, other.kind) and _near(bare_value(amount, answer), value, amount, other)


def _near(a: float, b: float, *of: Amount) -> bool:
    # What `30 seconds` counts is a unit; a share or a multiple is no number of things.
    return not _shares(of) and abs(a - b) <= 1e-6 * max(abs(a), abs(b))


def _shares(of: Iterable[Amount]) -> bool:
    return any(amount.kind in ("part", "times") for amount in of)
