"""How far the built-in judge agrees with people, as measured by `benchmarks/judge.py`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from llmopt_core.evaluation.judges.families import share_of
from llmopt_core.evaluation.metrics.catalogue import RAGAS_METRICS


@dataclass(frozen=True, slots=True)
class JudgeAgreement:
    """Agreement on one labelled data set.

    Attributes:
        metric: The metric that rests on this judgement.
        data: The data set.
        question: What people, or the data, say about each item.
        items: How many were judged.
        auc: Chance that a right item gets a higher score than a wrong one; 0.5 is guessing.
        low: Lower end of the 95 % interval of the AUC, with documents drawn anew.
        accuracy: Share of equal verdicts.
        kappa: Cohen's kappa: agreement beyond chance.
        is_artificial: Whether the wrong items were made from right ones by rule, which is easier than real mistakes.
        is_held_out: Whether the judge had not been fitted on these documents (cross-validation, or nothing to fit).
    """

    metric: str
    data: str
    question: str
    items: int
    auc: float
    low: float
    high: float
    accuracy: float
    kappa: float
    is_artificial: bool
    is_held_out: bool = True


# The judge whose figures stand here; those of context precision are of version 3. Another version must be measured
# before this and the table are changed.
JUDGE = "built-in judge v4"

SUMMARY = (
    "The built-in judge measures grounding, not correctness: whether the text says this, not whether it is true. "
    "A wrong short answer copied from the right paragraph passes about one time in three, small changes in a "
    "paraphrase are often missed, and it reads English best."
)

_REPLY, _SUMMARY = "is the reply supported by the source?", "is the edited summary consistent?"
_SENTENCES, _ANY = "sentences, changed ones among them", "short answers, wrong ones of any kind"
_ANSWERS = "does the sentence answer the question?"
_SAME = "short answers, wrong ones from the same paragraph"
_HOLDS = "does the paragraph hold the answer?"
_FITS = "short answer to this question or another"
# As printed by the benchmark and in docs/judge.md; a change of the one without the other would tell users two things.
AGREEMENT: tuple[JudgeAgreement, ...] = (
    JudgeAgreement("faithfulness", "BEGIN", _REPLY, 430, 0.965, 0.949, 0.981, 0.905, 0.806, False),
    JudgeAgreement("faithfulness", "SummEdits", _SUMMARY, 520, 0.766, 0.706, 0.833, 0.704, 0.413, False),
    JudgeAgreement("faithfulness", "XQuAD en", _SENTENCES, 781, 0.993, 0.989, 0.996, 0.935, 0.865, True),
    JudgeAgreement("faithfulness", "XQuAD zh", _SENTENCES, 444, 0.994, 0.986, 1.000, 0.797, 0.604, True),
    JudgeAgreement("faithfulness", "XQuAD en", _ANY, 548, 0.964, 0.945, 0.976, 0.898, 0.755, True),
    JudgeAgreement("faithfulness", "XQuAD zh", _ANY, 552, 0.951, 0.933, 0.967, 0.875, 0.701, True),
    JudgeAgreement("faithfulness", "XQuAD en", _SAME, 274, 0.903, 0.857, 0.934, 0.810, 0.620, True),
    JudgeAgreement("faithfulness", "XQuAD zh", _SAME, 276, 0.854, 0.803, 0.901, 0.754, 0.507, True),
    JudgeAgreement("context_precision", "SelQA", _ANSWERS, 9419, 0.921, 0.902, 0.939, 0.939, 0.619, False),
    JudgeAgreement("context_precision", "XQuAD en", _HOLDS, 600, 0.986, 0.977, 0.995, 0.947, 0.864, True, False),
    JudgeAgreement("context_precision", "XQuAD zh", _HOLDS, 600, 0.986, 0.978, 0.993, 0.948, 0.865, True, False),
    JudgeAgreement("answer_relevancy", "SelQA", _ANSWERS, 2000, 0.872, 0.846, 0.900, 0.803, 0.313, False),
    JudgeAgreement("answer_relevancy", "XQuAD en", _FITS, 274, 0.886, 0.835, 0.925, 0.821, 0.642, True),
    JudgeAgreement("answer_relevancy", "XQuAD zh", _FITS, 276, 0.644, 0.575, 0.698, 0.572, 0.145, True),
)  # fmt: skip


BLIND = (
    "By rules, each with its reason in the score's explanation, it catches opposites and negations, exchanged names "
    "and numbers, wrong amounts and units, and words added to a sentence. What it cannot see: "
    f"{share_of('free paraphrase'):.0%} of right statements in quite other words are rejected "
    f"({share_of('free paraphrase', 'zh'):.0%} in Chinese), and {1 - share_of('invention'):.0%} of plausible "
    f"inventions pass ({1 - share_of('invention', 'zh'):.0%} in Chinese). It does not reckon, knows nothing beyond the "
    "text, and misses roles that are exchanged across sentences and, in Chinese, a replaced name."
)


def in_one_sentence() -> str:
    """What stands beside the judge's scores: what it measures, how well, and what it cannot see."""
    people = [
        f"{row.metric.replace('_', ' ')} {row.auc:.2f} ({row.data})" for row in AGREEMENT if not row.is_artificial
    ]
    return (
        "The built-in judge measures grounding, not correctness; against human labels its AUC (how often it scores "
        "a right answer above a wrong one; 0.5 is guessing) is "
        f"{', '.join(people)}; the names in brackets are public sets of answers that people labelled. "
        "It cannot see what must be reckoned or known from elsewhere, rejects "
        f"{share_of('free paraphrase'):.0%} of free paraphrases, and lets {1 - share_of('invention'):.0%} of plausible "
        "inventions pass."
    )


IN_SHORT = "It measures grounding, not correctness, and cannot see what must be reckoned or known from elsewhere."


def judge_note(judge: str, metrics: Iterable[str]) -> str:
    """What must stand beside scores of the built-in judge; empty for another judge, or where it graded nothing.

    Args:
        judge: Who graded, as stored with the run.
        metrics: Their names.
    """
    # Only the Ragas metrics ask a judge; exact match and the like are the same whoever grades.
    if not judge.startswith("built-in judge") or not any(metric in RAGAS_METRICS for metric in metrics):
        return ""
    if judge == JUDGE:
        return in_one_sentence()
    return f"Graded by {judge}, another version than {JUDGE}: scores of the two are not comparable, so run it again."
