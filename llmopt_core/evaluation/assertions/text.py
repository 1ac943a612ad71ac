"""Conditions that need nothing but the answer's text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from llmopt_core.evaluation.assertions.spec import CheckSpec, CheckType
from llmopt_core.evaluation.text import tokens
from llmopt_core.prompts.patterns import ends_of_matches
from llmopt_core.text.words import shorten


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether a condition holds, why, and the number behind it where there is one."""

    holds: bool
    reason: str
    value: float | None = None


def contains(answer: str, check: CheckSpec) -> Finding:
    """The text stands in the answer."""
    holds = _fold(check.value, check) in _fold(answer, check)
    return Finding(holds, f"{_quote(check.value)} {'stands' if holds else 'does not stand'} in the answer.")


def lacks(answer: str, check: CheckSpec) -> Finding:
    """The text does not stand in the answer."""
    found = contains(answer, check)
    return Finding(not found.holds, found.reason)


def contains_any(answer: str, check: CheckSpec) -> Finding:
    """At least one of the texts stands in the answer."""
    there = [value for value in check.value if _fold(value, check) in _fold(answer, check)]
    return Finding(bool(there), f"Found: {', '.join(map(_quote, there))}." if there else "None of the texts is there.")


def contains_all(answer: str, check: CheckSpec) -> Finding:
    """All of the texts stand in the answer."""
    missing = [value for value in check.value if _fold(value, check) not in _fold(answer, check)]
    return Finding(not missing, f"Missing: {', '.join(map(_quote, missing))}." if missing else "All texts are there.")


def equals(answer: str, check: CheckSpec) -> Finding:
    """The answer is the text, or JSON equal to the value."""
    if not isinstance(check.value, str):
        from llmopt_core.evaluation.assertions.json import same_json

        holds = same_json(answer, check.value)
    else:
        holds = _fold(answer, check).strip() == _fold(check.value, check).strip()
    return Finding(holds, f"The answer is {'' if holds else 'not '}{_quote(str(check.value))}.")


def starts_with(answer: str, check: CheckSpec) -> Finding:
    """The answer begins with the text."""
    holds = _fold(answer, check).lstrip().startswith(_fold(check.value, check).lstrip())
    return Finding(holds, f"The answer begins with {_quote(answer.lstrip()[: max(20, len(check.value))])}.")


def regex(answer: str, check: CheckSpec) -> Finding:
    """The pattern matches somewhere.

    Raises:
        BadInput: The pattern is wrong or runs away.
    """
    found = ends_of_matches(check.value, answer, ignore_case=not check.case_sensitive)
    return Finding(bool(found), f"Matches {_quote(found[0].text)}." if found else "The pattern matches nowhere.")


def json_value(answer: str, check: CheckSpec) -> Finding:
    """The answer is JSON."""
    from llmopt_core.evaluation.assertions.json import is_json

    return Finding(*is_json(answer))


def json_schema(answer: str, check: CheckSpec) -> Finding:
    """The answer is JSON that fits the schema."""
    from llmopt_core.evaluation.assertions.json import fits_schema

    return Finding(*fits_schema(answer, check.value))


def length(answer: str, check: CheckSpec) -> Finding:
    """The answer is as long as it may be; Chinese and Japanese characters count as words."""
    bounds: Mapping[str, Any] = check.value
    unit = bounds.get("unit", "characters")
    size = len(tokens(answer)) if unit == "words" else len(answer)
    holds = bounds.get("min", 0) <= size <= bounds.get("max", float("inf"))
    return Finding(holds, f"The answer has {size} {unit if size != 1 else unit[:-1]}.", float(size))


TEXT_CHECKS: Mapping[CheckType, Callable[[str, CheckSpec], Finding]] = {
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


def _fold(text: str, check: CheckSpec) -> str:
    return text if check.case_sensitive else text.casefold()


def _quote(text: str) -> str:
    return f"'{shorten(text, 80)}'"
