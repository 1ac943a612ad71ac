"""What a prompt takes: tokens by model family, and the price of them.

Counting itself is done by a function that is handed in, so that this stays free of tokenizers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmopt_core.prompts.few_shot import Encode
from llmopt_core.prompts.messages import Mode, build_messages, select_shots
from llmopt_core.prompts.spec import PromptSpec
from llmopt_core.types import Message

Count = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Family:
    """How a family of models counts a prompt.

    Attributes:
        tokenizer: Name of its tokenizer.
        per_message: Tokens a chat message takes beyond its text: marks and the role.
        per_reply: Tokens that open the reply of a chat.
        exact: False where another family's tokenizer stands in, and the number is an estimate.
    """

    tokenizer: str
    per_message: int
    per_reply: int
    exact: bool


# OpenAI's cookbook, "How to count tokens with tiktoken": 3 marks and 1 role per message, 3 marks before the reply.
_O200K = Family("o200k_base", 4, 3, True)
_CL100K = Family("cl100k_base", 4, 3, True)
# <|im_start|>role\n ... <|im_end|>\n around each message, <|im_start|>assistant\n before the reply.
_CHATML = Family("builtin-chat", 5, 3, True)
# Most newer models have about as many tokens per text as OpenAI's newer ones; the number is called an estimate.
_DEFAULT_FAMILY = Family("o200k_base", 4, 3, False)

# `gpt-4-turbo`, `gpt-35-turbo` (Azure's spelling). `gpt-4o` and `gpt-4.1` are matched before.
_OLDER = re.compile(r"(gpt-4|gpt-3\.5|gpt-35)(-|$)")
_NEWER = re.compile(r"(chatgpt|gpt-4o|gpt-4\.|gpt-oss|gpt-[5-9]|gpt-1\d|o\d)")


def family_of(model: str, *, builtin: bool = False) -> Family:
    """The family of a model by its name, such as `gpt-4o-mini` or `ft:gpt-4o-mini:org::id`.

    Args:
        model: Name at its endpoint; a prefix such as `openai/` does not matter.
        builtin: Whether it is the built-in model, whatever its name.
    """
    if builtin:
        return _CHATML
    # `ft:gpt-4o-mini:org::id` is counted as the model it was tuned from.
    name = model.lower().removeprefix("ft:").rsplit("/", 1)[-1]
    if _NEWER.match(name):
        return _O200K
    return _CL100K if _OLDER.match(name) else _DEFAULT_FAMILY


def count_messages(messages: Sequence[Message], mode: Mode, family: Family, count: Count) -> int:
    """Tokens of a prompt as the model sees it.

    Args:
        messages: As sent.
        mode: A chat adds marks around each message, a completion is its plain text.
        family: What the marks take.
        count: Text -> tokens, by the family's tokenizer.
    """
    if mode == "completion":
        return count("\n\n".join(message.full_text for message in messages))
    return sum(count(message.full_text) + family.per_message for message in messages) + family.per_reply


@dataclass(frozen=True, slots=True)
class Preview:
    """A prompt rendered on one example.

    Attributes:
        messages: Exactly as they would be sent.
        tokens: What they take; an estimate unless `exact`.
        few_shot: Each chosen example as shown, with its tokens.
        cost_usd: Price of the prompt without the answer; None where the model has no price.
    """

    messages: tuple[Message, ...]
    tokens: int
    exact: bool
    few_shot: tuple[tuple[str, str, int], ...] = ()
    cost_usd: float | None = None


def preview(
    prompt: PromptSpec,
    variables: Mapping[str, Any],
    mode: Mode,
    family: Family,
    count: Count,
    *,
    usd_per_million: float | None = None,
    encode: Encode | None = None,
) -> Preview:
    """Render the prompt's last call on an example and count it.

    Args:
        prompt: What to render.
        variables: Values for it; outputs of its steps among them.
        mode: How the model is asked.
        family: How the model counts.
        count: Text -> tokens, by the family's tokenizer.
        usd_per_million: Price of a million prompt tokens; None where it is not known.
        encode: For few-shot selection by embedding.

    Raises:
        BadInput: A template is wrong or a variable has no value.
    """
    messages = build_messages(prompt, variables, mode, encode)
    tokens = count_messages(messages, mode, family, count)
    # Each example is two messages, question and answer.
    marks = 2 * family.per_message if mode == "chat" else 0
    shots = tuple(
        (text, answer, count(text) + count(answer) + marks) for text, answer in select_shots(prompt, variables, encode)
    )
    cost = None if usd_per_million is None else tokens * usd_per_million / 1e6
    return Preview(messages, tokens, family.exact, shots, cost)
