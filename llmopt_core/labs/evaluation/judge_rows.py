"""What people are asked to label: the judged answers of one or two configurations, question by question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from llmopt_core.evaluation.metrics.catalogue import METRICS
from llmopt_core.experiments.document_clusters import clusters_of
from llmopt_core.labs.evaluation.record_facts import RecordFacts
from llmopt_core.types import fingerprint
from llmopt_core.types.grouping import group_values

THRESHOLD = 0.5
"""A judge's grade from which on an answer passes; promptfoo, DeepEval and our assertions divide there as well."""

Group = Literal["only second", "only first", "both pass", "both fail", "same pass", "same fail", "pass", "fail"]
FLIPS: tuple[Group, ...] = ("only second", "only first")
"""Rows on which the judge's verdicts of the two configurations differ."""
SAME: tuple[Group, ...] = ("same pass", "same fail")
"""Rows on which both configurations gave the same answer: their difference is 0 whatever people say of it."""
# Raise it when other things come to be shown to whoever labels: labels of before no longer belong to what is judged.
_SUBJECT = "label-1"


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """One answer with the judge's grade.

    Attributes:
        subject: Hash of what is judged: the question with its right answers, the answer, the criterion, and the chunks
            where the criterion is about them. The same in a later run; another as soon as one of them changes.
    """

    subject: str
    text: str
    contexts: tuple[str, ...]
    score: float


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One question with its one or two judged answers.

    Attributes:
        answers: In the order of the configurations.
        verdicts: The judge's: whether each passes.
        cluster: What it shares with the questions about the same documents; empty where no two share one.
    """

    example_id: str
    question: str
    right_answers: tuple[str, ...]
    category: str
    answers: tuple[JudgedAnswer, ...]
    verdicts: tuple[bool, ...]
    cluster: str = ""

    @property
    def subjects(self) -> tuple[str, ...]:
        """What is to be labelled, each thing once."""
        return tuple(dict.fromkeys(answer.subject for answer in self.answers))

    @property
    def group(self) -> Group:
        """The rows that it stands for when it is labelled."""
        if len(self.answers) == 1:
            return "pass" if self.verdicts[0] else "fail"
        first, second = self.verdicts
        if first != second:
            return "only first" if first else "only second"
        if len(self.subjects) == 1:
            return "same pass" if first else "same fail"
        return "both pass" if first else "both fail"


def judged_answer(facts: RecordFacts, criterion: str) -> JudgedAnswer | None:
    """The answer of a record with its grade by a criterion; None where it has no answer, or no grade."""
    score = facts.scores.get(criterion)
    if facts.answer is None or score is None:
        return None
    # What was retrieved is judged as well by such a metric; for the others the same answer is the same thing,
    # whatever it was made from.
    metric = METRICS.get(criterion)
    has_contexts = metric is not None and bool({"contexts", "retrieval"} & set(metric.needs))
    contexts = tuple(chunk.text for chunk in facts.contexts or ()) if has_contexts else ()
    subject = fingerprint(_SUBJECT, criterion, facts.question, facts.right_answers, facts.answer, contexts)
    return JudgedAnswer(subject, facts.answer, contexts, score)


def label_rows(sides: Sequence[Sequence[RecordFacts]], criterion: str, threshold: float = THRESHOLD) -> list[LabelRow]:
    """The questions that every configuration has a graded answer to, in an order that is random and always the same.

    Labels are drawn along this order, so that those of a group stand for all of it.

    Args:
        sides: The records of one or two configurations, over the same questions.
        criterion: The judged metric.
        threshold: The grade from which on an answer passes.
    """
    first, *others = ({facts.example_id: facts for facts in side} for side in sides)
    # By all questions: one that nobody answered may connect two documents all the same.
    clusters = clusters_of({name: {source.document for source in facts.sources} for name, facts in first.items()})
    rows = []
    for example_id, facts in first.items():
        records = [facts, *(side[example_id] for side in others if example_id in side)]
        answers = [answer for one in records if (answer := judged_answer(one, criterion)) is not None]
        # An edited question is another one, though it kept its id.
        if len(answers) == len(sides) and len({(one.question, one.right_answers) for one in records}) == 1:
            verdicts = tuple(answer.score >= threshold for answer in answers)
            rows.append(
                LabelRow(
                    example_id, facts.question, facts.right_answers, facts.category or "", tuple(answers), verdicts,
                    clusters.get(example_id, ""),
                )
            )  # fmt: skip
    # Not by the answers: the order must be the same for both configurations, whatever they said.
    return sorted(rows, key=lambda row: fingerprint(_SUBJECT, row.question, row.example_id))


def rows_by_group(rows: Sequence[LabelRow]) -> Mapping[Group, list[LabelRow]]:
    """The rows of each group, in their order."""
    return group_values((row.group, row) for row in rows)
