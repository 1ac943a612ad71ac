"""An endpoint's own reason for a failure, wherever in its answer it stands. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_FIELDS = ("message", "msg", "error_message", "error", "errors", "detail", "details", "reason", "title",
           "error_description")  # fmt: skip
_MOST = 3
_DEEPEST = 6
_VAGUE = "provider returned error"


def reason_of(body: Any) -> str:
    """The reasons that a body gives, at most three; empty where it gives none.

    Longer bodies may repeat the prompt, so nothing else of them is shown.
    """
    found = dict.fromkeys(" ".join(text.split()).rstrip(".") for text in _reasons(body))
    return "; ".join([text for text in found if text][:_MOST])


def _reasons(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth > _DEEPEST:
        return
    elif isinstance(value, list):
        for item in value:
            yield from _reasons(item, depth + 1)
    elif isinstance(value, dict):
        inner = next((value[name] for name in _FIELDS if value.get(name)), None)
        place = _place(value.get("loc"))
        said = [f"{place}{text}" for text in _reasons(inner, depth + 1)]
        if said and said[0].strip().lower().startswith(_VAGUE):
            # A broker's word for the reason of the service behind it.
            metadata = value.get("metadata")
            raw = metadata.get("raw") if isinstance(metadata, dict) else None
            said += [raw] if isinstance(raw, str) else []
        yield from said


def _place(loc: Any) -> str:
    parts = [str(part) for part in loc if isinstance(part, str | int)] if isinstance(loc, list) else []
    return f"{'.'.join(parts)}: " if parts else ""
