"""What a check is: one condition that an answer meets or fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from llmopt_core.errors import BadInput, field_problem
from llmopt_core.evaluation.metrics.catalogue import METRICS
from llmopt_core.prompts.patterns import compiled_pattern
from llmopt_core.prompts.sandbox import MISSING_IS_EMPTY
from llmopt_core.text.words import shorten
from llmopt_core.types import Example, Spec

CheckType = Literal[
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

CHECK_EXPLANATIONS: Mapping[CheckType, str] = {
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
    "length": "The answer is at least `min` and at most `max` characters or words long.",
    "metric": "A metric, such as `faithfulness`, is at least the threshold.",
    "unsupported": "An imported condition that cannot be checked here; its test is not run.",
}

SIMILAR_THRESHOLD = 0.75
EXAMPLE_COLUMN = "checks"
THRESHOLD_COLUMN = "checks_threshold"

_LIMIT = ("latency", "cost")


class CheckSpec(Spec):
    """One condition.

    Attributes:
        value: What the type needs: a text (a template over the example's variables), a list of texts, a schema, the
            name of a metric, or for `length` a mapping of `min`, `max` and `unit` (`characters` or `words`).
        threshold: Least similarity, rubric score or metric, most seconds or USD.
        case_sensitive: For checks that compare texts.
        negate: Pass where the condition fails.
        weight: Its share where a test's checks are weighed together; one of weight 0 is shown and decides nothing.
        name: What it is called in tables; empty makes a name of type and value.
    """

    type: CheckType
    value: Any = None
    threshold: float | None = None
    case_sensitive: bool = True
    negate: bool = False
    weight: float = Field(default=1.0, ge=0.0)
    name: str = ""

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> CheckSpec:
        problem = problem_of(self)
        if problem:
            raise ValueError(f"a check of type {self.type!r} {problem}")
        return self

    @property
    def label(self) -> str:
        """Its name, or type and value in short."""
        if self.name:
            return self.name
        if self.type == "unsupported":
            return f"unsupported: {shorten(self.value['reason'], 60)}"
        value = self.threshold if self.type in _LIMIT else self.value
        text = (value if isinstance(value, str) else json.dumps(value)).replace(MISSING_IS_EMPTY, "")
        shown = "" if value is None else f": {shorten(text, 60)}"
        return f"{'not ' if self.negate else ''}{self.type}{shown}"


def told(check: CheckSpec) -> str:
    """The check as people read it; its label is what its score is stored under."""
    if check.type != "length" or check.name:
        return check.label
    bounds = [f"{word} {check.value[key]:,}" for key, word in (("min", "at least"), ("max", "at most"))
              if key in check.value]  # fmt: skip
    return f"{'not ' if check.negate else ''}{' and '.join(bounds)} {check.value.get('unit', 'characters')}"


def problem_of(check: CheckSpec) -> str:
    """What the check's type needs and its value does not give; empty where all is there."""
    return _PROBLEMS.get(check.type, _no_problem)(check)


def _no_problem(check: CheckSpec) -> str:
    return ""


def _text_problem(check: CheckSpec) -> str:
    return "" if isinstance(check.value, str) and check.value.strip() else "needs a text as its value"


def _texts_problem(check: CheckSpec) -> str:
    texts = check.value
    good = isinstance(texts, list | tuple) and texts and all(isinstance(text, str) and text.strip() for text in texts)
    return "" if good else "needs a list of texts as its value"


def _limit_problem(check: CheckSpec) -> str:
    return "needs a threshold of 0 or more" if check.threshold is None or check.threshold < 0 else ""


def _equals_problem(check: CheckSpec) -> str:
    return "needs a value" if check.value is None else ""


def _regex_problem(check: CheckSpec) -> str:
    problem = _text_problem(check)
    if problem or "{{" in check.value:
        return problem
    try:
        compiled_pattern(check.value)
    except BadInput as error:
        return f"needs a regular expression as its value: {str(error).rstrip('.')}"
    return ""


def _schema_problem(check: CheckSpec) -> str:
    if not isinstance(check.value, Mapping | bool):
        return "needs a schema (a mapping) as its value"
    # At use: few checks need what schemas are read with.
    from llmopt_core.evaluation.assertions.json import schema_problem

    return schema_problem(check.value)


def _similar_problem(check: CheckSpec) -> str:
    good = check.value is None or (isinstance(check.value, str) and check.value.strip())
    return "" if good else "needs a text as its value, or none to compare with the reference answer"


def _metric_problem(check: CheckSpec) -> str:
    if not isinstance(check.value, str) or check.value not in METRICS:
        return f"needs the name of a metric as its value: {', '.join(METRICS)}"
    return "needs a threshold" if check.threshold is None else ""


def _reason_problem(check: CheckSpec) -> str:
    good = isinstance(check.value, Mapping) and isinstance(check.value.get("reason"), str)
    return "" if good else "needs a mapping with `reason` as its value"


def _length_problem(check: CheckSpec) -> str:
    value = check.value
    if not isinstance(value, Mapping) or not set(value) <= {"min", "max", "unit"} or not {"min", "max"} & set(value):
        return "needs a mapping with `min`, `max` or both, and perhaps `unit`"
    if value.get("unit", "characters") not in ("characters", "words"):
        return f"counts `characters` or `words`, not {value['unit']!r}"
    bounds = [value[key] for key in ("min", "max") if key in value]
    if not all(isinstance(bound, int | float) and not isinstance(bound, bool) and bound >= 0 for bound in bounds):
        return "needs numbers of 0 or more as `min` and `max`"
    return ""


_PROBLEMS: Mapping[CheckType, Callable[[CheckSpec], str]] = {
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


def labels(checks: Sequence[CheckSpec]) -> list[str]:
    """One name per check, numbered where two would be the same."""
    taken: dict[str, int] = {}
    names = []
    for check in checks:
        taken[check.label] = taken.get(check.label, 0) + 1
        names.append(check.label if taken[check.label] == 1 else f"{check.label} ({taken[check.label]})")
    return names


def checks_of(example: Example) -> tuple[CheckSpec, ...]:
    """The checks an example brings along in its column `checks`: a list of checks, or the same as JSON text.

    Raises:
        BadInput: The column holds something else; names the example.
    """
    found = example.variables.get(EXAMPLE_COLUMN)
    if not found:
        return ()
    try:
        listed = json.loads(found) if isinstance(found, str) else found
        if not isinstance(listed, list | tuple):
            raise TypeError
        return tuple(CheckSpec.model_validate(check) for check in listed)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        said = field_problem(first)
        raise BadInput(f"Example {example.id!r}: in its checks, {where + ': ' if where else ''}{said}.") from error
    except (ValueError, TypeError) as error:
        raise BadInput(f"Example {example.id!r}: the column `checks` must be a JSON list of checks.") from error


def why_not_run(example: Example) -> str:
    """Why an example is not asked: what its checks need and cannot be had here; empty where it is asked.

    Raises:
        BadInput: See `checks_of`.
    """
    reasons = [check.value["reason"].rstrip(".") for check in checks_of(example) if check.type == "unsupported"]
    return f"Not run: {'; '.join(dict.fromkeys(reasons))}" if reasons else ""


def threshold_of(example: Example) -> float | None:
    """The share of its checks that an example's answer must pass, from its column `checks_threshold`; None for all.

    Raises:
        BadInput: The column holds something else than a number.
    """
    found = example.variables.get(THRESHOLD_COLUMN)
    if found is None or found == "":
        return None
    try:
        return float(found)
    except (TypeError, ValueError) as error:
        raise BadInput(f"Example {example.id!r}: the column `checks_threshold` must be a number.") from error
