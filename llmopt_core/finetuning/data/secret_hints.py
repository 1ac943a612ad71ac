"""Texts that look like keys and passwords, so that nobody trains on them or uploads them unawares."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from llmopt_core.errors import has_key
from llmopt_core.finetuning.data.examples import ChatMessage, message_text

_KINDS: dict[str, Callable[[str], object]] = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----").search,
    "an API key": has_key,
    # A JSON Web Token: three base64 parts, told by the second, which begins as `{"` does. The first does too, but a
    # dash may stand in it, and a search that begins behind each dash takes the square of the text.
    "a token": re.compile(r"(?<=[A-Za-z0-9_-]{10})\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}").search,
    # Six characters and more, so that "password: none" in a manual is passed over; "password: required" is not, which
    # is why this is only a doubt.
    "a password": re.compile(r"\b(?:password|passwd|passwort|mot de passe)\s*[:=]\s*\S{6,}", re.IGNORECASE).search,
}


def secret_kinds(messages: Iterable[ChatMessage]) -> list[str]:
    """Which kinds of secret the messages seem to hold; never the secret itself."""
    texts = [message_text(message) for message in messages]
    return [kind for kind, find in _KINDS.items() if any(find(text) for text in texts)]
