"""Conversations that stand in one text, and what two of them share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from llmopt_core.errors import BadInput

# `\n\nHuman: ...\n\nAssistant: ...`, as Anthropic's hh-rlhf writes whole conversations in one text.
_TURN = re.compile(r"(?:^|\n\n)(Human|Assistant): ?")


def common_messages(good: Sequence[Mapping[str, Any]], bad: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The messages that both conversations begin with."""
    same = []
    # Without the last message, which is the answer even where both are equal.
    for one, other in zip(good[:-1], bad[:-1], strict=False):
        if one != other:
            break
        same.append(dict(one))
    return same


def after_common(side: list[dict[str, Any]], question: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What a conversation says after the messages that both share."""
    return side[len(question) :] if len(side) > len(question) and side[: len(question)] == list(question) else side


def speaker_turns(text: str) -> list[dict[str, str]]:
    """The turns of a text in which `Human:` and `Assistant:` speak.

    Raises:
        BadInput: Nobody speaks in it.
    """
    _, *parts = _TURN.split(text)
    if not parts:
        raise BadInput("the question before the two answers is missing; expected `prompt`")
    return [
        {"role": "user" if who == "Human" else "assistant", "content": content.strip()}
        for who, content in zip(parts[::2], parts[1::2], strict=True)
    ]
