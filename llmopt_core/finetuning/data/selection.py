"""Fewer, better examples: without repetitions, balanced, diverse."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from llmopt_core.finetuning.data.examples import TrainingExample
from llmopt_core.finetuning.data.similarity import NearDuplicates
from llmopt_core.models.base import Vectors
from llmopt_core.types.grouping import group_values

Encode = Callable[[Sequence[str]], Vectors]


@dataclass(frozen=True)
class Selection:
    """What was kept, and how many were dropped for which reason."""

    examples: tuple[TrainingExample, ...]
    drops: dict[str, int] = field(default_factory=dict)


def remove_duplicates(examples: Sequence[TrainingExample]) -> Selection:
    """Keep the first of examples that are equal or nearly equal in question and answer; linear in their number."""
    near_duplicates = NearDuplicates()
    known_keys: set[str] = set()
    survivors: list[TrainingExample] = []
    removal_counts: Counter[str] = Counter()
    # The whole example is compared first, which is exact; near ones take a search.
    for number, example in enumerate(examples):
        if example.key in known_keys:
            removal_counts["duplicate"] += 1
        elif near_duplicates.add(example, number) is not None:
            removal_counts["near_duplicate"] += 1
        else:
            known_keys.add(example.key)
            survivors.append(example)
    return Selection(tuple(survivors), dict(removal_counts))


def remove_conflicts(examples: Sequence[TrainingExample]) -> Selection:
    """Drop every example whose input also stands with another answer; nobody knows which is right."""
    # By input and answer: exact repetitions of one pair are no conflict.
    answers: dict[str, set[str]] = defaultdict(set)
    for example in examples:
        answers[example.input_key].add(example.answer)
    survivors = tuple(e for e in examples if len(answers[e.input_key]) == 1)
    return Selection(
        survivors, {"conflicting_answer": len(examples) - len(survivors)} if len(survivors) < len(examples) else {}
    )


def balance_classes(
    examples: Sequence[TrainingExample], *, most_per_class: int | None = None, seed: int = 0
) -> Selection:
    """Cut large classes down, at random but repeatable; the order stays.

    Args:
        examples: Examples with labels; those without one are a class of their own.
        most_per_class: By default the size of the smallest class.
        seed: Decides which are kept.
    """
    classes = group_values((example.label, number) for number, example in enumerate(examples))
    if not classes:
        return Selection(())
    limit = most_per_class or min(map(len, classes.values()))
    rng = random.Random(seed)
    positions: set[int] = set()
    # Sorted, so that the order of the file does not decide what the seed draws.
    for label in sorted(classes):
        positions.update(rng.sample(classes[label], min(limit, len(classes[label]))))
    surplus = len(examples) - len(positions)
    return Selection(tuple(examples[i] for i in sorted(positions)), {"over_represented": surplus} if surplus else {})


def down_sample(
    examples: Sequence[TrainingExample], size: int, encode: Encode, *, min_score: float | None = None, seed: int = 0
) -> Selection:
    """A small, diverse, high-quality set.

    Examples scored below `min_score` go first. Of the rest, each class gets an equal share, filled by farthest-point
    selection over the embeddings of the questions (Gonzalez 1985), higher scores first where distances are equal.

    Args:
        examples: Examples, with scores and labels where known.
        size: Most examples to keep.
        encode: Texts -> unit vectors.
        min_score: Lowest score that stays; examples without a score stay.
        seed: Decides ties.
    """
    # Without a score nobody knows that an example is bad.
    good_examples = [e for e in examples if min_score is None or e.score is None or e.score >= min_score]
    removal_counts = {"low_score": len(examples) - len(good_examples)} if len(good_examples) < len(examples) else {}
    if len(good_examples) <= size:
        return Selection(tuple(good_examples), removal_counts)
    vectors = encode([e.question for e in good_examples])
    positions: list[int] = []
    for members, share in _shares(good_examples, size):
        positions += [
            members[i]
            for i in _farthest(vectors[members], [good_examples[m].score or 0.0 for m in members], share, seed)
        ]
    return Selection(
        tuple(good_examples[i] for i in sorted(positions)),
        removal_counts | {"less_diverse": len(good_examples) - len(positions)},
    )


def _shares(examples: Sequence[TrainingExample], size: int) -> list[tuple[list[int], int]]:
    """Per class its members and how many of them to keep; small classes leave their unused share to the others."""
    classes = group_values((example.label, number) for number, example in enumerate(examples))
    remainder, shares = size, []
    # Small classes first: what they cannot fill is shared among the larger ones that follow.
    classes_by_size = sorted(classes.values(), key=len)
    for position, members in enumerate(classes_by_size):
        share = min(len(members), remainder // (len(classes_by_size) - position))
        remainder -= share
        shares.append((members, share))
    return shares


def _farthest(vectors: Vectors, scores: Sequence[float], count: int, seed: int) -> list[int]:
    """Positions of `count` vectors, each the farthest from those taken before."""
    if count <= 0:
        return []
    # A score moves a tie, never the order of clearly different distances.
    bonus = 1e-4 * np.asarray(scores, np.float64) + 1e-6 * np.random.default_rng(seed).random(len(vectors))
    # Begin at the most typical question, not at an outlier, which farthest points would take anyway.
    first = int(np.argmax(vectors @ vectors.mean(axis=0) + bonus))
    positions = [first]
    distance = 1.0 - vectors @ vectors[first]
    while len(positions) < count:
        # What is chosen has a distance of 0 and could be taken again where many texts are equal.
        distance[positions] = -np.inf
        positions.append(int(np.argmax(distance + bonus)))
        # The distance to the nearest one chosen; only the newest can have made it smaller.
        distance = np.minimum(distance, 1.0 - vectors @ vectors[positions[-1]])
    return positions
