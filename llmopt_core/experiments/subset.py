"""Parts of an evaluation set, under names that say so."""

from __future__ import annotations

from collections.abc import Iterable

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.assertions.spec import why_not_run
from llmopt_core.types import EvaluationSet


def choose_examples(found: EvaluationSet, ids: Iterable[str]) -> EvaluationSet:
    """The set itself where all its examples are chosen, else a set of the chosen ones under a name that says so."""
    wanted = set(ids)
    examples = tuple(example for example in found.examples if example.id in wanted)
    if len(examples) == len(found.examples):
        return found
    return EvaluationSet(f"{found.name}, {len(examples)} chosen", examples)


def runnable_examples(found: EvaluationSet) -> EvaluationSet:
    """The set without examples that could never pass, because a check of theirs is not supported.

    Raises:
        BadInput: None is left.
    """
    asked = [example.id for example in found.examples if not why_not_run(example)]
    if found.examples and not asked:
        why = why_not_run(found.examples[0]).removeprefix("Not run: ")
        raise BadInput(f"No question of {found.name} can be asked: {why}.")
    return choose_examples(found, asked)
