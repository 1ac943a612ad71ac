"""Assertions as columns of an evaluation set: those of an example, and their words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from llmopt_core.errors import BadInput, field_problem
from llmopt_core.evaluation.assertions.spec import AssertionSpec
from llmopt_core.text.json_text import parse_json
from llmopt_core.types import Example

EXAMPLE_COLUMN = "checks"
THRESHOLD_COLUMN = "checks_threshold"
"""Where an example carries its assertions: the names that evaluation sets are saved under since their beginning."""
ASSERTION_COLUMNS = (EXAMPLE_COLUMN, THRESHOLD_COLUMN, "assertions", "assertions_threshold")
"""Every column that may carry them; a file may use the new names."""


def labels(assertions: Sequence[AssertionSpec]) -> list[str]:
    """One name per assertion, numbered where two would be the same."""
    counts: dict[str, int] = {}
    names = []
    for assertion in assertions:
        counts[assertion.label] = counts.get(assertion.label, 0) + 1
        # The first keeps its plain name, so that adding another like it does not rename its score.
        names.append(
            assertion.label if counts[assertion.label] == 1 else f"{assertion.label} ({counts[assertion.label]})"
        )
    return names


def assertions_of(example: Example) -> tuple[AssertionSpec, ...]:
    """The assertions an example brings along in its column: a list of them, or the same as JSON text.

    Raises:
        BadInput: The column holds something else; names the example.
    """
    cell = example.variables.get(EXAMPLE_COLUMN) or _list_assertions(example.variables.get("assertions"))
    if not cell:
        return ()
    try:
        assertions = parse_json(cell) if isinstance(cell, str) else cell
        if not isinstance(assertions, list | tuple):
            # Told like other wrong values, below.
            raise TypeError
        return tuple(AssertionSpec.model_validate(assertion) for assertion in assertions)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        message = field_problem(first)
        raise BadInput(
            f"Example {example.id!r}: in its assertions, {where + ': ' if where else ''}{message}."
        ) from error
    except (ValueError, TypeError) as error:
        raise BadInput(f"Example {example.id!r}: the column 'assertions' must be a JSON list of assertions.") from error


def without_assertions(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of an example without the columns that carry its assertions."""
    # A column `assertions` is a variable like others unless it holds assertions.
    columns = ASSERTION_COLUMNS if _list_assertions(variables.get("assertions")) else (EXAMPLE_COLUMN, THRESHOLD_COLUMN)
    return {name: value for name, value in variables.items() if name not in columns}


def _list_assertions(value: Any) -> Any:
    """The value of a column `assertions`, where it is a list of assertions and not a variable of that name."""
    try:
        assertions = parse_json(value) if isinstance(value, str) else value
    except ValueError:
        return None
    # Each must be a mapping with a type: a list of texts is somebody's variable.
    is_valid = isinstance(assertions, list | tuple) and all(
        isinstance(one, Mapping) and "type" in one for one in assertions
    )
    return assertions if is_valid else None


def why_not_run(example: Example) -> str:
    """Why an example is not asked: what its assertions need and cannot be had here; empty where it is asked.

    Raises:
        BadInput: See `assertions_of`.
    """
    reasons = [
        assertion.value["reason"].rstrip(".") for assertion in assertions_of(example) if assertion.type == "unsupported"
    ]
    # Each reason once, in the order of the assertions.
    return f"Not run: {'; '.join(dict.fromkeys(reasons))}" if reasons else ""


def threshold_of(example: Example) -> float | None:
    """The share of its assertions that an example's answer must pass, from its own column; None for all.

    Raises:
        BadInput: The column holds something else than a number.
    """
    cell = example.variables.get(THRESHOLD_COLUMN)
    # An empty cell of a spreadsheet is "".
    if cell in (None, "") and _list_assertions(example.variables.get("assertions")):
        cell = example.variables.get("assertions_threshold")
    if cell is None or cell == "":
        return None
    try:
        return float(cell)
    except (TypeError, ValueError) as error:
        raise BadInput(f"Example {example.id!r}: the column 'assertions_threshold' must be a number.") from error
