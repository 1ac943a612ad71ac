"""What may be said by hand of a request's body, and how it is written in a form. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from llmopt_core.errors import BadInput
from llmopt_core.text.bounded_yaml import BoundedLoader

OPTIONAL = ("response_format", "logprobs", "top_logprobs")
"""Sent only on trial until an answer has shown that they are taken; an answer without them is still of use."""

PARAMETERS = (
    "max_tokens", "max_completion_tokens", "temperature", "top_p", "seed", "stop", "stream_options", *OPTIONAL,
)  # fmt: skip
"""What can be left out or renamed; the rest of a request is what is asked."""

# Each is set by us (so would be sent twice), asks for several answers of which one is read, or is a place for a key in
# a file that is meant to hold none.
_OURS = frozenset({
    "model", "messages", "prompt", "stream", "stream_options", "n", "best_of", "echo", "tools", "tool_choice",
    "functions", "api_key", "key", "token", "authorization",
})  # fmt: skip
# `top_k`, `provider.order`: a field's name, and nothing that could pass for more in a log or a form.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}")
# Characters of JSON. Far above any real field, and small enough to be part of every cache key and stored configuration.
_LONGEST = 100_000


def check_extra_body(fields: dict[str, Any]) -> dict[str, Any]:
    """Further fields of a request.

    Raises:
        ValueError: One is ours to set, or they are no JSON.
    """
    wrong = next((name for name in fields if name.lower() in _OURS or not _NAME.fullmatch(name)), None)
    if wrong is not None:
        raise ValueError(f"extra_body cannot hold {wrong!r}; it is for fields such as top_k or chat_template_kwargs")
    try:
        # NaN is no JSON: Python would write it all the same, and the server refuse the whole request.
        text = json.dumps(fields, allow_nan=False)
    # Sets and dates of YAML, NaN, and an anchor that holds itself.
    except (TypeError, ValueError, RecursionError):
        raise ValueError("extra_body must hold what JSON can say") from None
    if len(text) > _LONGEST:
        raise ValueError(f"extra_body must be shorter than {_LONGEST:,} characters")
    return fields


def check_parameters(names: dict[str, str | None]) -> dict[str, str | None]:
    """Parameters with their names at an endpoint; None leaves one out.

    Raises:
        ValueError: There is no such parameter, or no such name.
    """
    for name, other in names.items():
        if name not in PARAMETERS:
            raise ValueError(f"parameters cannot hold {name!r}; there are {', '.join(PARAMETERS)}")
        # Renamed to `messages` or `api_key` it would overwrite what is ours.
        if other and (not _NAME.fullmatch(other) or other.lower() in _OURS):
            raise ValueError(f"parameters: {name} cannot be sent as {other!r}")
    return names


def parameter_lines(names: dict[str, str | None]) -> str:
    """Parameters as a person writes them, one per line; see `parameters_in`."""
    # Without the space at the end that a parameter left out would have: editors take it away, and the text would
    # differ.
    return "\n".join(f"{name} = {other or ''}".rstrip() for name, other in names.items())


def parameters_in(text: str) -> dict[str, str | None]:
    """Parameters with their other names, one per line: `name = other name`, or `name =` to leave it out.

    Raises:
        BadInput: A line names no parameter.
    """
    other_names: dict[str, str | None] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        name, sign, other = (part.strip() for part in line.partition("="))
        # An empty line.
        if not name and not sign:
            continue
        if name not in PARAMETERS or not sign:
            raise BadInput(
                f"Parameters, line {number}: write name = other name, or name = to leave it out, where name is one of "
                f"{', '.join(PARAMETERS)}."
            )
        other_names[name] = other or None
    try:
        return check_parameters(other_names)
    except ValueError as error:
        # The same words stand in the middle of a sentence where an experiment file is read.
        raise BadInput(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None


def extra_body_in(text: str) -> dict[str, Any]:
    """Further fields of a request, written as JSON or YAML.

    Raises:
        BadInput: It is no mapping, or holds a field that is not for this place.
    """
    if not text.strip():
        return {}
    try:
        values = yaml.load(text, BoundedLoader)  # noqa: S506 (a SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        # Only PyYAML's marked errors know a line; one of the reader or of recursion does not.
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = "" if line is None else f", line {line + 1}"
        raise BadInput(
            f'Further fields{where}: write JSON such as {{"top_k": 20}}, or YAML such as top_k: 20.'
        ) from None
    # YAML takes `top_k` alone for a text, and `1: x` or `yes: x` for keys that JSON does not have.
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise BadInput('Further fields: write JSON such as {"top_k": 20}, or YAML such as top_k: 20.')
    try:
        return check_extra_body(values)
    except ValueError as error:
        raise BadInput(f"Further fields: {error}.") from None
