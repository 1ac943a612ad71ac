"""From what was collected to what is trained on: cleaned, balanced, small, split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import Field

from llmopt_core.finetuning.data.examples import TrainingExample, TrainingSet
from llmopt_core.finetuning.data.leakage import find_leaks
from llmopt_core.finetuning.data.question_overlap import find_question_overlap, user_texts
from llmopt_core.finetuning.data.selection import (
    Encode,
    Selection,
    balance_classes,
    down_sample,
    remove_conflicts,
    remove_duplicates,
)
from llmopt_core.finetuning.data.split import split_set
from llmopt_core.types import EvaluationSet, Spec

DROP_REASONS = {
    "duplicate": "Repeated",
    "near_duplicate": "Nearly repeated",
    "leaking": "In an evaluation set",
    "conflicting_answer": "Contradicted by another",
    "low_score": "Low score",
    "over_represented": "Class too large",
    "less_diverse": "Like those kept",
}
"""Reasons for leaving an example out, in words."""


class Preparation(Spec):
    """How a collection becomes a training set.

    Attributes:
        duplicates: Leave out what is there already, nearly equal examples included.
        leaking: Leave out what also stands in an evaluation set.
        conflicts: Leave out inputs that have several answers.
        balance: Cut large classes down to the smallest.
        most: Keep at most this many, the most different ones; None keeps all.
        min_score: Lowest score that stays; examples without a score stay.
        validation_share: Part cut off to watch for overfitting; 0 cuts off nothing.
        seed: Decides what chance decides.
    """

    duplicates: bool = True
    leaking: bool = True
    conflicts: bool = True
    balance: bool = False
    most: int | None = Field(default=None, ge=2)
    min_score: float | None = None
    validation_share: float = Field(default=0.1, ge=0.0, le=0.5)
    seed: int = 0


@dataclass(frozen=True)
class PreparedData:
    """Both parts, and how many were left out for which reason (see `DROP_REASONS`)."""

    train: tuple[TrainingExample, ...]
    validation: tuple[TrainingExample, ...]
    drops: dict[str, int] = field(default_factory=dict)


def prepare(
    examples: Sequence[TrainingExample],
    how: Preparation,
    evaluation_sets: Sequence[EvaluationSet] = (),
    encode: Encode | None = None,
) -> PreparedData:
    """Clean, choose and split.

    Args:
        examples: What was collected.
        how: What to do.
        evaluation_sets: Those that must not be trained on.
        encode: Texts -> unit vectors; needed where `how.most` cuts the set down.

    Raises:
        BadInput: All examples belong to one group, so that nothing can be held back.
    """
    survivors, drop_counts = tuple(examples), dict[str, int]()

    def note(selection: Selection) -> tuple[TrainingExample, ...]:
        drop_counts.update({key: drop_counts.get(key, 0) + count for key, count in selection.drops.items()})
        return selection.examples

    # First: what may not stay neither stands for its better repetition, nor contradicts, nor counts in its class.
    if how.min_score is not None:
        survivors = note(_without_low(survivors, how.min_score))
    # From the cheapest check to the dearest: what an earlier one takes out need not be embedded.
    if how.duplicates:
        survivors = note(remove_duplicates(survivors))
    # Before classes are balanced, which counts what will really be trained on.
    if how.leaking:
        survivors = note(_without_leaks(survivors, evaluation_sets))
    if how.conflicts:
        survivors = note(remove_conflicts(survivors))
    if how.balance:
        survivors = note(balance_classes(survivors, seed=how.seed))
    # Vectors only where something is to be chosen; the most different ones are kept.
    if how.most is not None and len(survivors) > how.most and encode is not None:
        survivors = note(down_sample(survivors, how.most, encode, seed=how.seed))
    # One example cannot be parted.
    if not how.validation_share or len(survivors) < 2:
        return PreparedData(survivors, (), drop_counts)
    # Split last: what was cleaned away before cannot stand on both sides.
    parts = split_set(TrainingSet("collection", survivors), how.validation_share, seed=how.seed)
    return PreparedData(parts.train.examples, parts.validation.examples, drop_counts)


def _without_leaks(examples: Sequence[TrainingExample], sets: Sequence[EvaluationSet]) -> Selection:
    # A document in common is only a hint: other questions about it may well be trained on.
    leaks = {leak.number for leak in find_leaks(examples, sets) if leak.kind != "leakage_document"}
    survivors = _remove_overlap([e for i, e in enumerate(examples) if i not in leaks], sets)
    drop_count = len(examples) - len(survivors)
    return Selection(survivors, {"leaking": drop_count} if drop_count else {})


def _remove_overlap(examples: Sequence[TrainingExample], sets: Sequence[EvaluationSet]) -> tuple[TrainingExample, ...]:
    """The examples that repeat no question, by the rule that a run of what is tuned on them will be judged by."""
    questions = [example.question for item in sets for example in item.examples]
    overlap = [questions[number] for number in find_question_overlap(questions, user_texts(examples))]
    # Questions that are repeated at all are few: each example is compared with those alone.
    return tuple(e for e in examples if not overlap or not find_question_overlap(overlap, user_texts([e])))


def _without_low(examples: Sequence[TrainingExample], least: float) -> Selection:
    # No score is no bad one: uploaded examples have none.
    survivors = tuple(e for e in examples if e.score is None or e.score >= least)
    drop_count = len(examples) - len(survivors)
    return Selection(survivors, {"low_score": drop_count} if drop_count else {})
