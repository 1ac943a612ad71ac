"""How far the built-in judge agrees with people, as measured by `benchmarks/judge.py`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """Agreement on one labelled data set.

    Attributes:
        metric: The metric that rests on this judgement.
        data: The data set.
        question: What people, or the data, say about each item.
        items: How many were judged.
        auc: Chance that a right item gets a higher score than a wrong one; 0.5 is guessing.
        accuracy: Share of equal verdicts.
        kappa: Cohen's kappa: agreement beyond chance.
        made: Whether the wrong items were made from right ones by rule, which is easier than real mistakes.
        held_out: Whether the judge had not been fitted on these documents (cross-validation, or nothing to fit).
    """

    metric: str
    data: str
    question: str
    items: int
    auc: float
    accuracy: float
    kappa: float
    made: bool
    held_out: bool = True


JUDGE = "built-in judge v2"

SUMMARY = (
    "The built-in judge measures grounding, not correctness: whether the text says this, not whether it is true. "
    "A wrong short answer copied from the right paragraph passes about one time in three, small changes in a "
    "paraphrase are often missed, and it reads English best."
)

_SAME = "short answers, wrong ones from the same paragraph"
_HOLDS = "does the paragraph hold the answer?"
_FITS = "short answer to this question or another"
AGREEMENT: tuple[Measured, ...] = (
    Measured("faithfulness", "BEGIN", "is the reply supported by the source?", 430, 0.961, 0.863, 0.725, False),
    Measured("faithfulness", "SummEdits", "is the edited summary consistent?", 520, 0.756, 0.735, 0.464, False),
    Measured("faithfulness", "XQuAD en", "sentences, changed ones among them", 781, 0.995, 0.880, 0.760, True),
    Measured("faithfulness", "XQuAD zh", "sentences, changed ones among them", 444, 0.998, 0.788, 0.589, True),
    Measured("faithfulness", "XQuAD en", "short answers, wrong ones of any kind", 548, 0.965, 0.900, 0.758, True),
    Measured("faithfulness", "XQuAD zh", "short answers, wrong ones of any kind", 552, 0.951, 0.875, 0.701, True),
    Measured("faithfulness", "XQuAD en", _SAME, 274, 0.900, 0.807, 0.613, True),
    Measured("faithfulness", "XQuAD zh", _SAME, 276, 0.854, 0.750, 0.500, True),
    Measured("context_precision", "SelQA", "does the sentence answer the question?", 9419, 0.920, 0.938, 0.611, False),
    Measured("context_precision", "XQuAD en", _HOLDS, 600, 0.987, 0.950, 0.872, True, False),
    Measured("context_precision", "XQuAD zh", _HOLDS, 600, 0.984, 0.952, 0.873, True, False),
    Measured("answer_relevancy", "SelQA", "does the sentence answer the question?", 2000, 0.872, 0.803, 0.313, False),
    Measured("answer_relevancy", "XQuAD en", _FITS, 274, 0.881, 0.818, 0.635, True),
    Measured("answer_relevancy", "XQuAD zh", _FITS, 276, 0.644, 0.572, 0.145, True),
)  # fmt: skip


def in_one_sentence() -> str:
    """What stands beside the judge's scores: what it measures, and its agreement with labels that people made."""
    people = [f"{row.metric.replace('_', ' ')} {row.auc:.2f} ({row.data})" for row in AGREEMENT if not row.made]
    return (
        "The built-in judge measures grounding, not correctness; against human labels its AUC (0.5 is guessing) is "
        f"{', '.join(people)}."
    )
