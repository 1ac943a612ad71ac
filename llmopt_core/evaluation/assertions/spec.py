"""What an assertion is: one condition that an answer meets or fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.metrics.catalogue import METRICS
from llmopt_core.prompts.patterns import compile_pattern
from llmopt_core.prompts.sandbox import MISSING_IS_EMPTY
from llmopt_core.text.words import shorten
from llmopt_core.types import Spec

AssertionType = Literal[
    "contains",
    "not-contains",
    "contains-any",
    "contains-all",
    "equals",
    "starts-with",
    "regex",
    "is-json",
    "json-schema",
    "similar",
    "llm-rubric",
    "latency",
    "cost",
    "length",
    "metric",
    "unsupported",
]

ASSERTION_EXPLANATIONS: Mapping[AssertionType, str] = {
    "contains": "The answer holds this text.",
    "not-contains": "The answer does not hold this text.",
    "contains-any": "The answer holds at least one of these texts.",
    "contains-all": "The answer holds all of these texts.",
    "equals": "The answer is this text, or this JSON value; white space around it does not count.",
    "starts-with": "The answer begins with this text.",
    "regex": "The regular expression matches somewhere in the answer.",
    "is-json": "The whole answer is valid JSON.",
    "json-schema": "The whole answer is JSON that fits this schema.",
    "similar": "The cosine similarity to this text (or to the reference answer) is at least the threshold.",
    "llm-rubric": "A judge finds that the answer meets this description.",
    "latency": "The answer took at most this many seconds.",
    "cost": "The answer cost at most this many USD.",
    "length": "The answer is at least 'min' and at most 'max' characters or words long.",
    "metric": "A metric, such as 'faithfulness', is at least the threshold.",
    "unsupported": "An imported condition that cannot be checked here; its test is not run.",
}

# promptfoo's own default, so that an imported test decides as it did there.
SIMILAR_THRESHOLD = 0.75

_LIMIT = ("latency", "cost")


class AssertionSpec(Spec):
    """One condition.

    Attributes:
        value: What the type needs: a text (a template over the example's variables), a list of texts, a schema, the
            name of a metric, or for `length` a mapping of `min`, `max` and `unit` (`characters` or `words`).
        threshold: Least similarity, rubric score or metric, most seconds or USD.
        case_sensitive: For assertions that compare texts.
        negate: Pass where the condition fails.
        weight: Its share where a test's assertions are weighed together; one of weight 0 is shown and decides nothing.
        name: What it is called in tables; empty makes a name of type and value.
    """

    # The name that it had when scores were first saved; another one would make all of them stale.
    fingerprint_kind: ClassVar[str] = "CheckSpec"

    type: AssertionType
    value: Any = None
    threshold: float | None = None
    case_sensitive: bool = True
    negate: bool = False
    weight: float = Field(default=1.0, ge=0.0)
    name: str = ""

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> AssertionSpec:
        problem = problem_of(self)
        if problem:
            raise ValueError(f"an assertion of type {self.type!r} {problem}")
        return self

    @property
    def label(self) -> str:
        """Its name, or type and value in short."""
        if self.name:
            return self.name
        if self.type == "unsupported":
            return f"unsupported: {shorten(self.value['reason'], 60)}"
        value = self.threshold if self.type in _LIMIT else self.value
        # The mark of imported templates means nothing to readers.
        text = (value if isinstance(value, str) else json.dumps(value)).replace(MISSING_IS_EMPTY, "")
        suffix = "" if value is None else f": {shorten(text, 60)}"
        return f"{'not ' if self.negate else ''}{self.type}{suffix}"


def describe(assertion: AssertionSpec) -> str:
    """The assertion as people read it; its label is what its score is stored under."""
    if assertion.type != "length" or assertion.name:
        return assertion.label
    bounds = [f"{word} {assertion.value[key]:,}" for key, word in (("min", "at least"), ("max", "at most"))
              # The format would break it into four lines.
              if key in assertion.value]  # fmt: skip
    return f"{'not ' if assertion.negate else ''}{' and '.join(bounds)} {assertion.value.get('unit', 'characters')}"


def problem_of(assertion: AssertionSpec) -> str:
    """What the assertion's type needs and its value does not give; empty where all is there."""
    return _PROBLEMS.get(assertion.type, _no_problem)(assertion)


def _no_problem(assertion: AssertionSpec) -> str:
    return ""


def _text_problem(assertion: AssertionSpec) -> str:
    return "" if isinstance(assertion.value, str) and assertion.value.strip() else "needs a text as its value"


def _texts_problem(assertion: AssertionSpec) -> str:
    texts = assertion.value
    is_valid = (
        isinstance(texts, list | tuple) and texts and all(isinstance(text, str) and text.strip() for text in texts)
    )
    return "" if is_valid else "needs a list of texts as its value"


def _limit_problem(assertion: AssertionSpec) -> str:
    return "needs a threshold of 0 or more" if assertion.threshold is None or assertion.threshold < 0 else ""


def _equals_problem(assertion: AssertionSpec) -> str:
    return "needs a value" if assertion.value is None else ""


def _regex_problem(assertion: AssertionSpec) -> str:
    problem = _text_problem(assertion)
    # A template is checked once it is filled in; its braces are no pattern yet.
    if problem or "{{" in assertion.value:
        return problem
    try:
        compile_pattern(assertion.value)
    except BadInput as error:
        return f"needs a regular expression as its value: {str(error).rstrip('.')}"
    return ""


def _schema_problem(assertion: AssertionSpec) -> str:
    if not isinstance(assertion.value, Mapping | bool):
        return "needs a schema (a mapping) as its value"
    # At use: few assertions need what schemas are read with.
    from llmopt_core.evaluation.assertions.json import schema_problem

    return schema_problem(assertion.value)


def _similar_problem(assertion: AssertionSpec) -> str:
    is_valid = assertion.value is None or (isinstance(assertion.value, str) and assertion.value.strip())
    return "" if is_valid else "needs a text as its value, or none to compare with the reference answer"


def _metric_problem(assertion: AssertionSpec) -> str:
    if not isinstance(assertion.value, str) or assertion.value not in METRICS:
        return f"needs the name of a metric as its value: {', '.join(METRICS)}"
    return "needs a threshold" if assertion.threshold is None else ""


def _reason_problem(assertion: AssertionSpec) -> str:
    is_valid = isinstance(assertion.value, Mapping) and isinstance(assertion.value.get("reason"), str)
    return "" if is_valid else "needs a mapping with 'reason' as its value"


def _length_problem(assertion: AssertionSpec) -> str:
    value = assertion.value
    # Unknown keys are refused: `maximum` instead of `max` would let every length pass.
    if not isinstance(value, Mapping) or not set(value) <= {"min", "max", "unit"} or not {"min", "max"} & set(value):
        return "needs a mapping with 'min', 'max' or both, and perhaps 'unit'"
    if value.get("unit", "characters") not in ("characters", "words"):
        return f"counts 'characters' or 'words', not {value['unit']!r}"
    bounds = [value[key] for key in ("min", "max") if key in value]
    # `True` is a number to Python.
    if not all(isinstance(limit, int | float) and not isinstance(limit, bool) and limit >= 0 for limit in bounds):
        return "needs numbers of 0 or more as 'min' and 'max'"
    return ""


_PROBLEMS: Mapping[AssertionType, Callable[[AssertionSpec], str]] = {
    "contains": _text_problem,
    "not-contains": _text_problem,
    "starts-with": _text_problem,
    "llm-rubric": _text_problem,
    "contains-any": _texts_problem,
    "contains-all": _texts_problem,
    "regex": _regex_problem,
    "equals": _equals_problem,
    "json-schema": _schema_problem,
    "similar": _similar_problem,
    "latency": _limit_problem,
    "cost": _limit_problem,
    "length": _length_problem,
    "metric": _metric_problem,
    "unsupported": _reason_problem,
}
