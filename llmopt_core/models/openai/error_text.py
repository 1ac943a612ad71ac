"""An endpoint's own reason for a failure, wherever in its answer it stands. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

# In this order: what is most likely a sentence first. The last two are MiniMax's.
_FIELDS = ("message", "msg", "error_message", "error_msg", "error", "errors", "detail", "details", "reason", "title",
           "error_description", "status_msg", "base_resp")  # fmt: skip
_CODES = ("code", "type", "__type", "status")
# `<title>502 Bad Gateway</title>`. Bounded, as a page may open a title and never close it.
_TITLE = re.compile(r"<title[^<>]*>\s*([^<]{1,200}?)\s*</title>", re.IGNORECASE)
_MOST = 3  # A validator may find fault with each of a hundred messages.
_DEEPEST = 6  # Gateways nest an error three or four levels; a body made to hurt nests thousands.
_VAGUE = "provider returned error"  # OpenRouter's.


def reason_of(body: Any) -> str:
    """The reasons that a body gives, at most three; empty where it gives none.

    Longer bodies may repeat the prompt, so nothing else of them is shown.
    """
    # Each once: a gateway repeats what it was told in its own words' place.
    reasons = dict.fromkeys(" ".join(text.split()).rstrip(".") for text in _reasons(body))
    return "; ".join([text for text in reasons if text][:_MOST])


def _reasons(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield from _reasons_in_text(value, depth)
    elif depth > _DEEPEST:
        return
    elif isinstance(value, list):
        for item in value:
            yield from _reasons(item, depth + 1)
    elif isinstance(value, dict):
        fields = {str(name).lower(): inner for name, inner in value.items()}
        place = _place(fields.get("loc"))
        # Lazily: only the first field that says something is read; a code is the last resort.
        candidates = (list(_reasons(fields[name], depth + 1)) for name in (*_FIELDS, *_CODES) if fields.get(name))
        texts = [f"{place}{text}" for text in next(filter(None, candidates), [])]
        if texts and texts[0].strip().lower().startswith(_VAGUE):
            # A broker's word for the reason of the service behind it.
            metadata = fields.get("metadata")
            raw = metadata.get("raw") if isinstance(metadata, dict) else None
            texts += _reasons(raw, depth + 1)
        yield from texts


def _reasons_in_text(text: str, depth: int) -> Iterator[str]:
    """A page of HTML says its title; JSON that is handed on as text is read."""
    start = text.lstrip()[:1]
    # The rest of an error page is styles and scripts.
    if start == "<" and (title := _TITLE.search(text)):
        yield title[1]
        return
    if start in ("{", "[") and depth <= _DEEPEST:
        try:
            yield from _reasons(json.loads(text), depth + 1)
        # A sentence that begins with a bracket, such as `[E42] no such model`.
        except (ValueError, RecursionError):
            yield text
        return
    yield text


def _place(loc: Any) -> str:
    parts = [str(part) for part in loc if isinstance(part, str | int)] if isinstance(loc, list) else []
    return f"{'.'.join(parts)}: " if parts else ""
