"""Assertions as rows of a table that people edit."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import ValidationError

from llmopt_core.errors import BadInput, field_problem
from llmopt_core.evaluation.assertions.spec import AssertionSpec, AssertionType
from llmopt_core.text.json_text import parse_json

# `unsupported` stands for a check of a foreign file that nobody can make; it is not to be chosen.
TYPES: tuple[str, ...] = tuple(name for name in get_args(AssertionType) if name != "unsupported")
_SEVERAL = ("contains-any", "contains-all")
_LIMITS = ("latency", "cost")
# `10-200 words`, `-500 characters`, `5..`, `3 to 9`; not `ten words`. What a part has taken it never gives back (`*+`),
# so a long text that does not fit fails at once.
_LENGTH = re.compile(r"\s*+(\d*+)\s*+(?:-|–|to|\.\.)\s*+(\d*+)\s*+(words|characters)?\s*+")

Row = dict[str, Any]

EMPTY: Row = {"type": None, "value": "", "threshold": None, "case_sensitive": True, "negate": False, "weight": 1.0,
              "name": ""}  # fmt: skip


def row_of(assertion: AssertionSpec) -> Row:
    """An assertion as a row; the value as one line of text."""
    values = assertion.model_dump(mode="json")
    return {**{key: values[key] for key in EMPTY}, "value": _text_of(assertion)}


def assertions_from_rows(rows: Sequence[Mapping[str, Any]]) -> tuple[AssertionSpec, ...]:
    """The checks of a table; rows without a type are left out.

    Several texts are separated by `|` or written as a JSON list, a schema is JSON, a length is like `10-200 words`.
    The limit of `latency` (seconds) and `cost` (USD) may stand in either column.

    Raises:
        BadInput: A row makes no check; names it.
    """
    return tuple(_assertion(row, number) for number, row in enumerate(rows, start=1) if row.get("type"))


def _assertion(row: Mapping[str, Any], number: int) -> AssertionSpec:
    kind, text = str(row["type"]), str(row.get("value") or "")
    threshold = row.get("threshold")
    values: Row = {
        "type": kind,
        "value": _value_of(kind, text, number),
        "threshold": None if threshold in (None, "") else threshold,
        "case_sensitive": _flag(row.get("case_sensitive"), True),
        "negate": _flag(row.get("negate"), False),
        "weight": 1.0 if row.get("weight") in (None, "") else row["weight"],
        "name": str(row.get("name") or "").strip(),
    }
    # Typed into the column of values; the spec makes the number of it.
    if kind in _LIMITS and values["threshold"] is None and text.strip():
        values["threshold"] = text
    try:
        return AssertionSpec.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        # Pydantic's error names classes; the sentence names the row.
        raise BadInput(f"Assertion {number}: {field_problem(first)}.") from None


def _flag(value: Any, default: bool) -> bool:
    # An empty cell of a table is None.
    return default if value is None else bool(value)


def _value_of(kind: str, text: str, number: int) -> Any:
    # A limit has no value, and `similar` without one looks at the example's reference.
    if kind in _LIMITS or kind == "is-json" or (kind == "similar" and not text.strip()):
        return None
    if kind == "json-schema" or (kind in _SEVERAL and text.lstrip().startswith("[")):
        try:
            return parse_json(text)
        # Typed by hand, so shown again, but no more of a pasted text than fits into a sentence.
        except ValueError as error:
            raise BadInput(f"Assertion {number}: {text[:60]!r} is not JSON ({error}).") from error
    if kind in _SEVERAL:
        return [part.strip() for part in text.split("|") if part.strip()]
    return _length(text, number) if kind == "length" else text


def _length(text: str, number: int) -> dict[str, Any]:
    match = _LENGTH.fullmatch(text)
    if match is None or not (match[1] or match[2]):
        raise BadInput(f"Assertion {number}: a length is like '10-200 words' or '-500 characters', not {text[:60]!r}.")
    bounds = {key: int(part) for key, part in (("min", match[1]), ("max", match[2])) if part}
    return {**bounds, "unit": match[3] or "characters"}


def _text_of(assertion: AssertionSpec) -> str:
    value = assertion.value
    if assertion.type == "length":
        return f"{value.get('min', '')}-{value.get('max', '')} {value.get('unit', 'characters')}"
    if assertion.type in _SEVERAL:
        # What would not come back the same from `a | b` is written as JSON.
        is_plain = not any("|" in part or part != part.strip() or part.startswith("[") for part in value)
        return " | ".join(value) if is_plain else json.dumps(list(value), ensure_ascii=False)
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)
