"""Train and validation parts that share no group."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from llmopt_core.errors import BadInput
from llmopt_core.finetuning.data.examples import TrainingExample, TrainingSet
from llmopt_core.finetuning.data.similarity import NearDuplicates
from llmopt_core.types.grouping import group_values


@dataclass(frozen=True)
class Split:
    """Two training sets from one."""

    train: TrainingSet
    validation: TrainingSet


def split_set(training: TrainingSet, validation_share: float = 0.1, *, seed: int = 0, spread: bool = False) -> Split:
    """Cut a training set in two, group by group, keeping the share of every class about equal.

    Examples belong together when they have the same `group` or the same input, or are near-duplicates.

    Args:
        training: What is cut.
        validation_share: About this share of the examples is cut off.
        seed: Decides which groups.
        spread: Take groups that would be more than half of the part only where no others are left, so that the part
            speaks of many groups.

    Raises:
        BadInput: The share is not between 0 and 1, or all examples belong together so that one part would be empty.
    """
    if not 0.0 < validation_share < 1.0:
        raise BadInput(f"The validation share must be between 0 and 1, not {validation_share}.")
    groups = _groups(training.examples)
    if len(groups) < 2:
        raise BadInput(
            f"{training.name}: its {len(training.examples)} examples belong to one group, so no validation part can be "
            "cut off; add other examples or give them different groups."
        )
    # Half of the part, so that at least two groups speak in it.
    group_limit = validation_share * len(training.examples) / 2 if spread else float(len(training.examples))
    positions = _choose(training.examples, _shuffle(groups, group_limit, random.Random(seed)), validation_share)
    train = tuple(e for i, e in enumerate(training.examples) if i not in positions)
    validation = tuple(e for i, e in enumerate(training.examples) if i in positions)
    return Split(TrainingSet(f"{training.name}-train", train), TrainingSet(f"{training.name}-validation", validation))


def _groups(examples: Sequence[TrainingExample]) -> list[list[int]]:
    """Positions that belong together."""
    parent = list(range(len(examples)))

    def root(at: int) -> int:
        while parent[at] != at:
            # Path halving: each look shortens the way for the next, so that long chains do not take quadratic time.
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    first: dict[tuple[str, str], int] = {}
    near_duplicates = NearDuplicates()
    for number, example in enumerate(examples):
        # Examples without a group are groups of their own; one shared empty group would hold all of them together.
        keys = [("input", example.input_key)] + ([("group", example.group)] if example.group else [])
        near_number = near_duplicates.add(example, number)
        # Near ones are joined to the first of them, equal keys to their first holder; without a match an example is
        # joined to itself.
        for other in [*(first.setdefault(key, number) for key in keys), number if near_number is None else near_number]:
            parent[root(number)] = root(other)
    return list(group_values((root(number), number) for number in range(len(examples))).values())


def _shuffle(groups: list[list[int]], most: float, rng: random.Random) -> list[list[int]]:
    """In random order, but those with more than `most` examples after all others."""
    # `sorted` is stable, so each of the two parts keeps its random order.
    return sorted(rng.sample(groups, len(groups)), key=lambda group: len(group) > most)


def _choose(examples: Sequence[TrainingExample], groups: list[list[int]], share: float) -> set[int]:
    """Positions for validation: whole groups, each class up to its quota, at least one group and not all of them."""
    sizes = Counter(example.label for example in examples)
    # How many of each class may still be taken.
    room = {label: share * count for label, count in sizes.items()}
    total = max(1.0, share * len(examples))
    positions: set[int] = set()
    # The last is never taken, so that something is left to train on.
    for group in groups[:-1]:
        labels = Counter(examples[i].label for i in group)
        # A group may overshoot a quota by half of itself, as rounding would; else classes of few examples were never
        # held out.
        is_fitting = all(room[label] >= count * 0.5 for label, count in labels.items())
        if is_fitting and len(positions) + len(group) <= total + 0.5:
            positions.update(group)
            room = {label: quota - labels[label] for label, quota in room.items()}
    # Quotas that no group fits: the smallest one costs the training least.
    return positions or set(sorted(groups, key=len)[0])
