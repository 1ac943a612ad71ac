"""A word, an amount, a break or a small word of a sentence."""

from __future__ import annotations

from dataclasses import dataclass

from llmopt_core.evaluation.judges.builtin.amount import Amount
from llmopt_core.evaluation.judges.builtin.opposites import Side

WORD, NUMBER, BREAK, SMALL = "word", "number", "break", "small"


@dataclass(frozen=True, slots=True)
class Token:
    """A word, an amount, a break between clauses, or a small word.

    Attributes:
        key: What makes two tokens the same: a lemma, or the value of an amount.
        is_negated: Whether a negation before it turns it.
        is_name: Whether it is written as a name.
        place: How far along the sentence it stands, in content words; a break counts two.
    """

    kind: str
    key: str
    text: str
    sides: tuple[Side, ...] = ()
    amount: Amount | None = None
    is_negated: bool = False
    is_name: bool = False
    place: float = 0.0

    @property
    def counts(self) -> bool:
        """Whether it is a content word or an amount."""
        return self.kind in (WORD, NUMBER)
