"""Questions of a set one by one: add one, change one, take one out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llmopt_core.documents.question_columns import RIGHT_ANSWERS
from llmopt_core.errors import BadInput
from llmopt_core.text.valid_text import fault_of
from llmopt_core.types import EvaluationSet, Example


def with_question(
    questions: EvaluationSet, example_id: str, question: str, answers: Sequence[str] = (), category: str = ""
) -> tuple[EvaluationSet, str]:
    """The set with a question added or changed, and the question's id.

    Args:
        questions: The set as it is.
        example_id: Which question is changed; empty adds one.
        question: What is asked.
        answers: All right answers; the first is the reference.
        category: Its group; empty for none.

    Raises:
        BadInput: Nothing is asked, a text cannot be stored, or there is no such question.
    """
    if not question.strip():
        raise BadInput("Write a question first.")
    # Each answer once: the number of right answers decides whether several are stored.
    right = list(dict.fromkeys(answer.strip() for answer in answers if answer.strip()))
    for text in (question, category, *right):
        if fault := fault_of(text):
            # Forty characters are enough to find it; a pasted page would fill the message.
            raise BadInput(f"{text[:40]!r} cannot be used: {fault}.")
    by_id = {example.id: example for example in questions.examples}
    if example_id and example_id not in by_id:
        raise BadInput(f"{questions.name} has no question {example_id}.")
    new_id = example_id or _free_id(by_id)
    before = by_id.get(example_id) or Example(new_id, "")
    # The other variables stay: a prompt of the user's may ask for them.
    others = {name: value for name, value in before.variables.items() if name != RIGHT_ANSWERS}
    several = {RIGHT_ANSWERS: right} if len(right) > 1 else {}
    new_example = replace(
        before,
        question=question.strip(),
        reference=right[0] if right else None,
        category=category.strip() or None,
        variables={**others, **several},
    )
    examples = [new_example if example.id == new_id else example for example in questions.examples]
    examples += [] if example_id else [new_example]
    # The set takes a new version by its content; nothing is changed in place.
    return EvaluationSet(questions.name, tuple(examples)), new_id


def without_question(questions: EvaluationSet, example_id: str) -> EvaluationSet:
    """The set without one question.

    Raises:
        BadInput: There is no such question, or it is the only one.
    """
    examples = tuple(example for example in questions.examples if example.id != example_id)
    if len(examples) == len(questions.examples):
        raise BadInput(f"{questions.name} has no question {example_id}.")
    # A set of none could not be asked, and pickers would offer it.
    if not examples:
        raise BadInput("This is the only question; delete the evaluation set to be rid of it.")
    return EvaluationSet(questions.name, examples)


def _free_id(examples: dict[str, Example]) -> str:
    # Most sets are numbered from 1 on, so the next free number is near.
    number = len(examples) + 1
    # Files without ids count from 1, others from q1.
    while f"q{number}" in examples or str(number) in examples:
        number += 1
    return f"q{number}"
