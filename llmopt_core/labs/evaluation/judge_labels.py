"""A judge against people: how far it agrees with their labels, and what the labels make of its pass rates."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from llmopt_core.labs.evaluation.judge_order import PeopleLabels, group_stratum, row_clusters
from llmopt_core.labs.evaluation.judge_rows import SAME, JudgedAnswer, LabelRow, rows_by_group
from llmopt_core.runs.store_judge_labels import JudgeLabel
from llmopt_core.statistics.agreement import Agreement, agreement
from llmopt_core.statistics.corrected_rates import DIFFERENCES, CorrectedMean, Stratum, corrected_mean
from llmopt_core.types.grouping import group_values

LEAST_YOUDEN = 0.2
"""TPR + TNR - 1 below which nothing is corrected: its square is about the share of what people say that the verdicts
tell (4 % here), so that labels of such a judge's groups are no better than labels drawn without it."""
LEAST_LABELS = 10
"""So many answers that people pass, and as many that they fail, before a judge is refused: of fewer, TPR and TNR swing
by a third from one label to the next, and a good judge would be refused by chance."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A labelled answer that the judge grades otherwise than people."""

    row: LabelRow
    side: int
    answer: JudgedAnswer
    is_passed: bool

    @property
    def size(self) -> float:
        """How far the grade is from the label, 0 to 1."""
        return abs(self.answer.score - float(self.is_passed))


@dataclass(frozen=True, slots=True)
class CorrectedRate:
    """A pass rate, or a difference of two: by the judge on all rows, and as people would have it.

    Attributes:
        corrected: None where nothing is labelled, or where the judge is too bad.
    """

    judge: float
    corrected: CorrectedMean | None


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """How a judge stands against people.

    Attributes:
        agreement: Over the labelled answers, each weighted by how many it stands for.
        counts: By label of people and verdict of the judge, how many answers; unweighted.
        rates: One per configuration, in their order.
        difference: Second less first; None for a single configuration.
        refusal: Why nothing is corrected; empty where it is.
        disagreements: Worst first.
    """

    agreement: Agreement
    counts: Mapping[tuple[bool, bool], int]
    rates: tuple[CorrectedRate, ...]
    difference: CorrectedRate | None
    refusal: str
    disagreements: tuple[Disagreement, ...]

    @property
    def answers(self) -> int:
        """How many answers have a label."""
        return sum(self.counts.values())


def people_labels(labels: Iterable[JudgeLabel]) -> dict[str, bool]:
    """Subject -> what most people say of it; without those on which as many say yes as no."""
    votes = group_values((one.subject, one.choice == "pass") for one in labels if one.choice != "unsure")
    tallies = {subject: 2 * sum(choices) - len(choices) for subject, choices in votes.items()}
    return {subject: tally > 0 for subject, tally in tallies.items() if tally}


def people_agreement(labels: Iterable[JudgeLabel]) -> tuple[int, int]:
    """Of the answers that several people labelled, on how many all say the same, and how many there are."""
    votes = group_values((one.subject, one.choice) for one in labels if one.choice != "unsure")
    shared = [set(choices) for choices in votes.values() if len(choices) > 1]
    return sum(len(choices) == 1 for choices in shared), len(shared)


def judge_report(rows: Sequence[LabelRow], people: PeopleLabels, threshold: float) -> JudgeReport:
    """How the judge agrees with people on these rows, and what their labels make of its numbers.

    Args:
        rows: As `label_rows` gives them; at least one.
        people: What people say, see `people_labels`.
        threshold: That of the rows.
    """
    sides = range(len(rows[0].answers))
    answers, weights = _labelled_answers(rows, people)
    labels = [people[subject] for subject in answers]
    scores = [one.answer.score for one in answers.values()]
    result = agreement(labels, scores, threshold, [weights[subject] for subject in answers])
    refusal = refusal_reason(result, labels.count(True), labels.count(False))
    disagreements = [one for one in answers.values() if one.is_passed != (one.answer.score >= threshold)]
    return JudgeReport(
        result,
        Counter((label, score >= threshold) for label, score in zip(labels, scores, strict=True)),
        tuple(_rate(rows, people, side, refusal) for side in sides),
        corrected_difference(rows, people, refusal) if len(sides) > 1 else None,
        refusal,
        tuple(sorted(disagreements, key=lambda one: -one.size)),
    )


def refusal_reason(result: Agreement, passes: int, fails: int) -> str:
    """Why nothing can be corrected by this judge; empty where it can, or where too little is known to tell.

    Args:
        result: Its agreement with people.
        passes: How many of the labelled answers people pass.
        fails: How many they fail.
    """
    tpr, tnr = result.recall, result.specificity
    if tpr is None or tnr is None or min(passes, fails) < LEAST_LABELS:
        return ""
    # One standard error more is allowed for: a fair judge (TPR + TNR of 1.4) with 20 labels of each kind would else be
    # refused by chance every eighth time.
    error = math.sqrt(tpr * (1 - tpr) / passes + tnr * (1 - tnr) / fails)
    if tpr + tnr - 1 + error >= LEAST_YOUDEN:
        return ""
    return (
        f"TPR + TNR is {tpr + tnr:.2f}, where 1 is chance. Below {1 + LEAST_YOUDEN:.1f} the judge's verdicts tell less "
        "than 4 % of what people say, so nothing is corrected by them: mend the judge, take another, or count people's "
        "labels alone."
    )


def _labelled_answers(
    rows: Sequence[LabelRow], people: PeopleLabels
) -> tuple[dict[str, Disagreement], dict[str, float]]:
    """Each labelled answer once, and how many answers it stands for."""
    answers: dict[str, Disagreement] = {}
    weights: Counter[str] = Counter()
    for group in rows_by_group(rows).values():
        for side in range(len(rows[0].answers)):
            pairs = [(row, row.answers[side]) for row in group if row.answers[side].subject in people]
            for row, answer in pairs:
                answers.setdefault(answer.subject, Disagreement(row, side, answer, people[answer.subject]))
                # Flips are labelled more often than the rest; without weights they would decide for all.
                weights[answer.subject] += len(group) / len(pairs)  # type: ignore[assignment]
    return answers, dict(weights)


def _rate(rows: Sequence[LabelRow], people: PeopleLabels, side: int, refusal: str) -> CorrectedRate:
    judge = sum(row.verdicts[side] for row in rows) / len(rows)
    strata = []
    for group in rows_by_group(rows).values():
        subjects = [row.answers[side].subject for row in group]
        labels = tuple(float(people[subject]) for subject in subjects if subject in people)
        clusters = row_clusters(group, people, side)
        strata.append(Stratum(len(group), labels, float(group[0].verdicts[side]), clusters=clusters))
    return CorrectedRate(judge, None if refusal or not _has_labels(strata) else corrected_mean(strata))


def corrected_difference(rows: Sequence[LabelRow], people: PeopleLabels, refusal: str = "") -> CorrectedRate:
    """Pass rate of the second configuration less that of the first; nothing is corrected where there is a refusal."""
    judge = sum(float(row.verdicts[1]) - float(row.verdicts[0]) for row in rows) / len(rows)
    strata = [
        Stratum(len(group), (), 0.0, is_known=True, clusters=row_clusters(group, people))
        if name in SAME
        else group_stratum(name, group, people)
        for name, group in rows_by_group(rows).items()
    ]
    return CorrectedRate(judge, None if refusal or not _has_labels(strata) else corrected_mean(strata, DIFFERENCES))


def _has_labels(strata: Sequence[Stratum]) -> bool:
    return any(stratum.labels for stratum in strata)
