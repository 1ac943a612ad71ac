"""Parts of an evaluation set, under names that say so."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.assertions.columns import why_not_run
from llmopt_core.types import EvaluationSet, Example

# Ids that are named, and characters of each: the name of a set stands in pickers and titles.
_MOST_NAMES, _LONGEST = 3, 24


def choose_examples(evaluation_set: EvaluationSet, ids: Iterable[str], words: str = "") -> EvaluationSet:
    """The set itself where all its examples are chosen, else a set of the chosen ones under a name that says which.

    Args:
        evaluation_set: The whole set.
        ids: Of the chosen ones.
        words: How they were chosen, after their number, such as `at random`; their ids are named where it is empty.
    """
    distinct_ids = set(ids)
    examples = tuple(example for example in evaluation_set.examples if example.id in distinct_ids)
    if len(examples) == len(evaluation_set.examples):
        return evaluation_set
    return EvaluationSet(f"{evaluation_set.name}, {_words_of(examples, words)}", examples)


def first_examples(evaluation_set: EvaluationSet, count: int) -> EvaluationSet:
    """The first ones of a set."""
    examples = evaluation_set.examples[:count]
    return (
        evaluation_set
        if len(examples) == len(evaluation_set.examples)
        else EvaluationSet(f"{evaluation_set.name}, first {count}", examples)
    )


def random_examples(evaluation_set: EvaluationSet, count: int, seed: int) -> EvaluationSet:
    """Some of a set, drawn at random and kept in their order."""
    if count >= len(evaluation_set.examples):
        return evaluation_set
    # A generator of its own: the same seed draws the same examples, whatever else draws in this process.
    sample = random.Random(seed).sample(evaluation_set.examples, count)
    return choose_examples(evaluation_set, [example.id for example in sample], f"at random (seed {seed})")


def _words_of(examples: Sequence[Example], words: str) -> str:
    """`2 chosen (q1, q3)`, `20 chosen (q1, q3, q4 and 17 more)`, `20 at random`."""
    if words:
        return f"{len(examples)} {words}"
    ids = [example.id if len(example.id) <= _LONGEST else f"{example.id[:_LONGEST]}…" for example in examples]
    more = f" and {len(ids) - _MOST_NAMES} more" if len(ids) > _MOST_NAMES else ""
    return f"{len(ids)} chosen ({', '.join(ids[:_MOST_NAMES])}{more})"


def runnable_examples(evaluation_set: EvaluationSet) -> EvaluationSet:
    """The set without examples that could never pass, because a check of theirs is not supported.

    Raises:
        BadInput: None is left.
    """
    runnable_ids = [example.id for example in evaluation_set.examples if not why_not_run(example)]
    if evaluation_set.examples and not runnable_ids:
        reason = why_not_run(evaluation_set.examples[0]).removeprefix("Not run: ")
        raise BadInput(f"No question of {evaluation_set.name} can be asked: {reason}.")
    return choose_examples(evaluation_set, runnable_ids, "that can be asked")
