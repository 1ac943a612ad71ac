"""Question + database -> Answer: the result itself, or what a model says to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from llmopt_core.answering.answer import answer_question, mode_of
from llmopt_core.answering.few_shot_vectors import memoize
from llmopt_core.answering.tools.sql.database import Database
from llmopt_core.answering.tools.sql.result_text import failure_reason, marked_result, result_text
from llmopt_core.answering.tools.sql.spec import DataSpec
from llmopt_core.answering.tools.sql.strategy import OnAttempt, QueryWriter
from llmopt_core.models.base import EmbeddingSpec, ModelSpec, Vectors
from llmopt_core.prompts.few_shot import Encode
from llmopt_core.prompts.messages import templates_of
from llmopt_core.prompts.spec import PromptSpec
from llmopt_core.prompts.template import variables_in
from llmopt_core.types import GOLD_VARIABLE, Answer, Example

if TYPE_CHECKING:
    from llmopt_core.models.registry import Models

RESULT = "result"
"""The variable of a prompt that holds the result; a prompt without it has the result itself as the answer."""


async def answer_from_database(  # noqa: PLR0917
    example: Example,
    database: Database,
    spec: DataSpec,
    prompt: PromptSpec,
    model: ModelSpec,
    models: Models,
    on_text: Callable[[str], None] | None = None,
    on_attempt: OnAttempt | None = None,
    *,
    repeat: int = 0,
    encode: Encode | None = None,
) -> Answer:
    """Answer one data question.

    The strategy gets nothing of the example but its question, so that it cannot read the right query, and neither can
    the prompt.

    Args:
        example: The question.
        database: Where to ask.
        spec: The strategy.
        prompt: Says how the answer is worded where it uses the variable `result` (and `sql`); else the result is the
            answer.
        model: Writes the query and the answer.
        models: Where to get it.
        on_text: Receives the answer's text as it arrives.
        on_attempt: Receives each query that was tried.
        repeat: Numbers repeated answers to the same question.
        encode: Texts -> unit vectors, for choosing solved queries; by default the built-in embedder.

    Raises:
        BadInput: The source cannot be opened, or a template is wrong.
        EndpointError: The model failed.
    """
    writer = QueryWriter(spec, model, models, mode_of(model, models), repeat, on_attempt)
    data = await writer.answer(example.question, database, encode or _builtin_encode(models))
    reason = failure_reason(data)
    notes = tuple(dict.fromkeys([*writer.notes, *data.notes, *([reason] if reason else [])]))
    if data.attempt is None or not _words_the_answer(prompt):
        text = "" if data.attempt is None else result_text(data.attempt)
        if on_text is not None and text:
            on_text(text)
        return Answer(text, usage=writer.usage, seconds=writer.seconds, finish_reason="stop", notes=notes, data=data)
    variables = {**without_result(example).variables, RESULT: marked_result(data), GOLD_VARIABLE: data.sql}
    question = replace(example, variables=variables)
    answer = await answer_question(question, None, prompt, model, models, None, on_text, repeat=repeat, encode=encode)
    return replace(
        answer,
        usage=writer.usage + answer.usage,
        seconds=writer.seconds + answer.seconds,
        notes=(*notes, *answer.notes),
        data=data,
    )


def without_result(example: Example) -> Example:
    """The example for a prompt that may use a result as well as passages, with nothing in their places.

    So one prompt serves questions that go to the database and those that go to documents.
    """
    return replace(
        example, variables={**example.variables, RESULT: "", GOLD_VARIABLE: "", "context": "", "documents": ()}
    )


def _words_the_answer(prompt: PromptSpec) -> bool:
    return any(RESULT in variables_in(template) for template in templates_of(prompt))


def _builtin_encode(models: Models) -> Encode:
    def encode(texts: Sequence[str]) -> Vectors:
        return memoize(models.embedder(EmbeddingSpec()))(texts)

    return encode
