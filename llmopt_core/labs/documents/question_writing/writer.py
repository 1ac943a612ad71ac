"""Sampled passages -> questions with quotes, by a chat model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pydantic import Field

from llmopt_core.errors import OUTAGES, BadInput, EndpointError, OutOfBudget
from llmopt_core.execution.accounts import Account, account_for
from llmopt_core.execution.budget import Budget
from llmopt_core.execution.concurrency import map_concurrently
from llmopt_core.experiments.keys import documents_identity, model_identity
from llmopt_core.experiments.preflight import check_budget
from llmopt_core.labs.documents.question_writing.filters import Candidate, DroppedQuestion, Filter
from llmopt_core.labs.documents.question_writing.passages import sample_passages
from llmopt_core.labs.documents.question_writing.replies import QuestionDraft, read_reply
from llmopt_core.labs.documents.question_writing.writing_prompts import CHAT_PROMPT, COMPLETION_PROMPT
from llmopt_core.models.base import BUILTIN, ChatRequest, ModelSpec
from llmopt_core.models.finish import unusable
from llmopt_core.models.registry import Models
from llmopt_core.models.tokenizers import tokenizer
from llmopt_core.prompts.template import render
from llmopt_core.retrieval.completion_mode import uses_completion
from llmopt_core.types import Document, EvaluationSet, Example, Failure, Message, Span, Spec, Usage, fingerprint

# Tokens that frame a message, rounded up for an estimate.
_PER_MESSAGE = 10
# About what a question, an answer and a short quote take as JSON; longer replies are counted by `most_usd`.
_TOKENS_PER_QUESTION = 90
# Models miss the form now and then; six replies in a row without a question mean that it cannot do it.
_PATIENCE = 6


class WritingSpec(Spec):
    """What is asked for.

    Attributes:
        model: Who writes. The built-in model is too weak to write many good ones.
        passages: How many passages are sampled.
        per_passage: Questions asked for each.
        passage_size: Characters of a passage, about.
        seed: Decides which passages are sampled.
    """

    # Three times what two questions take, for models that add words: a reply that is cut off loses its last question.
    model: ModelSpec = ModelSpec(max_tokens=600)
    # 2,000 passages give more questions than anybody reviews; 20 show what a model can do.
    passages: int = Field(default=20, ge=1, le=2_000)
    per_passage: int = Field(default=2, ge=1, le=10)
    # Below 100 characters a passage says too little to ask about; 20,000 are about 5,000 tokens, a small window.
    passage_size: int = Field(default=1_200, ge=100, le=20_000)
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the writing is, what it took so far, and what is left of the budget."""

    done: int
    total: int
    kept: int
    usage: Usage
    left_usd: float | None = None


@dataclass(frozen=True, slots=True)
class WrittenQuestions:
    """What came of it.

    Attributes:
        candidates: Questions to review, in the order of the documents.
        rejects: Questions that did not pass, with the reason.
        empty: Passages for which the model wrote nothing that could be read as a question.
        failures: Messages of calls that failed.
        passages: How many were asked about.
        usage: What the calls took.
        stop_reason: Why it ended early; empty where it did not.
    """

    candidates: tuple[Candidate, ...]
    rejects: tuple[DroppedQuestion, ...] = ()
    empty: int = 0
    failures: tuple[str, ...] = ()
    passages: int = 0
    usage: Usage = Usage()
    stop_reason: str = ""


@dataclass(frozen=True, slots=True)
class WritingEstimate:
    """What the writing will take at most, before anything is sent; costs are None without a price list.

    Attributes:
        cost_usd: With questions of usual length.
        most_usd: With replies as long as allowed.
    """

    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    most_usd: float | None = None


async def write_questions(
    spec: WritingSpec,
    documents: Sequence[Document],
    models: Models,
    *,
    known_questions: Iterable[str] = (),
    concurrency: int = 4,
    budget_usd: float | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> WrittenQuestions:
    """Let a model write questions about sampled passages, each with a quote that answers it.

    Finished calls are kept in the call cache: the same spec over the same documents costs nothing again.

    Args:
        spec: What is asked for.
        documents: What is asked about.
        models: Of the current event loop.
        known_questions: Questions that are there already; written ones like them are dropped.
        concurrency: Calls at once.
        budget_usd: The most that it may cost in all, earlier sessions of the same writing included. What was written
            before it is reached is kept.
        on_progress: Called as passages finish.
        should_stop: Asked before each call.

    Raises:
        BadInput: The documents hold no text, or the budget needs a price.
        EndpointError: The model failed for every passage.
    """
    # The same seed gives the same passages, so a stopped writing finds its calls in the cache.
    passages = sample_passages(documents, spec.passages, spec.passage_size, spec.seed)
    if not passages:
        raise BadInput("There is no text to write questions about; add a document that has some.")
    if budget_usd is not None:
        # Before the first call: a budget without a price could never be kept.
        check_budget(budget_usd, [spec.model], models)
    work = _Work(spec, documents, models, should_stop, on_progress, len(passages))
    # All that decides what is asked, so that a budget counts earlier sessions of just this work.
    name = fingerprint(spec.model_dump(mode="json"), documents_identity(documents), model_identity(spec.model, models))
    with models.spending(f"writing-{name}", budget_usd) as work.budget, account_for(work.account):
        results = await work.all(passages, concurrency)
    failures = [result for result in results if isinstance(result, Failure) and result.kind != "cancelled"]
    # Nothing at all came: an error says more than an empty review. One answer, and the rest is worth keeping.
    if failures and not work.answer_count:
        raise EndpointError(f"The model failed for every passage: {failures[0].message}", kind=failures[0].kind)
    # After all replies, in the order of the passages: calls end in any order, and of two alike the first stays.
    question_filter = Filter(known_questions)
    for span, result in zip(passages, results, strict=True):
        if not isinstance(result, Failure):
            question_filter.add(result, work.documents[span.document], span)
    return WrittenQuestions(
        tuple(question_filter.candidates),
        tuple(question_filter.rejects),
        sum(not result for result in results if not isinstance(result, Failure)),
        tuple(dict.fromkeys(failure.message for failure in failures)),
        # Cancelled calls were not asked, so they are no passages that somebody wrote about.
        len(results) - sum(isinstance(r, Failure) and r.kind == "cancelled" for r in results),
        work.account.usage,
        work.stop_reason,
    )


def estimate_writing(spec: WritingSpec, documents: Sequence[Document], models: Models) -> WritingEstimate:
    """What the calls will take, counted on the prompts that would be sent."""
    plain = uses_completion(spec.model, models)
    # cl100k is a good guess for other models; only the built-in one has its own tokenizer here.
    counter = tokenizer("builtin-chat" if spec.model.endpoint == BUILTIN else "cl100k_base")
    by_name = {document.name: document for document in documents}
    passages = sample_passages(documents, spec.passages, spec.passage_size, spec.seed)
    prompt = sum(counter.count(_prompt(by_name[span.document], span, spec, plain)) for span in passages)
    # A reply is cut off at `max_tokens`, whatever was asked for.
    completion_tokens = len(passages) * min(spec.model.max_tokens, _TOKENS_PER_QUESTION * spec.per_passage)
    endpoint = models.endpoint(spec.model.endpoint)
    prices = endpoint.price_of(spec.model.name or endpoint.default_model)
    if prices is None:
        return WritingEstimate(len(passages), prompt, completion_tokens, None)
    # The most: frames of messages too, and every reply as long as allowed.
    most = prices.cost(prompt + _PER_MESSAGE * len(passages), len(passages) * spec.model.max_tokens)
    return WritingEstimate(len(passages), prompt, completion_tokens, prices.cost(prompt, completion_tokens), most)


def with_questions(before: EvaluationSet | None, name: str, candidates: Sequence[Candidate]) -> EvaluationSet:
    """A set with the reviewed questions added; the ids of what is there stay."""
    examples = list(before.examples) if before else []
    ids = {example.id for example in examples}
    number = 0
    for one in candidates:
        number += 1
        # `w` for written, so that they do not take the numbers that questions of files have.
        while f"w{number}" in ids:
            number += 1
        ids.add(f"w{number}")
        # The category tells written questions from those of people.
        examples.append(Example(f"w{number}", one.question, one.answer or None, (one.span,), "written"))
    return EvaluationSet(name, tuple(examples))


class _Work:
    """The calls, with what they took."""

    def __init__(  # noqa: PLR0917
        self,
        spec: WritingSpec,
        documents: Sequence[Document],
        models: Models,
        should_stop: Callable[[], bool] | None,
        on_progress: Callable[[Progress], None] | None,
        total: int,
    ) -> None:
        self.documents = {document.name: document for document in documents}
        # Filled when the spending begins; until then nothing is bounded.
        self.budget, self.account = Budget(), Account()
        self.answer_count = self._failure_count = self._outages = self._question_count = 0
        self.stop_reason = ""
        self._spec, self._chat = spec, models.chat(spec.model)
        self._plain = uses_completion(spec.model, models)
        self._asked_to_stop, self._on_progress, self._total = should_stop, on_progress, total

    async def all(self, passages: Sequence[Span], concurrency: int) -> list[list[QuestionDraft] | Failure]:
        return await map_concurrently(
            passages, self._one, concurrency=concurrency, on_result=self._report_chunk, should_stop=self._should_stop,
            stage="write",
        )  # fmt: skip

    async def _one(self, span: Span) -> list[QuestionDraft] | Failure:
        model = self._spec.model
        if self._plain and not model.stop:
            # A model that completes goes on with a next passage of its own invention.
            model = model.model_copy(update={"stop": ("\n\n", "Passage:")})
        text = _prompt(self.documents[span.document], span, self._spec, self._plain)
        try:
            completion = await self._chat.complete(ChatRequest((Message("user", text),), model))
        except OutOfBudget:
            # Not raised: the passages that were answered stay, and those that wait are not begun.
            self.stop_reason = "the budget leaves no room for the next passage"
            return Failure("write", "cancelled", self.stop_reason)
        # Nothing but thoughts, or cut off before the first word: a failure, since an empty reply looks like a choice.
        if not completion.text.strip() and (problem := unusable(completion, model.max_tokens)):
            raise EndpointError(problem, "bad-answer")
        self.answer_count += 1
        # The prompt for completions ends with `Question:`, which the reply goes on from.
        drafts = read_reply(("Question:" if self._plain else "") + completion.text)
        # Models write more than they are asked for, and what comes last is the weakest.
        return drafts[: self._spec.per_passage]

    def _report_chunk(self, _: int, __: Span, result: list[QuestionDraft] | Failure) -> None:
        if isinstance(result, Failure):
            self._failure_count += result.kind != "cancelled"
            # A server that is down fails every passage alike; a refused one may be the passage's fault.
            self._outages += result.kind in OUTAGES
        else:
            self._question_count += len(result)
        if self._on_progress is not None:
            finished_count, usage, left_usd = (
                self.answer_count + self._failure_count,
                self.account.usage,
                self.budget.remaining_usd,
            )
            self._on_progress(Progress(finished_count, self._total, self._question_count, usage, left_usd))

    def _should_stop(self) -> bool:
        # Only without a single answer: a server that answers now and then is worth going on with.
        if self._outages >= _PATIENCE and not self.answer_count:
            return True
        if self._asked_to_stop is not None and self._asked_to_stop():
            self.stop_reason = "it was cancelled"
        return bool(self.stop_reason)


def _prompt(document: Document, span: Span, spec: WritingSpec, plain: bool) -> str:
    variables = {"passage": document.text[span.start : span.end], "n": spec.per_passage, "document": document.name}
    return render(COMPLETION_PROMPT if plain else CHAT_PROMPT, variables)
