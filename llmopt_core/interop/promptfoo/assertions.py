"""promptfoo's assertions -> those of this program. What has no counterpart becomes one that is never passed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml
from pydantic import ValidationError

from llmopt_core.errors import BadInput, field_problem
from llmopt_core.evaluation.assertions.check import AssertionSpec
from llmopt_core.interop.promptfoo.nunjucks import to_jinja, to_nunjucks
from llmopt_core.prompts.sandbox import MISSING_IS_EMPTY
from llmopt_core.prompts.template import allow_missing
from llmopt_core.text.bounded_yaml import BoundedLoader

# All keys of an assertion that are understood; any other could change what passes, so it is refused rather than passed
# over.
_READ = {"type", "value", "threshold", "weight", "metric", "provider", "assert"}


class UnsupportedError(Exception):
    """Something in the file that has no counterpart here; the message says what."""


def assertions_from(
    assertions: tuple[Mapping[str, Any], ...], grader: Any, *, has_threshold: bool = False
) -> tuple[AssertionSpec, ...]:
    """The checks a test's assertions stand for.

    Args:
        assertions: As they stand in the file.
        grader: The provider that grades the whole file; an assertion with another one is not supported.
        has_threshold: Whether the test has a threshold, so that it matters how much each assertion weighs.
    """
    return tuple(
        assertion_spec for assertion in assertions for assertion_spec in _assertions(assertion, grader, has_threshold)
    )


def explain_obstacle(reason: str, assertion: Mapping[str, Any] | None = None) -> AssertionSpec:
    """An assertion that keeps what was not understood, so that an export gives it back."""
    value: dict[str, Any] = {"reason": reason}
    if assertion is not None:
        value["assertion"] = dict(assertion)
    return AssertionSpec(type="unsupported", value=value)


def _assertions(assertion: Mapping[str, Any], grader: Any, has_threshold: bool) -> Iterator[AssertionSpec]:
    kind = str(assertion.get("type") or "")
    try:
        if kind == "assert-set":
            for part in _parts(assertion, has_threshold):
                # A set may list bare kinds, such as `is-json`, as texts.
                yield from _assertions(
                    part if isinstance(part, Mapping) else {"type": str(part)}, grader, has_threshold
                )
        else:
            yield _convert(kind, assertion, grader)
    except UnsupportedError as error:
        yield explain_obstacle(f"the assertion '{kind}': {error}", assertion)
    # The spec's own rules, such as a pattern that does not compile, a threshold below 0.
    except ValidationError as error:
        message = field_problem(error.errors(include_url=False)[0])
        yield explain_obstacle(f"the assertion '{kind}': {message}", assertion)


def _parts(assertion: Mapping[str, Any], has_threshold: bool) -> list[Any]:
    """The assertions of a set that must all pass: as if they stood by themselves."""
    parts = assertion.get("assert")
    if not isinstance(parts, list):
        raise UnsupportedError("needs a list of assertions")
    # A share of a set has no counterpart: each check passes or fails by itself here.
    if assertion.get("threshold") is not None:
        raise UnsupportedError("this kind is not supported with a threshold")
    # A set weighs as one assertion in promptfoo; taken apart its parts would weigh more. Weight 0 means that it never
    # fails a test.
    if has_threshold or assertion.get("weight") == 0:
        raise UnsupportedError("this kind is not supported where it is weighed against others")
    foreign_keys = sorted(set(assertion) - _READ)
    if foreign_keys:
        raise UnsupportedError(f"its '{foreign_keys[0]}' is not supported")
    return parts


def _convert(kind: str, assertion: Mapping[str, Any], grader: Any) -> AssertionSpec:
    base = kind.removeprefix("not-")
    if base not in _MAKERS:
        raise UnsupportedError("this kind is not supported")
    foreign_keys = sorted(set(assertion) - _READ)
    if foreign_keys:
        raise UnsupportedError(f"its '{foreign_keys[0]}' is not supported")
    # The file's own grader may be repeated; a second one would need two judges in one run.
    if assertion.get("provider") not in (None, grader):
        raise UnsupportedError("a grader of its own is not supported")
    fields: dict[str, Any] = {"name": str(assertion.get("metric") or ""), **_MAKERS[base](assertion)}
    if assertion.get("weight") is not None:
        fields["weight"] = assertion["weight"]
    fields["value"] = _allowing_missing(fields.get("value"))
    return AssertionSpec(**fields, negate=kind.startswith("not-"))


def _allowing_missing(value: Any) -> Any:
    """A value with its templates as promptfoo reads them."""
    if isinstance(value, list):
        return [_allowing_missing(item) for item in value]
    # Without marks no template: a plain text must not be changed by the way through the converter.
    if not isinstance(value, str) or not ("{{" in value or "{%" in value):
        return value
    try:
        return allow_missing(to_jinja(value))
    except BadInput as error:
        raise UnsupportedError(str(error)) from None


def _text(assertion: Mapping[str, Any]) -> str:
    value = assertion.get("value")
    # `True` is a number to Python; JSON's `true` as the text "True" would never be found in an answer.
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UnsupportedError("needs a text as its value")
    return str(value)


def _texts(assertion: Mapping[str, Any]) -> list[str]:
    value = assertion.get("value")
    if isinstance(value, str):
        # promptfoo splits a text at its commas for kinds that take a list.
        return [part.strip() for part in value.split(",")]
    return [_text({"value": part}) for part in value] if isinstance(value, list) else [_text(assertion)]


def _number(assertion: Mapping[str, Any], default: float | None = None) -> float:
    value = assertion.get("threshold", default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnsupportedError("needs a number as its threshold")
    return float(value)


def _data(value: Any, what: str) -> Any:
    try:
        # `BoundedLoader` is a SafeLoader that makes no objects; JSON is read as YAML as well.
        return yaml.load(value, BoundedLoader) if isinstance(value, str) else value  # noqa: S506 (a SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UnsupportedError(f"its {what} is neither JSON nor YAML") from error


def _json(assertion: Mapping[str, Any]) -> dict[str, Any]:
    schema = _data(assertion.get("value"), "schema")
    # An empty schema is valid and checks nothing, which `is-json` says plainer.
    return {"type": "is-json"} if schema in (None, "") else {"type": "json-schema", "value": schema}


def _words(assertion: Mapping[str, Any]) -> dict[str, Any]:
    value = _data(assertion.get("value"), "value")
    # `word-count: 50` is exactly 50 words.
    if isinstance(value, int | float):
        value = {"min": value, "max": value}
    return {"type": "length", "value": {**value, "unit": "words"} if isinstance(value, Mapping) else value}


def _plain(
    kind: str, read: Callable[[Mapping[str, Any]], Any] = _text, *, case_sensitive: bool = True
) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    return lambda assertion: {"type": kind, "value": read(assertion), "case_sensitive": case_sensitive}


def _rubric(template: str, default: float | None = None) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    def make(assertion: Mapping[str, Any]) -> dict[str, Any]:
        # VALUE, and not a template mark, since the criterion may be a template itself.
        value = template.replace("VALUE", _text(assertion))
        threshold = assertion.get("threshold", default)
        return {
            "type": "llm-rubric",
            "value": value,
            "threshold": None if threshold is None else _number(assertion, default),
        }

    return make


def _metric(name: str) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    return lambda assertion: {"type": "metric", "value": name, "threshold": _number(assertion, 0.0)}


def _context_recall(assertion: Mapping[str, Any]) -> dict[str, Any]:
    # The metric reads the reference, which is filled in when a test is read; a template is only when it is asked.
    if "{{" in _text(assertion):
        raise UnsupportedError("its value is a template")
    return _metric("context_recall")(assertion)


CONSISTENT = (
    "The answer is factually consistent with this reference. It may say less or more, or say it differently, but it "
    "contradicts nothing in it. Reference: VALUE"
)

_MAKERS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "contains": _plain("contains"),
    "icontains": _plain("contains", case_sensitive=False),
    "contains-any": _plain("contains-any", _texts),
    "contains-all": _plain("contains-all", _texts),
    "icontains-any": _plain("contains-any", _texts, case_sensitive=False),
    "icontains-all": _plain("contains-all", _texts, case_sensitive=False),
    "equals": lambda assertion: {"type": "equals", "value": assertion.get("value")},
    "starts-with": _plain("starts-with"),
    "regex": _plain("regex"),
    "is-json": _json,
    "similar": lambda assertion: {
        # promptfoo's default outside of CSV files
        "type": "similar", "value": _text(assertion), "threshold": _number(assertion, 0.75)
    },
    "llm-rubric": _rubric("VALUE"),
    "model-graded-closedqa": _rubric("The answer meets this criterion: VALUE"),
    "factuality": _rubric(CONSISTENT),
    "model-graded-factuality": _rubric(CONSISTENT),
    "g-eval": _rubric("VALUE", 0.7),  # promptfoo's default for this kind
    # Milliseconds there, seconds here.
    "latency": lambda assertion: {"type": "latency", "threshold": _number(assertion) / 1000},
    "cost": lambda assertion: {"type": "cost", "threshold": _number(assertion)},
    "word-count": _words,
    "context-faithfulness": _metric("faithfulness"),
    "context-recall": _context_recall,
    "answer-relevance": _metric("answer_relevancy"),
}  # fmt: skip


def assertion_from(assertion_spec: AssertionSpec) -> dict[str, Any]:
    """The promptfoo assertion of a check, for export.

    Raises:
        UnsupportedError: promptfoo has no such assertion.
    """
    if assertion_spec.type == "unsupported":
        # A reason without an assertion stands for a whole test or option, of which nothing was kept.
        if "assertion" not in assertion_spec.value:
            raise UnsupportedError(assertion_spec.value["reason"])
        return dict(assertion_spec.value["assertion"])
    assertion = _assertion(assertion_spec)
    # `not-contains` is a kind of its own here; negated again it is `contains`.
    if assertion_spec.negate:
        if assertion["type"].startswith("not-"):
            assertion["type"] = assertion["type"].removeprefix("not-")
        else:
            assertion["type"] = f"not-{assertion['type']}"
    if assertion_spec.name:
        assertion["metric"] = assertion_spec.name
    if assertion_spec.weight != 1:
        assertion["weight"] = assertion_spec.weight
    return assertion


_METRICS = {
    "faithfulness": "context-faithfulness",
    "context_recall": "context-recall",
    "answer_relevancy": "answer-relevance",
}
_CASE_SENSITIVE_TYPES = ("contains", "not-contains", "contains-any", "contains-all")


def _as_promptfoo_reads(value: Any) -> Any:
    if isinstance(value, str):
        # Imported templates were marked so that missing variables are empty, as promptfoo has them anyway.
        return to_nunjucks(value.replace(MISSING_IS_EMPTY, ""))
    if isinstance(value, list):
        return [_as_promptfoo_reads(item) for item in value]
    return {key: _as_promptfoo_reads(item) for key, item in value.items()} if isinstance(value, dict) else value


def _assertion(assertion_spec: AssertionSpec) -> dict[str, Any]:
    value = _as_promptfoo_reads(assertion_spec.value)
    if assertion_spec.type in _CASE_SENSITIVE_TYPES:
        kind = (
            assertion_spec.type
            if assertion_spec.case_sensitive
            else assertion_spec.type.replace("contains", "icontains")
        )
        return {"type": kind, "value": value}
    # promptfoo has no such kinds; with case they would fail answers that pass here.
    if not assertion_spec.case_sensitive and assertion_spec.type == "regex":
        raise UnsupportedError("a regular expression without case")
    if not assertion_spec.case_sensitive and assertion_spec.type in ("equals", "starts-with"):
        raise UnsupportedError(f"'{assertion_spec.type}' without case")
    if assertion_spec.type == "json-schema":
        return {"type": "is-json", "value": value}
    if assertion_spec.type == "latency":
        return {"type": "latency", "threshold": (assertion_spec.threshold or 0.0) * 1000}
    if assertion_spec.type == "length":
        if value.pop("unit", "characters") != "words":
            raise UnsupportedError("a length in characters")
        return {"type": "word-count", "value": value}
    # Only those metrics that promptfoo has, under its own names.
    if assertion_spec.type == "metric":
        if value not in _METRICS:
            raise UnsupportedError(f"the metric {value}")
        return {"type": _METRICS[value], "threshold": assertion_spec.threshold}
    if assertion_spec.type == "similar" and value is None:
        value = "{{ reference }}"  # what no value means here: the example's reference
    parts = {"type": assertion_spec.type, "value": value, "threshold": assertion_spec.threshold}
    return {key: part for key, part in parts.items() if part is not None}
