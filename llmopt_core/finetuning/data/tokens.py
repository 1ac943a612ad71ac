"""Token counts of training examples, as OpenAI bills them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from llmopt_core.finetuning.data.pictures import picture_tokens

# The counting of OpenAI's cookbook for chat models: what frames messages, names and tools.
TOKENS_PER_MESSAGE = 3
TOKENS_PER_NAME = 1
TOKENS_PER_CHAT = 3
# Function definitions, for the models that can be fine-tuned (gpt-4o and later).
TOKENS_PER_FUNCTION = 7
TOKENS_AFTER_TOOLS = 12
TOKENS_PER_PROPERTIES = 3
TOKENS_PER_PROPERTY = 3
TOKENS_PER_ENUM = -3  # negative in the cookbook, too
TOKENS_PER_CHOICE = 3
# How OpenAI's cookbook estimates the epochs of a job that leaves them to the service.
TARGET_EPOCHS = 3
# Examples times epochs stay between these two where the number of epochs allows it.
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


def tools_tokens(tools: Sequence[Mapping[str, Any]], counter: TokenCounter) -> int:
    """Tokens of function definitions, by the OpenAI cookbook's "How to count tokens with Tiktoken".

    The cookbook knows flat parameters only; those inside of others are counted in the same way here.
    """
    functions = [tool.get("function") for tool in tools if isinstance(tool, Mapping)]
    counts = [_function_tokens(function, counter) for function in functions if isinstance(function, Mapping)]
    return sum(counts) + (TOKENS_AFTER_TOOLS if counts else 0)


def _function_tokens(function: Mapping[str, Any], counter: TokenCounter) -> int:
    line = f"{function.get('name', '')}:{_sentence(function)}"
    return TOKENS_PER_FUNCTION + counter.count(line) + _schema_tokens(function.get("parameters"), counter)


def _schema_tokens(schema: Any, counter: TokenCounter) -> int:
    if not isinstance(schema, Mapping):
        return 0
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or not properties:
        # A list of objects keeps its properties one level below, in `items`.
        return _schema_tokens(schema.get("items"), counter)
    return TOKENS_PER_PROPERTIES + sum(_property_tokens(str(n), p, counter) for n, p in properties.items())


def _property_tokens(name: str, schema: Any, counter: TokenCounter) -> int:
    if not isinstance(schema, Mapping):
        return TOKENS_PER_PROPERTY
    total = TOKENS_PER_PROPERTY + counter.count(f"{name}:{schema.get('type', '')}:{_sentence(schema)}")
    if isinstance(schema.get("enum"), list):
        total += TOKENS_PER_ENUM + sum(TOKENS_PER_CHOICE + counter.count(str(choice)) for choice in schema["enum"])
    return total + _schema_tokens(schema, counter)


def _sentence(schema: Mapping[str, Any]) -> str:
    # The cookbook counts a description without its full stop.
    return str(schema.get("description") or "").removesuffix(".")


def _value_tokens(value: Any, counter: TokenCounter) -> int:
    if isinstance(value, str):
        return counter.count(value)
    # A list of content parts, as opposed to tool calls, which are counted as JSON below.
    if isinstance(value, list) and value and all(isinstance(part, Mapping) and "type" in part for part in value):
        return sum(_part_tokens(part, counter) for part in value)
    if isinstance(value, Mapping | list):
        return counter.count(json.dumps(value, ensure_ascii=False))
    # Numbers and nulls (`weight`) are not sent to the model.
    return 0


def _part_tokens(part: Mapping[str, Any], counter: TokenCounter) -> int:
    if isinstance(part.get("text"), str):
        return counter.count(part["text"])
    if part.get("type") == "image_url":
        return picture_tokens(part.get("image_url"))
    # Parts of other kinds, such as audio, have no published count; their JSON is a rough one.
    return counter.count(json.dumps(part, ensure_ascii=False))


def default_epochs(examples: int) -> int:
    """Epochs OpenAI would choose: 3, more for few examples (at most 25), fewer for very many."""
    if not examples:
        return TARGET_EPOCHS
    if examples * TARGET_EPOCHS < MIN_TARGET_EXAMPLES:
        return min(MAX_EPOCHS, MIN_TARGET_EXAMPLES // examples)
    if examples * TARGET_EPOCHS > MAX_TARGET_EXAMPLES:
        return max(MIN_EPOCHS, MAX_TARGET_EXAMPLES // examples)
    return TARGET_EPOCHS
