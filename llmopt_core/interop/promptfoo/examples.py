"""A test case of promptfoo as an example: which variable is the question, and what the answer should be."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from llmopt_core.evaluation.assertions.check import AssertionSpec
from llmopt_core.evaluation.assertions.columns import EXAMPLE_COLUMN, THRESHOLD_COLUMN
from llmopt_core.interop.promptfoo import FoundTest
from llmopt_core.types import Example

# By what people call them, the likeliest first; only what stands for the test in tables.
_QUESTIONS = ("question", "query", "input", "prompt", "message", "customer_message", "user_input", "text")
# Context recall is measured against the reference, so its text goes before the others.
_REFERENCES = ("context-recall", "equals", "factuality", "model-graded-factuality")
RESERVED_NAMES = (EXAMPLE_COLUMN, THRESHOLD_COLUMN)


def read_example(name: str, test: FoundTest, assertions: Sequence[AssertionSpec]) -> Example:
    """A test case as an example; what is neither question nor reference becomes its variables."""
    # Names under which assertions are stored; a test that uses them is not run, as told above.
    variables: dict[str, Any] = {key: value for key, value in test.variables.items() if key not in RESERVED_NAMES}
    question = _question(variables) or name
    if assertions:
        variables[EXAMPLE_COLUMN] = [
            assertion.model_dump(mode="json", exclude_defaults=True) for assertion in assertions
        ]
    if test.threshold is not None:
        variables[THRESHOLD_COLUMN] = test.threshold
    category = next((v for key, v in test.metadata.items() if isinstance(v, str) and v), None)
    return Example(name, question, _reference(test), category=category, variables=variables)


def _question(variables: Mapping[str, Any]) -> str:
    """The text that stands for the test in tables: the variable that looks like a question, else the first text."""
    texts = {key: value for key, value in variables.items() if isinstance(value, str) and value.strip()}
    question = next((texts[key] for key in _QUESTIONS if key in texts), None)
    # Other values than texts as JSON, so that tests can be told apart.
    return question or next(iter(texts.values()), "") or (json.dumps(dict(variables)) if variables else "")


def _reference(test: FoundTest) -> str | None:
    """The text the answer is expected to equal or agree with, where the test has one that is no template.

    Else its variable `reference`, under which an export writes it.
    """
    # Reversed, so that of two assertions of a kind the first one is kept.
    values = {a.get("type"): a.get("value") for a in reversed(test.assertions)}
    texts = [values[kind] for kind in _REFERENCES if isinstance(values.get(kind), str)]
    reference = test.variables.get("reference")
    texts += [reference] if isinstance(reference, str) else []
    return next((text for text in texts if "{{" not in text and text.strip()), None)
