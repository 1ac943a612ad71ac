"""JSON that users and models bring."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


def parse_json(text: str, refuse_constant: Callable[[str], Any] | None = None) -> Any:
    """The value of JSON text.

    Args:
        text: The JSON.
        refuse_constant: Called with NaN and the infinities, which Python reads though no JSON has them.

    Raises:
        ValueError: It is no JSON (a `JSONDecodeError`, which knows the place), is nested too deeply, or holds a number
            of too many digits.
    """
    try:
        return json.loads(text, parse_constant=refuse_constant)
    # "[[[[…", as a model in a loop writes it, uses up Python's stack, and a RecursionError is no ValueError.
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def is_json_object(text: str) -> bool:
    """Whether a text is a JSON object."""
    try:
        return isinstance(parse_json(text), dict)
    except ValueError:
        return False
