"""Distillation: a larger model answers the training questions; answers that pass the checks become examples."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from llmopt_core.errors import OutOfBudget
from llmopt_core.execution.accounts import Account, account_for
from llmopt_core.execution.concurrency import map_concurrently
from llmopt_core.finetuning.data.examples import TrainingExample
from llmopt_core.models.base import ChatModel, ChatRequest, Completion, ModelSpec
from llmopt_core.models.finish import LENGTH, unusable
from llmopt_core.models.openai.wire_messages import message_body
from llmopt_core.types import Example, Failure, Message, Usage

# An answer is kept when every check returns an empty text; else the text says why it was rejected.
AnswerCheck = Callable[[Example, str], Awaitable[str]]
Prompt = Callable[[Example], Sequence[Message]]


@dataclass(frozen=True)
class Distillation:
    """Examples that passed, and per rejected or failed question (by id) the reason.

    Attributes:
        usage: What was paid, checks by a judge and answers that failed included.
        stop_reason: Why it ended early, where a budget did that.
    """

    examples: tuple[TrainingExample, ...]
    rejections: dict[str, str] = field(default_factory=dict)
    usage: Usage = Usage()
    stop_reason: str = ""


async def distill(
    questions: Sequence[Example],
    teacher: ChatModel,
    model: ModelSpec,
    *,
    teacher_prompt: Prompt,
    student_prompt: Prompt | None = None,
    checks: Sequence[AnswerCheck] = (),
    concurrency: int = 4,
    on_done: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Distillation:
    """Let a larger model answer, and keep what passes.

    Args:
        questions: What is asked.
        teacher: The larger model.
        model: How it is asked.
        concurrency: Calls in flight at once.
        teacher_prompt: The messages the teacher sees, with all its instructions and few-shot examples.
        student_prompt: The messages the example is trained on, usually shorter; by default the teacher's.
        checks: All must return an empty text; a check that raises rejects the answer.
        on_done: Called with the number of finished questions and the total.
        should_stop: Asked before each call.

    The budget that `Models` works within ends it early: what was answered by then is kept, and `stop_reason` says why.
    """
    progress = _Progress()

    async def work(question: Example) -> TrainingExample | str:
        request = ChatRequest(tuple(teacher_prompt(question)), model)
        try:
            reply = await teacher.complete(request)
            # A cut or empty reply is rejected before the checks, since a judge among them would cost a call.
            reason = _unfit(reply, model) or await _reject(question, reply.text, checks)
        # Not raised: `map_concurrently` would throw away the answers that are paid for already.
        except OutOfBudget as error:
            progress.stop_reason = str(error)
            return progress.stop_reason
        return reason or _example(question, (student_prompt or teacher_prompt)(question), reply.text, model)

    def stop() -> bool:
        return bool(progress.stop_reason) or (should_stop is not None and should_stop())

    def report(_at: int, _question: Example, _result: object) -> None:
        progress.count += 1
        if on_done:
            on_done(progress.count, len(questions))

    # An account of its own sees the calls of teacher and judges alike, those that failed included.
    with account_for(Account()) as account:
        results = await map_concurrently(
            questions, work, concurrency=concurrency, on_result=report, should_stop=stop, stage="distill"
        )
    # A failure, or a reason as text, is what was not kept.
    examples = tuple(r for r in results if isinstance(r, TrainingExample))
    rejections = {q.id: _why(r) for q, r in zip(questions, results, strict=True) if not isinstance(r, TrainingExample)}
    return Distillation(examples, rejections, account.usage, progress.stop_reason)


@dataclass
class _Progress:
    stop_reason: str = ""
    count: int = 0


def _why(result: TrainingExample | str | Failure) -> str:
    return result.message if isinstance(result, Failure) else str(result)


def _unfit(reply: Completion, model: ModelSpec) -> str:
    # Nothing teaches a model to stop in the middle of a sentence as well as an example that does.
    if reply.finish_reason == LENGTH and reply.text.strip():
        return "the answer was cut off at the token limit"
    return unusable(reply, model.max_tokens) or ("" if reply.text.strip() else "the answer is empty")


async def _reject(question: Example, text: str, checks: Sequence[AnswerCheck]) -> str:
    for check in checks:
        # The first reason is enough, and later checks may cost calls.
        if reason := await check(question, text):
            return reason
    return ""


def _example(question: Example, prompt: Sequence[Message], text: str, model: ModelSpec) -> TrainingExample:
    return TrainingExample(
        (*map(message_body, prompt), {"role": "assistant", "content": text.strip()}),
        label=question.category or "",
        # Questions about one document must not be split between training and validation.
        group=question.references[0].document if question.references else "",
        source=f"distilled from {model.name or model.endpoint}, question {question.id}",
    )
