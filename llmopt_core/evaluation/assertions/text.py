"""Conditions that need nothing but the answer's text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from llmopt_core.evaluation.assertions.spec import AssertionSpec, AssertionType
from llmopt_core.evaluation.text import tokens
from llmopt_core.prompts.patterns import ends_of_matches
from llmopt_core.text.words import shorten


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether a condition holds, why, and the number behind it where there is one."""

    holds: bool
    reason: str
    value: float | None = None


def contains(answer: str, assertion: AssertionSpec) -> Finding:
    """The text stands in the answer."""
    is_match = _fold(assertion.value, assertion) in _fold(answer, assertion)
    return Finding(is_match, f"{_quote(assertion.value)} {'stands' if is_match else 'does not stand'} in the answer.")


def lacks(answer: str, assertion: AssertionSpec) -> Finding:
    """The text does not stand in the answer."""
    finding = contains(answer, assertion)
    return Finding(not finding.holds, finding.reason)


def contains_any(answer: str, assertion: AssertionSpec) -> Finding:
    """At least one of the texts stands in the answer."""
    there = [value for value in assertion.value if _fold(value, assertion) in _fold(answer, assertion)]
    return Finding(bool(there), f"Found: {', '.join(map(_quote, there))}." if there else "None of the texts is there.")


def contains_all(answer: str, assertion: AssertionSpec) -> Finding:
    """All of the texts stand in the answer."""
    missing = [value for value in assertion.value if _fold(value, assertion) not in _fold(answer, assertion)]
    return Finding(not missing, f"Missing: {', '.join(map(_quote, missing))}." if missing else "All texts are there.")


def equals(answer: str, assertion: AssertionSpec) -> Finding:
    """The answer is the text, or JSON equal to the value."""
    # At use: jsonschema and what it needs load slowly, and few assertions are JSON.
    if not isinstance(assertion.value, str):
        from llmopt_core.evaluation.assertions.json import same_json

        is_match = same_json(answer, assertion.value)
    else:
        # White space around an answer is nothing that a model can be asked to leave out.
        is_match = _fold(answer, assertion).strip() == _fold(assertion.value, assertion).strip()
    return Finding(is_match, f"The answer is {'' if is_match else 'not '}{_quote(str(assertion.value))}.")


def starts_with(answer: str, assertion: AssertionSpec) -> Finding:
    """The answer begins with the text."""
    is_match = _fold(answer, assertion).lstrip().startswith(_fold(assertion.value, assertion).lstrip())
    # As much of the answer as was compared, and 20 characters at least, so that its beginning can be recognised.
    return Finding(is_match, f"The answer begins with {_quote(answer.lstrip()[: max(20, len(assertion.value))])}.")


def regex(answer: str, assertion: AssertionSpec) -> Finding:
    """The pattern matches somewhere.

    Raises:
        BadInput: The pattern is wrong or runs away.
    """
    # The time limit is within: a pattern of a user may run for ever.
    matches = ends_of_matches(assertion.value, answer, ignore_case=not assertion.case_sensitive)
    return Finding(bool(matches), f"Matches {_quote(matches[0].text)}." if matches else "The pattern matches nowhere.")


def json_value(answer: str, assertion: AssertionSpec) -> Finding:
    """The answer is JSON."""
    from llmopt_core.evaluation.assertions.json import is_json

    return Finding(*is_json(answer))


def json_schema(answer: str, assertion: AssertionSpec) -> Finding:
    """The answer is JSON that fits the schema."""
    from llmopt_core.evaluation.assertions.json import fits_schema

    return Finding(*fits_schema(answer, assertion.value))


def length(answer: str, assertion: AssertionSpec) -> Finding:
    """The answer is as long as it may be; Chinese and Japanese characters count as words."""
    bounds: Mapping[str, Any] = assertion.value
    unit = bounds.get("unit", "characters")
    # As answer F1 counts words, so CJK characters count one each.
    size = len(tokens(answer)) if unit == "words" else len(answer)
    is_within = bounds.get("min", 0) <= size <= bounds.get("max", float("inf"))
    return Finding(is_within, f"The answer has {size} {unit if size != 1 else unit[:-1]}.", float(size))


TEXT_ASSERTIONS: Mapping[AssertionType, Callable[[str, AssertionSpec], Finding]] = {
    "contains": contains,
    "not-contains": lacks,
    "contains-any": contains_any,
    "contains-all": contains_all,
    "equals": equals,
    "starts-with": starts_with,
    "regex": regex,
    "is-json": json_value,
    "json-schema": json_schema,
    "length": length,
}


def _fold(text: str, assertion: AssertionSpec) -> str:
    # `casefold` also makes "ß" equal to "ss".
    return text if assertion.case_sensitive else text.casefold()


def _quote(text: str) -> str:
    return f"'{shorten(text, 80)}'"
