"""Question + retrieved chunks + prompt -> Answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from llmopt_core.answering.citations import find_citations
from llmopt_core.answering.context import answer_variables
from llmopt_core.answering.fact_check.check import FactCheckResult, FactCheckSpec, check_answer
from llmopt_core.answering.fact_check.claims import is_refusal
from llmopt_core.answering.fact_check.support import ModelSupport, Support, WordSupport
from llmopt_core.answering.few_shot_vectors import memoize
from llmopt_core.answering.tools.base import Tool
from llmopt_core.answering.tools.loop import converse
from llmopt_core.models.base import ChatRequest, Completion, EmbeddingSpec, ModelSpec, ToolDefinition, Vectors
from llmopt_core.models.finish import unusable
from llmopt_core.prompts.few_shot import Encode
from llmopt_core.prompts.messages import Mode, build_messages, build_step_messages, templates_of
from llmopt_core.prompts.patterns import extract_answer
from llmopt_core.prompts.spec import PromptSpec
from llmopt_core.prompts.template import renders_at_once, variables_in
from llmopt_core.types import Answer, Example, Hit, Message, Usage

if TYPE_CHECKING:
    from llmopt_core.models.registry import Models
    from llmopt_core.retrieval.result import Retrieval

OnText = Callable[[str], None]


async def answer_question(  # noqa: PLR0917
    example: Example,
    retrieval: Retrieval | None,
    prompt: PromptSpec,
    model: ModelSpec,
    models: Models,
    fact_check: FactCheckSpec | None = None,
    on_text: OnText | None = None,
    *,
    repeat: int = 0,
    support: Support | None = None,
    encode: Encode | None = None,
    tools: Sequence[Tool] = (),
) -> Answer:
    """Answer one question.

    Args:
        example: The question with its further variables.
        retrieval: What was found; None for a configuration without retrieval.
        prompt: Templates, few-shot examples, steps and the extraction pattern.
        model: Which chat model, asked how.
        models: Where to get it.
        fact_check: What to do with unsupported claims; None for nothing.
        on_text: Receives the last call's text as it arrives.
        repeat: Numbers repeated answers to the same question, so that each is asked for and cached apart.
        support: Who judges claims where `fact_check` names the built-in judge; by default a plain word comparison.
        encode: Texts -> unit vectors, for few-shot selection by embedding; by default the built-in embedder.
        tools: What the model may call before it answers; the steps of a chain call none.

    Raises:
        BadInput: The prompt is wrong or lacks a variable.
        EndpointError: The model failed.
    """
    call = _Call(prompt, model, models, repeat)
    hits = tuple(retrieval.hits) if retrieval is not None else ()
    variables = answer_variables(example, None if retrieval is None else hits, call.mode)
    # What the model did not see can be neither cited nor checked against.
    shown_hits = hits if _shows_passages(prompt) else ()
    # They add their outputs to the variables, which the last call's templates need.
    steps = await call.run_steps(variables)
    messages = await call.build(variables, encode)
    completion, messages = await call.converse(messages, tools, on_text)
    text, notes = await _extract(prompt.extract, completion, model.max_tokens)
    notes += [note for note in call.notes if note not in notes]
    if hits and not shown_hits:
        notes.append("The prompt uses neither `context` nor `documents`, so the model saw no retrieved passage.")
    result = await _check(text, example.question, None if retrieval is None else shown_hits, fact_check, call, support)
    # "I don't know." rests on nothing, although its words may stand in some passage.
    citations = find_citations("" if is_refusal(result.text) else result.text, shown_hits)
    return Answer(
        text=result.text,
        hits=shown_hits,
        citations=citations.positions,
        prompt=messages,
        usage=call.usage + result.usage,
        seconds=call.seconds + result.seconds,
        finish_reason=completion.finish_reason,
        notes=(*notes, *result.notes, *citations.notes),
        # Only where it differs: most answers would be stored twice.
        raw=completion.text if completion.text.strip() != result.text else "",
        steps=tuple(steps),
        claims=result.claims,
        reasoning=completion.reasoning,
        reasoning_tokens=call.reasoning_tokens,
        tool_calls=completion.tool_calls,
    )


def mode_of(model: ModelSpec, models: Models) -> Mode:
    """How the model is asked: as the spec says, else as its endpoint prefers."""
    return model.mode or models.endpoint(model.endpoint).mode


@dataclass
class _Call:
    """The calls of one answer, added up."""

    prompt: PromptSpec
    model: ModelSpec
    models: Models
    repeat: int
    usage: Usage = Usage()
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    reasoning_tokens: int = 0

    @property
    def mode(self) -> Mode:
        return mode_of(self.model, self.models)

    async def complete(
        self,
        messages: tuple[Message, ...],
        on_text: OnText | None = None,
        tools: tuple[ToolDefinition, ...] = (),
    ) -> Completion:
        request = ChatRequest(messages, self.model, repeat=self.repeat, tools=tools)
        completion = await self.models.chat(self.model).complete(request, on_text)
        self.usage += completion.usage
        self.seconds += completion.seconds
        self.notes += completion.notes
        self.reasoning_tokens += completion.reasoning_tokens
        return completion

    async def converse(
        self, messages: tuple[Message, ...], tools: Sequence[Tool], on_text: OnText | None
    ) -> tuple[Completion, tuple[Message, ...]]:
        """The last call, after those of tools; and the whole conversation before it."""
        if not tools:
            return await self.complete(messages, on_text), messages

        async def ask(texts: tuple[Message, ...], offered: tuple[ToolDefinition, ...]) -> Completion:
            return await self.complete(texts, on_text, offered)

        conversation = await converse(messages, tools, ask, plain=self.mode == "completion")
        self.notes += tuple(conversation.notes)
        return conversation.completion, conversation.messages

    async def build(self, variables: Mapping[str, Any], encode: Encode | None) -> tuple[Message, ...]:
        """The last call's messages."""
        shots = self.prompt.few_shot
        # Only these two compare texts; the model need not be loaded for the others.
        if encode is None and shots is not None and shots.select in ("nearest", "diverse"):
            encode = self._builtin_encode
        if encode is None and self._at_once:
            return build_messages(self.prompt, variables, self.mode)
        # A child process or an embedder keeps a thread waiting, and must not keep the loop.
        return await asyncio.to_thread(build_messages, self.prompt, variables, self.mode, encode)

    @cached_property
    def _at_once(self) -> bool:
        """Whether no template waits for a child process. Others are rendered away from the event loop."""
        return all(map(renders_at_once, templates_of(self.prompt)))

    def _builtin_encode(self, texts: Sequence[str]) -> Vectors:
        return memoize(self.models.embedder(EmbeddingSpec()))(texts)

    async def run_steps(self, variables: dict[str, Any]) -> list[tuple[str, str]]:
        """Make the chain's calls one after the other; each output is added to the variables."""
        outputs = []
        for step in self.prompt.steps:
            if self._at_once:
                messages = build_step_messages(self.prompt, step, variables, self.mode)
            else:
                messages = await asyncio.to_thread(build_step_messages, self.prompt, step, variables, self.mode)
            completion = await self.complete(messages)
            # Noted and gone on with: what a cut step wrote may still do for the last call.
            if problem := unusable(completion, self.model.max_tokens):
                self.notes += (f"Step {step.name}: {problem}",)
            text = completion.text
            answer = await _find_answer(step.extract, text)
            # Where its pattern finds nothing, all of it: an empty variable would ask the next call about nothing.
            variables[step.name] = text.strip() if answer is None else answer
            outputs.append((step.name, text.strip()))
        return outputs


def _shows_passages(prompt: PromptSpec) -> bool:
    return any({"context", "documents"} & variables_in(template) for template in templates_of(prompt))


async def _find_answer(pattern: str, text: str) -> str | None:
    """The answer in the text. A pattern may take a second before it is stopped, in which others go on."""
    # Without a pattern there is nothing to wait for, and a thread would only cost.
    return await asyncio.to_thread(extract_answer, pattern, text) if pattern else extract_answer(pattern, text)


async def _extract(pattern: str, completion: Completion, max_tokens: int) -> tuple[str, list[str]]:
    problem = unusable(completion, max_tokens)
    notes = [problem] if problem else []
    answer = await _find_answer(pattern, completion.text)
    if answer is None:
        notes.append("The extraction pattern found no answer, so the whole text counts.")
    return (completion.text.strip() if answer is None else answer), notes


async def _check(  # noqa: PLR0917
    text: str,
    question: str,
    hits: Sequence[Hit] | None,
    spec: FactCheckSpec | None,
    call: _Call,
    support: Support | None,
) -> FactCheckResult:
    if spec is None or not spec.active:
        return FactCheckResult(text)
    # Not the same as an empty list, which is a retrieval that found nothing and may be refused.
    if hits is None:
        return FactCheckResult(text, notes=("The fact check needs retrieval, which this configuration does not have.",))
    passages = [hit.chunk.full_text for hit in hits]
    if spec.judge == "builtin":
        return await check_answer(text, question, passages, spec, support or WordSupport())
    chat = call.models.chat(spec.judge)
    label = f"{spec.judge.name or 'default model'} on {spec.judge.endpoint}"
    judge = ModelSupport(chat, spec.judge, label)
    return await check_answer(text, question, passages, spec, judge, reviser=(chat, spec.judge))
