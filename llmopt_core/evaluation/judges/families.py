"""What the built-in judge catches and what it rejects wrongly, as measured by `benchmarks/judge_families.py`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Family:
    """Statements of one kind about documents that nothing was fitted or chosen on.

    Attributes:
        name: What was done to a sentence of the document.
        language: `en` or `zh`.
        right: Whether the statements say what the document says; else they should be rejected.
        documents: How many the statements are about.
        cases: Statements.
        rejections: How many the judge rejected.
        low: Lower end of the 95 % interval of that share, with documents drawn anew.
    """

    name: str
    language: str
    right: bool
    documents: int
    cases: int
    rejections: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Share rejected: caught where they are wrong, falsely rejected where they are right."""
        return self.rejections / self.cases


def share_of(name: str, language: str = "en") -> float:
    """The share of a family that is rejected."""
    return next(family.share for family in FAMILIES if (family.name, family.language) == (name, language))


# As printed by the benchmark and in docs/judge.md, for version 3 of the judge. Name, language, right, documents, cases,
# rejected, and the interval.
FAMILIES: tuple[Family, ...] = (
    Family("exchange", "en", False, 15, 26, 20, 0.62, 0.90),
    Family("exchange", "zh", False, 7, 11, 9, 0.56, 1.00),
    Family("invented reply", "en", False, 6, 18, 17, 0.83, 1.00),
    Family("invented reply", "zh", False, 1, 2, 2, 0.21, 1.00),
    Family("invention", "en", False, 16, 32, 27, 0.72, 0.94),
    Family("invention", "zh", False, 9, 10, 5, 0.11, 0.82),
    Family("negation", "en", False, 15, 15, 14, 0.80, 1.00),
    Family("negation", "zh", False, 9, 9, 9, 0.70, 1.00),
    Family("opposite", "en", False, 16, 53, 50, 0.89, 1.00),
    Family("opposite", "zh", False, 9, 27, 26, 0.90, 1.00),
    Family("wrong unit", "en", False, 11, 12, 12, 0.74, 1.00),
    Family("wrong unit", "zh", False, 5, 5, 5, 0.57, 1.00),
    Family("wrong written number", "en", False, 16, 19, 19, 0.81, 1.00),
    Family("wrong written number", "zh", False, 9, 9, 9, 0.70, 1.00),
    Family("free paraphrase", "en", True, 16, 46, 18, 0.23, 0.54),
    Family("free paraphrase", "zh", True, 9, 18, 10, 0.39, 0.72),
    Family("other order", "en", True, 12, 17, 3, 0.00, 0.38),
    Family("other order", "zh", True, 8, 9, 0, 0.00, 0.32),
    Family("reply", "en", True, 6, 12, 3, 0.00, 0.58),
    Family("reply", "zh", True, 1, 1, 0, 0.00, 0.79),
    Family("written number", "en", True, 16, 20, 3, 0.00, 0.35),
    Family("written number", "zh", True, 9, 9, 1, 0.00, 0.33),
)  # fmt: skip
