"""Token counts of training examples, as OpenAI bills them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

TOKENS_PER_MESSAGE = 3
TOKENS_PER_NAME = 1
TOKENS_PER_CHAT = 3
TARGET_EPOCHS = 3
MIN_TARGET_EXAMPLES = 100
MAX_TARGET_EXAMPLES = 25_000
MIN_EPOCHS = 1
MAX_EPOCHS = 25


class TokenCounter(Protocol):
    """Counts the tokens of a text."""

    def count(self, text: str) -> int:
        """Number of tokens."""
        ...


def billing_counter() -> TokenCounter:
    """The tokenizer of OpenAI's estimate (cl100k_base)."""
    from llmopt_core.models.tokenizers import tokenizer

    counter: TokenCounter = tokenizer("cl100k_base")
    return counter


def conversation_tokens(messages: Sequence[Mapping[str, Any]], counter: TokenCounter) -> int:
    """Tokens of one conversation: 3 per message, 1 for a name, 3 for the chat, and every value's own."""
    total = TOKENS_PER_CHAT
    for message in messages:
        total += TOKENS_PER_MESSAGE + sum(_value_tokens(value, counter) for value in message.values())
        total += TOKENS_PER_NAME if "name" in message else 0
    return total


def assistant_tokens(messages: Sequence[Mapping[str, Any]], counter: TokenCounter) -> int:
    """Tokens in the contents of the assistant's messages."""
    return sum(_value_tokens(m.get("content"), counter) for m in messages if m.get("role") == "assistant")


def _value_tokens(value: Any, counter: TokenCounter) -> int:
    if isinstance(value, str):
        return counter.count(value)
    if isinstance(value, Mapping | list):
        return counter.count(json.dumps(value, ensure_ascii=False))
    return 0


def default_epochs(examples: int) -> int:
    """Epochs OpenAI would choose: 3, more for few examples (at most 25), fewer for very many."""
    if not examples:
        return TARGET_EPOCHS
    if examples * TARGET_EPOCHS < MIN_TARGET_EXAMPLES:
        return min(MAX_EPOCHS, MIN_TARGET_EXAMPLES // examples)
    if examples * TARGET_EPOCHS > MAX_TARGET_EXAMPLES:
        return max(MIN_EPOCHS, MAX_TARGET_EXAMPLES // examples)
    return TARGET_EPOCHS
