"""Texts that look like keys and passwords, so that nobody trains on them or uploads them unawares."""

from __future__ import annotations

import re
from collections.abc import Iterable

from llmopt_core.finetuning.data.examples import ChatMessage, message_text

_KINDS = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    # By their published prefixes: OpenAI and those who imitate it (sk-), AWS (AKIA, ASIA), GitHub (ghp_ ...), Hugging
    # Face (hf_), Google (AIza), Slack (xox...). The lengths keep words such as "sk-learn" out.
    "an API key": re.compile(
        r"\b(?:sk-[A-Za-z0-9_-]{20,}|(?:AKIA|ASIA)[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{30,}|hf_[A-Za-z0-9]{30,}"
        r"|AIza[A-Za-z0-9_-]{30,}|xox[abprs]-[A-Za-z0-9-]{10,})\b"
    ),
    # A JSON Web Token: three base64 parts, told by the second, which begins as `{"` does. The first does too, but a
    # dash may stand in it, and a search that begins behind each dash takes the square of the text.
    "a token": re.compile(r"(?<=[A-Za-z0-9_-]{10})\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    # Six characters and more, so that "password: none" in a manual is passed over; "password: required" is not, which
    # is why this is only a doubt.
    "a password": re.compile(r"\b(?:password|passwd|passwort|mot de passe)\s*[:=]\s*\S{6,}", re.IGNORECASE),
}


def secret_kinds(messages: Iterable[ChatMessage]) -> list[str]:
    """Which kinds of secret the messages seem to hold; never the secret itself."""
    texts = [message_text(message) for message in messages]
    return [kind for kind, pattern in _KINDS.items() if any(pattern.search(text) for text in texts)]
