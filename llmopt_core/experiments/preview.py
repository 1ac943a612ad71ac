"""What a prompt becomes on one example, before anything is sent: messages, tokens, price, variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmopt_core.answering.few_shot_vectors import memoize
from llmopt_core.evaluation.assertions.columns import ASSERTION_COLUMNS
from llmopt_core.models.base import BUILTIN, EmbeddingSpec, ModelSpec, Vectors
from llmopt_core.models.registry import Models
from llmopt_core.models.tokenizers import tokenizer
from llmopt_core.prompts.messages import (
    build_step_messages,
    find_undefined_variables,
    find_unused_variables,
    templates_of,
)
from llmopt_core.prompts.spec import PromptSpec
from llmopt_core.prompts.template import variables_in
from llmopt_core.prompts.tokens import Preview, count_messages, family_of, preview
from llmopt_core.types import Document, Example, Message

RETRIEVAL_VARIABLES = ("context", "documents")
# Enough to see what is asked, without drawing whole chunks into a form.
_AROUND = 600
_INTERNAL_COLUMNS = ASSERTION_COLUMNS


@dataclass(frozen=True, slots=True)
class Variables:
    """The names a prompt uses.

    Attributes:
        used: Taken from outside, chain outputs left out.
        undefined: Used, but no column of the examples and not made by an earlier step.
        unused: Known, but not used: columns, and outputs of steps.
        from_retrieval: Those used that only retrieval fills.
    """

    used: tuple[str, ...]
    undefined: tuple[str, ...]
    unused: tuple[str, ...]
    from_retrieval: tuple[str, ...]


def variables_of(prompt: PromptSpec, columns: Sequence[str]) -> Variables:
    """Which names the prompt uses, which of them nothing fills, and which are there and not used.

    Args:
        prompt: Any prompt.
        columns: What the examples have beside `question`.

    Raises:
        BadInput: A template is not valid Jinja2.
    """
    steps = {step.name for step in prompt.steps}
    prompt_variables = set().union(*(variables_in(template) for template in templates_of(prompt))) - steps
    known_names = ["question", *columns, *(name for name in RETRIEVAL_VARIABLES if name in prompt_variables)]
    retrieval_variables = tuple(
        name for name in RETRIEVAL_VARIABLES if name in prompt_variables and name not in columns
    )
    return Variables(
        tuple(sorted(prompt_variables)),
        tuple(sorted(find_undefined_variables(prompt, known_names))),
        tuple(sorted(find_unused_variables(prompt, known_names))),
        retrieval_variables,
    )


def columns_of(examples: Sequence[Example]) -> list[str]:
    """The columns that examples have beside the question, those of assertions left out."""
    names = dict.fromkeys(name for example in examples for name in example.variables)
    return [name for name in names if name not in _INTERNAL_COLUMNS]


def stand_in(example: Example, documents: Mapping[str, Document]) -> str:
    """A passage to preview `context` with where nothing is retrieved: the text around the example's references."""
    parts = []
    # Three are enough for a look at the form of the prompt.
    for span in example.references[:3]:
        text = documents[span.document].text if span.document in documents else ""
        # Up to the blank lines around, as a chunk would begin and end.
        start = text.rfind("\n\n", max(0, span.start - _AROUND), span.start)
        end = text.find("\n\n", span.end, span.end + _AROUND)
        parts.append(text[start + 2 if start >= 0 else max(0, span.start - _AROUND) : end if end >= 0 else span.end])
    # References that stand close together have the same passage around them.
    return "\n\n".join(dict.fromkeys(part.strip() for part in parts if part.strip()))


def preview_variables(prompt: PromptSpec, example: Example, passage: str = "") -> dict[str, Any]:
    """Values to render a prompt with: the example's own, the passage as `context`, and marks for step outputs."""
    columns = {name: value for name, value in example.variables.items() if name not in _INTERNAL_COLUMNS}
    document = {"number": 1, "name": "passage", "heading": "", "text": passage}
    steps = {step.name: f"[output of step {step.name}]" for step in prompt.steps}
    return {"context": passage, "documents": [document], **columns, "question": example.question, **steps}


@dataclass(frozen=True, slots=True)
class PromptPreview:
    """Every call of a prompt on one example.

    Attributes:
        last: The last call, with tokens and price of all calls together.
        steps: Name, messages and tokens of each call before it.
        tokenizer: What counted.
    """

    last: Preview
    steps: tuple[tuple[str, tuple[Message, ...], int], ...]
    tokens: int
    cost_usd: float | None
    tokenizer: str


def preview_prompt(prompt: PromptSpec, variables: Mapping[str, Any], model: ModelSpec, models: Models) -> PromptPreview:
    """Render and count a prompt as the model would get it. Nothing is sent; an embedding model may be loaded.

    Args:
        prompt: What to render.
        variables: As `preview_variables` gives them.
        model: Who would be asked: decides form, tokenizer and price.
        models: Knows its endpoint.

    Raises:
        BadInput: A template is wrong, a variable has no value, or the endpoint is unknown.
    """
    endpoint = models.endpoint(model.endpoint)
    mode = model.mode or endpoint.mode
    family = family_of(model.name or endpoint.default_model, builtin=model.endpoint == BUILTIN)
    count = tokenizer(family.tokenizer).count
    price = endpoint.price_of(model.name or endpoint.default_model)
    per_million = None if price is None else price.prompt

    def encode(texts: Sequence[str]) -> Vectors:
        return memoize(models.embedder(EmbeddingSpec()))(texts)

    steps = []
    for step in prompt.steps:
        messages = build_step_messages(prompt, step, variables, mode)
        steps.append((step.name, messages, count_messages(messages, mode, family, count)))
    last = preview(prompt, variables, mode, family, count, usd_per_million=per_million, encode=encode)
    tokens = last.tokens + sum(size for *_, size in steps)
    cost = None if per_million is None else tokens * per_million / 1e6
    return PromptPreview(last, tuple(steps), tokens, cost, family.tokenizer)
