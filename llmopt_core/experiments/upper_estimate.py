"""The most that grading and retrieval may cost beside the answers, without sending anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from llmopt_core.evaluation.assertions.columns import assertions_of
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.evaluation.metrics.catalogue import METRICS
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.index.embedding_estimate import estimate_embedding
from llmopt_core.models.base import EmbeddingSpec, ModelSpec
from llmopt_core.models.registry import Models
from llmopt_core.models.tokenizers import tokenizer
from llmopt_core.retrieval.rerank_llm import STEP, WINDOW
from llmopt_core.retrieval.spec import RetrievalSpec
from llmopt_core.types import Document, Example

MARKS = 12
"""Tokens around a passage in a prompt."""
# Tokens of the fixed words of such a prompt, rounded up: an upper estimate must not be too low.
_BOILERPLATE = 300
# The request to answer again in the right form, sent with what came instead.
_REPAIR = 400
# An LLM reranker sees some 300 words of a passage; two tokens for each.
_CLIP_TOKENS = 600
# Yes or No, with what a model may put around it.
_YES_NO = 4
# Tokens of Ragas' own prompts, and how many of them grade one answer; those per chunk and per question are counted so.
_RAGAS = {
    "faithfulness": (2, 1100),
    "answer_relevancy": (1, 700),
    "context_precision": (1, 1500),
    "context_utilization": (1, 1500),
    "context_recall": (1, 2000),
}
# For metrics that are not named above, so high that the estimate is rather too high than too low.
_OTHER = (3, 2000)
# These ask the judge about each chunk, so their number is multiplied.
_PER_CHUNK = ("context_precision", "context_utilization")
# Texts stand as JSON in the prompts of a judge, and other tokenizers count otherwise.
_SPARE = 1.25


@dataclass
class UpperEstimate:
    """Adds up the most that calls may take.

    Attributes:
        usd: None where a price is not known.
    """

    calls: int = 0
    prompt_tokens: float = 0.0
    usd: float | None = 0.0

    def add(self, models: Models, spec: ModelSpec | EmbeddingSpec, times: int, prompt: float, reply: float) -> None:
        """So many calls, each of so many tokens."""
        if not times:
            return
        endpoint = models.endpoint(spec.endpoint)
        name = spec.name if isinstance(spec, ModelSpec) else spec.model
        price = endpoint.price_of(name or endpoint.default_model)
        cost = None if price is None else price.cost(times * prompt, times * reply)
        self.calls += times
        self.prompt_tokens += times * prompt
        self.usd = None if cost is None or self.usd is None else self.usd + cost


def passages_tokens(retrieval: RetrievalSpec | None) -> int:
    """Of the chunks that are handed over."""
    if retrieval is None:
        return 0
    # Of the dearest way, as a question's way is not known before; a chunk is at most as large as its setting.
    return max(spec.top_k * (spec.chunking.size + MARKS) for spec in _routes(retrieval))


def most_grading(
    variant: Configuration, examples: Sequence[Example], metrics: Sequence[str], judge: JudgeSpec, models: Models
) -> UpperEstimate:
    """One answer to each example, graded by an LLM: every verdict sent back once.

    Args:
        variant: Whose answers.
        examples: With all their checks.
        metrics: Of the answers.
        judge: Who grades.
        models: Know the prices.
    """
    estimate = UpperEstimate()
    if judge.is_builtin:
        return estimate
    count = tokenizer("cl100k_base").count
    passage_tokens = passages_tokens(variant.retrieval)
    for example in examples:
        assertions = assertions_of(example)
        metric_names = [*metrics, *(str(assertion.value) for assertion in assertions if assertion.type == "metric")]
        prompts = [_asks(name, variant.retrieval, judge) for name in metric_names if _needs_judge(name)]
        prompts += [
            (1, _BOILERPLATE + count(str(assertion.value)))
            for assertion in assertions
            if assertion.type == "llm-rubric"
        ]
        material = count(f"{example.question} {example.reference or ''}") + variant.model.max_tokens + passage_tokens
        for times, instruction_tokens in prompts:
            # What the judge wrote before (statements) stands in its next prompt.
            prompt = _SPARE * (instruction_tokens + material + judge.max_tokens)
            estimate.add(models, judge.chat_model, times, prompt, judge.max_tokens)
            # The second time, as if every verdict came in a wrong form.
            estimate.add(models, judge.chat_model, times, prompt + judge.max_tokens + _REPAIR, judge.max_tokens)
        if judge.embedding.endpoint:
            embedding_tokens = len(metric_names) * _SPARE * (material + judge.questions * judge.max_tokens)
            estimate.add(models, judge.embedding, len(metric_names), embedding_tokens, 0)
    return estimate


def most_retrieval(
    retrieval: RetrievalSpec, documents: Sequence[Document], examples: Sequence[Example], models: Models
) -> UpperEstimate:
    """Searching each question once, and embedding the documents at an endpoint."""
    estimate = UpperEstimate()
    count = tokenizer("cl100k_base").count
    for example in examples:
        question = count(example.question)
        if retrieval.routing is not None and retrieval.routing.method == "llm":
            example_tokens = sum(count(f"{one.question} {one.category}") + MARKS for one in retrieval.routing.examples)
            prompt = _BOILERPLATE + count(retrieval.routing.prompt) + question + example_tokens
            estimate.add(models, retrieval.routing.model, 1, prompt, retrieval.routing.model.max_tokens)
        estimates = [_searching(spec, question, models) for spec in _routes(retrieval)]
        # A question goes one way, and which is not known before; an unknown price counts as the highest.
        dearest = max(estimates, key=lambda one: float("inf") if one.usd is None else one.usd)
        estimate.calls += dearest.calls
        estimate.prompt_tokens += dearest.prompt_tokens
        estimate.usd = None if estimate.usd is None or dearest.usd is None else estimate.usd + dearest.usd
    embedding = retrieval.embedding
    if embedding.endpoint and documents:
        # One text tells how many tokens a character takes; the longest is the surest of it.
        text = max(documents, key=lambda document: len(document.text)).text
        embedding_estimate = estimate_embedding(
            sum(len(document.text) for document in documents), text, [retrieval.chunking],
            models.endpoint(embedding.endpoint), embedding.model,
        )  # fmt: skip
        estimate.add(models, embedding, 1, _SPARE * embedding_estimate.tokens, 0)
    return estimate


def list_uncounted_parts(variant: Configuration) -> list[str]:
    """What else may be paid, whose number nobody knows before, in words."""
    parts = []
    if variant.fact_check is not None and isinstance(variant.fact_check.judge, ModelSpec) and variant.fact_check.active:
        # How many claims an answer makes is known when it is there.
        parts.append("fact checks")
    if variant.retrieval is not None and variant.retrieval.embedding.writer_model is not None:
        parts.append("writing for the index")
    return parts


def _routes(retrieval: RetrievalSpec) -> Iterable[RetrievalSpec]:
    categories = retrieval.routing.routes if retrieval.routing is not None else ()
    return [retrieval, *(retrieval.for_category(category) for category in categories)]


def _searching(spec: RetrievalSpec, question: int, models: Models) -> UpperEstimate:
    estimate, transform = UpperEstimate(), spec.transform
    count = tokenizer("cl100k_base").count
    times = 0 if transform.method == "none" else transform.n if transform.method == "hyde" else 1
    estimate.add(
        models, transform.model, times, _BOILERPLATE + count(transform.prompt) + question, transform.model.max_tokens
    )
    if spec.embedding.endpoint:
        estimate.add(models, spec.embedding, 1, _SPARE * (2 * question + times * transform.model.max_tokens), 0)
    parts = transform.n if transform.method == "decompose" else 1
    rerank = spec.rerank
    if rerank.method.startswith("llm-"):
        model = rerank.llm or ModelSpec()
        chunks = rerank.candidates or max(spec.search.candidates, spec.top_k)
        passage = _SPARE * min(_CLIP_TOKENS, spec.chunking.size) + MARKS
        prompt_tokens = (
            _BOILERPLATE + count(rerank.prompt) + question + (transform.model.max_tokens if parts > 1 else 0)
        )
        if rerank.method == "llm-listwise":
            # The list is read in windows that overlap: one, and one more for each begun step beyond it.
            windows = 1 + -(-max(0, chunks - WINDOW) // STEP)
            estimate.add(
                models, model, parts * windows, prompt_tokens + min(WINDOW, chunks) * passage, model.max_tokens
            )
        else:
            estimate.add(models, model, parts * chunks, prompt_tokens + passage, _YES_NO)
    return estimate


def _needs_judge(metric: str) -> bool:
    return metric in METRICS and "judge" in METRICS[metric].needs


def _asks(metric: str, retrieval: RetrievalSpec | None, judge: JudgeSpec) -> tuple[int, int]:
    """How often the judge is asked for a metric of one answer, and the tokens of each prompt of its own."""
    times, instruction_tokens = _RAGAS.get(metric, _OTHER)
    if metric in _PER_CHUNK:
        times *= max(spec.top_k for spec in _routes(retrieval)) if retrieval is not None else 1
    return times * (judge.questions if metric == "answer_relevancy" else 1), instruction_tokens
