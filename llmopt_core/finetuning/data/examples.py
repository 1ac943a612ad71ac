"""Training examples: what a fine-tuning job learns from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from llmopt_core.text.words import fold
from llmopt_core.types import fingerprint

ChatMessage = Mapping[str, Any]
Kind = Literal["chat", "preference"]


def message_text(message: ChatMessage) -> str:
    """What a message says: its content (the text parts of a list), else its tool calls as JSON."""
    # An empty text with tool calls says the calls; services write "" as well as null there.
    content = message.get("content")
    if isinstance(content, str) and content:
        return content
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    # `function_call` is the form before tools, which old files still hold.
    call = message.get("tool_calls") or message.get("function_call")
    # Not escaped: "\u4f60" would be counted, and learned, as six characters.
    return json.dumps(call, ensure_ascii=False) if call else ""


@dataclass(frozen=True, slots=True)
class TrainingExample:
    """One conversation to imitate, or one pair of answers of which the first is preferred.

    Attributes:
        messages: The whole conversation in OpenAI's chat form; for a preference pair the input alone.
        preferred, rejected: The two outputs of a preference pair; empty for a conversation.
        tools: Function definitions the conversation may call.
        label: Class used for balancing, such as the intent; empty where unknown.
        group: What must not stand on both sides of a split, such as the source document; empty means its own group.
        source: Where the example came from, for the review table. Not part of the content version.
        score: How good the answer was judged, where known. Not part of the content version.
    """

    messages: tuple[ChatMessage, ...]
    preferred: tuple[ChatMessage, ...] = ()
    rejected: tuple[ChatMessage, ...] = ()
    tools: tuple[Mapping[str, Any], ...] = ()
    parallel_tool_calls: bool | None = None
    label: str = ""
    group: str = ""
    source: str = ""
    score: float | None = None

    @property
    def is_preference(self) -> bool:
        """Whether this is a preference pair."""
        return bool(self.preferred)

    @property
    def prompt(self) -> tuple[ChatMessage, ...]:
        """The messages before the answer that is learned last."""
        # What follows the last answer (a tool message at times) is not learned and no part of the prompt.
        return self.messages if self.is_preference else self.messages[: self._last_answer()]

    @property
    def question(self) -> str:
        """The last user message; empty where there is none."""
        return next((message_text(m) for m in reversed(self.prompt) if m.get("role") == "user"), "")

    @property
    def answer(self) -> str:
        """The last assistant message; for a preference pair the preferred output."""
        if self.is_preference:
            return message_text(self.preferred[-1])
        position = self._last_answer()
        return message_text(self.messages[position]) if position < len(self.messages) else ""

    @property
    def input_key(self) -> str:
        """Equal for examples with the same prompt, however spaced or cased."""
        return fingerprint([[m.get("role"), fold(message_text(m))] for m in self.prompt])

    @property
    def key(self) -> str:
        """Equal for exact duplicates."""
        # Label and group are not trained on, so they do not make two examples of one.
        return fingerprint(self.to_openai())

    def _last_answer(self) -> int:
        for position in range(len(self.messages) - 1, -1, -1):
            if self.messages[position].get("role") == "assistant":
                return position
        return len(self.messages)  # no answer: the whole conversation is prompt

    def to_openai(self) -> dict[str, Any]:
        """The JSON object of OpenAI's chat or preference format."""
        head: dict[str, Any] = {"messages": [dict(message) for message in self.messages]}
        if self.tools:
            head["tools"] = [dict(tool) for tool in self.tools]
        if self.parallel_tool_calls is not None:
            head["parallel_tool_calls"] = self.parallel_tool_calls
        if not self.is_preference:
            return head
        preferred_messages, rejected_messages = ([dict(m) for m in side] for side in (self.preferred, self.rejected))
        return {"input": head, "preferred_output": preferred_messages, "non_preferred_output": rejected_messages}


@dataclass(frozen=True)
class TrainingSet:
    """Named training examples, all conversations or all preference pairs; the version is their content hash."""

    name: str
    examples: tuple[TrainingExample, ...]

    @cached_property
    def version(self) -> str:
        """Content hash of what would be trained on, in order."""
        # Labels and groups decide splits and balances, so a set with others is another version, though it trains the
        # same.
        return fingerprint([[e.to_openai(), e.label, e.group] for e in self.examples])

    @property
    def kind(self) -> Kind:
        """`preference` where the examples are pairs, else `chat`."""
        return "preference" if self.examples and self.examples[0].is_preference else "chat"

    def to_jsonl(self) -> bytes:
        """The file a fine-tuning API takes: one JSON object per line, UTF-8."""
        lines = (json.dumps(e.to_openai(), ensure_ascii=False) for e in self.examples)
        # A lone half of a surrogate pair, as broken JSON escapes leave it, has no UTF-8; it becomes "?" instead of an
        # error at upload.
        return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")


def chat_example(
    question: str,
    answer: str,
    *,
    system: str = "",
    label: str = "",
    group: str = "",
    source: str = "",
    score: float | None = None,
) -> TrainingExample:
    """A conversation of one question and one answer, with a system message where `system` is not empty."""
    head: list[ChatMessage] = [{"role": "system", "content": system}] if system else []
    turns: list[ChatMessage] = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return TrainingExample((*head, *turns), label=label, group=group, source=source, score=score)


def preference_example(
    question: str,
    preferred: str,
    rejected: str,
    *,
    system: str = "",
    group: str = "",
    source: str = "",
) -> TrainingExample:
    """A preference pair over one question."""
    head: list[ChatMessage] = [{"role": "system", "content": system}] if system else []
    return TrainingExample(
        (*head, {"role": "user", "content": question}),
        ({"role": "assistant", "content": preferred},),
        ({"role": "assistant", "content": rejected},),
        group=group,
        source=source,
    )


def from_openai(value: Mapping[str, Any], source: str = "") -> TrainingExample:
    """The example behind a line that passed the format rules."""
    # A preference pair keeps messages and tools inside of `input`.
    head = value.get("input", value)
    return TrainingExample(
        tuple(head["messages"]),
        tuple(value.get("preferred_output", ())),
        tuple(value.get("non_preferred_output", ())),
        tuple(head.get("tools") or ()),
        head.get("parallel_tool_calls"),
        label=str(value.get("label", "")),
        group=str(value.get("group", "")),
        source=source,
    )
