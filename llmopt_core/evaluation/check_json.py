"""Answers that should be JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
from jsonschema import validators
from jsonschema.exceptions import SchemaError, best_match
from referencing import Registry
from referencing.exceptions import Unresolvable

from llmopt_core.errors import BadInput
from llmopt_core.prompts.patterns import matches


def is_json(text: str) -> tuple[bool, str]:
    """Whether the whole text is JSON as the standard has it (no NaN, no comments), and the first problem if not."""
    try:
        _parse(text)
    except ValueError as error:
        return False, f"The answer is not JSON: {error}."
    return True, "The answer is valid JSON."


def fits_schema(text: str, schema: Any) -> tuple[bool, str]:
    """Whether the text is JSON that fits a JSON schema, and the first problem if not.

    Raises:
        BadInput: The schema refers to another one that it does not hold, or has a pattern that runs away.
    """
    try:
        value = _parse(text)
    except ValueError as error:
        return False, f"The answer is not JSON: {error}."
    try:
        kind = _guarded(validators.validator_for(schema, default=jsonschema.Draft202012Validator))
        # An empty registry: a schema may not make this program fetch something.
        problem = best_match(kind(schema, registry=Registry()).iter_errors(value))
    except Unresolvable as error:
        raise BadInput(f"The JSON schema of the check refers to {error.ref!r}, which it does not hold.") from error
    except RecursionError as error:
        raise BadInput("The JSON schema of the check refers to itself without end.") from error
    if problem is None:
        return True, "The answer fits the schema."
    where = "".join(f"[{part!r}]" for part in problem.absolute_path)
    return False, f"{where or 'The answer'}: {problem.message[:300]}."


def schema_problem(schema: Any) -> str:
    """What is wrong with a JSON schema; empty where nothing is."""
    try:
        validators.validator_for(schema, default=jsonschema.Draft202012Validator).check_schema(schema)
    except SchemaError as error:
        return f"needs a valid JSON schema: {error.message[:300]}"
    return ""


def same_json(text: str, value: Any) -> bool:
    """Whether the text is JSON equal to the value."""
    try:
        return bool(_parse(text) == value)
    except ValueError:
        return False


def _parse(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} (line {error.lineno}, column {error.colno})") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a JSON number")


def _guarded(kind: Any) -> Any:
    """The validator class with patterns that cannot run away."""
    return validators.extend(kind, {"pattern": _pattern})  # type: ignore[no-untyped-call]


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[jsonschema.ValidationError]:
    if validator.is_type(instance, "string") and not matches(pattern, instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")
