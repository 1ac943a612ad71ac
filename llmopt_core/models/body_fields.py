"""What may be said by hand of a request's body. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

from llmopt_core.models.refusal_text import PARAMETERS

_OURS = frozenset({
    "model", "messages", "prompt", "stream", "stream_options", "n", "best_of", "echo", "tools", "tool_choice",
    "functions", "api_key", "key", "token", "authorization",
})  # fmt: skip
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}")
_LONGEST = 100_000


def checked_extra_body(fields: dict[str, Any]) -> dict[str, Any]:
    """Further fields of a request.

    Raises:
        ValueError: One is ours to set, or they are no JSON.
    """
    wrong = next((name for name in fields if name.lower() in _OURS or not _NAME.fullmatch(name)), None)
    if wrong is not None:
        raise ValueError(f"extra_body cannot hold {wrong!r}; it is for fields such as top_k or chat_template_kwargs")
    try:
        text = json.dumps(fields, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise ValueError("extra_body must hold what JSON can say") from None
    if len(text) > _LONGEST:
        raise ValueError(f"extra_body must be shorter than {_LONGEST:,} characters")
    return fields


def checked_parameters(names: dict[str, str | None]) -> dict[str, str | None]:
    """Parameters with their names at an endpoint; None leaves one out.

    Raises:
        ValueError: There is no such parameter, or no such name.
    """
    for name, other in names.items():
        if name not in PARAMETERS:
            raise ValueError(f"parameters cannot hold {name!r}; there are {', '.join(PARAMETERS)}")
        if other and (not _NAME.fullmatch(other) or other.lower() in _OURS):
            raise ValueError(f"parameters: {name} cannot be sent as {other!r}")
    return names
