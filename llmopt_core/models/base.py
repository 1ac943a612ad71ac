"""What a model is to the rest of the core: three protocols with one job each, and the specs that name models."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator

from llmopt_core.errors import BadInput
from llmopt_core.models.body_fields import check_extra_body, check_parameters
from llmopt_core.types import Message, Spec, ToolCall, Usage, canonical_json

Vectors = npt.NDArray[np.float32]

BUILTIN = "builtin"
BUILTIN_EMBEDDING = "all-MiniLM-L6-v2"

# OpenAI's rule; others allow less only in length.
_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class ModelSpec(Spec):
    """Which chat model, asked how.

    Attributes:
        endpoint: Name of an endpoint; `builtin` is the embedded one.
        name: Model name at the endpoint; empty takes the endpoint's default.
        mode: `completion` sends one plain text to `/v1/completions`, `chat` sends messages. Empty takes the
            endpoint's own: completion for `builtin`, chat elsewhere.
        stop: Texts that end the answer.
        adapter: A fine-tuned adapter of the built-in model, by name; empty for the base model.
        reasoning_effort: How long a reasoning model may think, such as `low`; empty leaves it to the model. Chat only.
        extra_body: Further fields of the request, as the endpoint wants them.
        parameters: Parameter -> its name at this endpoint, or None to leave it out; goes before the endpoint's own.
    """

    endpoint: str = BUILTIN
    name: str = ""
    mode: Literal["", "chat", "completion"] = ""
    # OpenAI's range; most services refuse what is above it, and 0 makes runs that can be compared.
    temperature: float = Field(default=0.0, ge=0.0, le=2.0)
    top_p: float | None = Field(default=None, gt=0.0, le=1.0)
    # Small on purpose: an answer that never stops costs at most this, and one that is cut says so.
    max_tokens: int = Field(default=256, ge=1, le=131_072)
    # What fits a signed number of 64 bits: JSON would carry more, databases and services do not.
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    stop: tuple[str, ...] = ()
    adapter: str = ""
    # Any plain word: services add levels (`minimal`, `xhigh`) faster than a list of ours could follow.
    # Left out where empty (`exclude_if`): what was stored before there were these fields keeps its fingerprint.
    reasoning_effort: str = Field(default="", pattern=r"^[A-Za-z0-9_-]{0,40}$", exclude_if=operator.not_)
    extra_body: dict[str, Any] = Field(default_factory=dict, exclude_if=operator.not_)
    parameters: dict[str, str | None] = Field(default_factory=dict, exclude_if=operator.not_)

    _check_extra = field_validator("extra_body")(check_extra_body)
    _check_parameters = field_validator("parameters")(check_parameters)

    def __hash__(self) -> int:
        """Its dictionaries have no hash of their own."""
        return hash(self.fingerprint)


class EmbeddingSpec(Spec):
    """Which embedding model, and which text of a chunk it sees.

    Attributes:
        endpoint: Empty for a local sentence-transformers model, else an OpenAI-compatible endpoint.
        model: `all-MiniLM-L6-v2` is built in; else a folder, a hub name, or the endpoint's model name.
        of: What is embedded: the chunk's text, heading path + text, a one-sentence summary, or questions it answers.
        writer: The chat model that writes summaries or questions; None for the built-in one, which is too weak for it.
        query_prefix: Written before each question; None for what the model wants, if it is known (see `prefixes`).
        passage_prefix: The same before each passage.
    """

    model: str = BUILTIN_EMBEDDING
    endpoint: str = ""
    of: Literal["text", "heading", "summary", "questions"] = "text"
    # Left out where None: what was stored before there were writers and prefixes keeps its fingerprint.
    writer: ModelSpec | None = Field(default=None, exclude_if=lambda value: value is None)
    query_prefix: str | None = Field(default=None, max_length=2000, exclude_if=lambda value: value is None)
    passage_prefix: str | None = Field(default=None, max_length=2000, exclude_if=lambda value: value is None)

    @property
    def writer_model(self) -> ModelSpec | None:
        """Who writes what is embedded; None where that is the text itself."""
        # Nobody writes for the other kinds: a writer that was left set must not change which vectors are asked for.
        return (self.writer or ModelSpec()) if self.of in ("summary", "questions") else None


@dataclass(frozen=True, slots=True)
class ToolDefinition:
    """A tool that a model may call, as it is told to the model.

    Attributes:
        name: What calls name it: letters, digits, `_` and `-`, at most 64.
        description: When to call it, and what it gives.
        parameters: JSON schema of its arguments, an object.
    """

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})

    def __post_init__(self) -> None:
        if not _TOOL_NAME.fullmatch(self.name):
            raise BadInput(f"A tool cannot be named {self.name!r}; use up to 64 letters, digits, _ and -.")

    @property
    def body(self) -> dict[str, Any]:
        """As OpenAI's API takes it."""
        function = {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}
        # An empty description is left out: it says nothing, and some validators refuse it.
        return {"type": "function", "function": {key: value for key, value in function.items() if value != ""}}


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One call. For completion mode the messages are joined into one text by blank lines.

    Attributes:
        tools: What the model may call; needs a chat mode and a model that can.
        tool_choice: `none`, `auto` or `required`, or the name of the tool that must be called; empty leaves it to the
            model, as `auto` does.
        response_format: As in the OpenAI API, such as `{"type": "json_object"}`.
        top_logprobs: How many alternatives per generated token to report; 0 for none.
        repeat: Numbers repeated calls of the same request, so that each is made and cached apart.
    """

    messages: tuple[Message, ...]
    model: ModelSpec
    response_format: Mapping[str, Any] | None = None
    top_logprobs: int = 0
    repeat: int = 0
    tools: tuple[ToolDefinition, ...] = ()
    tool_choice: str = ""

    def __post_init__(self) -> None:
        names = [tool.name for tool in self.tools]
        # The call that a model makes holds a name alone.
        twice = next((name for name in names if names.count(name) > 1), "")
        if twice:
            raise BadInput(f"Two tools are named {twice!r}; a call could not tell them apart.")
        # Without tools even `none` and `auto` are refused by OpenAI, so they are no choice here either.
        if self.tool_choice and self.tool_choice not in (("none", "auto", "required", *names) if names else ()):
            raise BadInput(f"tool_choice is {self.tool_choice!r}, and no such tool is offered.")

    @property
    def uses_tools(self) -> bool:
        """Whether tools are offered, or were called in the conversation."""
        return bool(self.tools) or any(message.tool_calls or message.role == "tool" for message in self.messages)

    @property
    def texts(self) -> list[str]:
        """All that the model reads: each message, and the tools as JSON."""
        tool_texts = [canonical_json([tool.body for tool in self.tools])] if self.tools else []
        return [*(message.full_text for message in self.messages), *tool_texts]


@dataclass(frozen=True, slots=True)
class Completion:
    """What came back.

    Attributes:
        logprobs: One mapping token -> log probability per generated token, where asked for.
        text: The answer alone.
        reasoning: What a reasoning model wrote before it; shown and counted, never scored.
        reasoning_tokens: Its part of the usage's completion tokens.
        notes: What of the answer was dropped or cut because it could not be read, in words.
        tool_calls: The tools that the model wants to have called, in its order.
        may_think: Whether a text that was cut may be thinking that no mark opened: nobody saw the model answer without.
    """

    text: str
    usage: Usage = Usage()
    finish_reason: str = ""
    seconds: float = 0.0
    first_token_seconds: float | None = None
    logprobs: tuple[Mapping[str, float], ...] = field(default=())
    notes: tuple[str, ...] = ()
    reasoning: str = ""
    reasoning_tokens: int = 0
    tool_calls: tuple[ToolCall, ...] = ()
    # The careful side: what nobody has looked at may be thinking, and is then not scored as an answer.
    may_think: bool = True

    @property
    def message(self) -> Message:
        """As the next request of the conversation holds it."""
        return Message("assistant", self.text, self.tool_calls)


class ChatModel(Protocol):
    """A chat or completion model on some endpoint."""

    async def complete(self, request: ChatRequest, on_text: Callable[[str], None] | None = None) -> Completion:
        """Answer one request.

        Args:
            request: The call.
            on_text: When given, the answer is streamed and each new piece is handed over as it arrives.

        Raises:
            EndpointError: The endpoint failed for good (after retries).
        """


class Embedder(Protocol):
    """Texts -> unit vectors.

    Attributes:
        name: Identifies model and weights; part of the key of every cached vector.
        max_tokens: Tokens beyond this are not seen by the model.
    """

    name: str
    max_tokens: int

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (len(texts), dimension), float32, each of length 1."""


class TokenEmbedder(Protocol):
    """Texts -> one unit vector per token, for late interaction."""

    name: str

    def encode_tokens(self, texts: Sequence[str]) -> list[tuple[list[int], Vectors]]:
        """Per text its token ids and their vectors, special tokens left out."""


class Reranker(Protocol):
    """Scores passages against a question."""

    async def score(self, question: str, passages: Sequence[str]) -> tuple[list[float], Usage]:
        """One score per passage, higher is better, and what the calls took."""
