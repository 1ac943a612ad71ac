"""Which category a question has, so that it can be searched in its own way."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from llmopt_core.errors import EndpointError
from llmopt_core.execution.concurrency import run_together
from llmopt_core.models.base import ChatRequest, Vectors
from llmopt_core.models.finish import unusable
from llmopt_core.models.registry import Models
from llmopt_core.prompts.template import render
from llmopt_core.retrieval.completion_mode import uses_completion
from llmopt_core.retrieval.spec import RoutingSpec
from llmopt_core.text.whole_words import whole_word_places
from llmopt_core.types import Message, StageTrace, Usage

# In brackets, so that no category of a user has the same name by accident.
NONE = "(none)"


@dataclass(frozen=True, slots=True)
class Route:
    """The category of a question, None where it has none, and how it was found."""

    category: str | None
    traces: tuple[StageTrace, ...] = ()


class Router:
    """Finds categories as a spec says.

    Args:
        spec: The method, its examples and its model.
        models: To reach the model.
        encode: Texts -> unit vectors, for the nearest example.
    """

    def __init__(self, spec: RoutingSpec, models: Models, encode: Callable[[Sequence[str]], Vectors]) -> None:
        self.spec = spec
        self._models = models
        self._encode = encode

    async def route(
        self, questions: Sequence[str], categories: Sequence[str | None], *, leave_out: bool = False
    ) -> list[Route]:
        """The category of each question.

        Where the endpoint fails or names no category the general settings hold, and the trace has a warning.

        Args:
            questions: As asked.
            categories: Their categories where they are known, for the method `categories`.
            leave_out: The nearest example must be another question; to measure routing on its own examples.
        """
        if self.spec.method == "nearest":
            return await self._nearest(questions, leave_out)
        if self.spec.method == "llm":
            return await run_together(map(self._ask, questions))
        return [_route("given", category) for category in categories]

    async def _nearest(self, questions: Sequence[str], leave_out: bool) -> list[Route]:
        start = time.perf_counter()
        examples = [example.question for example in self.spec.examples]
        try:
            # In one call: an endpoint is asked once for examples and questions together, and the cache knows the
            # examples.
            vectors = await asyncio.to_thread(self._encode, [*examples, *questions])
        except EndpointError as error:
            # Only what the endpoint did: questions are still answered, with the general settings.
            return [_route("nearest", None, warning=_FAILURE_NOTE.format(error)) for _ in questions]
        # Unit vectors, so their product is the cosine; one row per question, one column per example.
        similar = vectors[len(examples) :] @ vectors[: len(examples)].T
        if leave_out:
            # Where routing is measured on its own examples, each would find itself and be right every time.
            same = np.array([[question == example for example in examples] for question in questions], dtype=bool)
            similar = np.where(same.reshape(similar.shape), -np.inf, similar)
        # Embedded together: each question has an equal share of the time.
        seconds = (time.perf_counter() - start) / max(1, len(questions))
        categories = [self.spec.examples[position].category for position in similar.argmax(axis=1)]
        return [_route("nearest", category, seconds) for category in categories]

    async def _ask(self, question: str) -> Route:
        start = time.perf_counter()
        plain = uses_completion(self.spec.model, self._models)
        examples = "\n\n".join(f"Question: {e.question}\nCategory: {e.category}" for e in self.spec.examples)
        variables = {"question": question, "categories": ", ".join(self.spec.categories), "examples": examples}
        model = self.spec.model
        # A model that continues text goes on with a next question where nothing stops it.
        if plain and not model.stop:
            model = model.model_copy(update={"stop": ("\n",)})
        request = ChatRequest((Message("user", render(self.spec.prompt or PROMPT, variables)),), model)
        try:
            answer = await self._models.chat(model).complete(request)
        except EndpointError as error:
            return _route("llm", None, time.perf_counter() - start, warning=_FAILURE_NOTE.format(error))
        category = find_category(answer.text, self.spec.categories)
        fault = "" if answer.text.strip() else unusable(answer, model.max_tokens)
        warning = _FAILURE_NOTE.format(fault) if fault else "" if category else _NOTHING
        # The time of the call itself, where it is told: one from the cache keeps that of its first making.
        seconds = answer.seconds or time.perf_counter() - start
        return _route("llm", category, seconds, answer.usage, warning)


def find_category(text: str, categories: Sequence[str]) -> str | None:
    """The category that a model's answer names: all of it, or else the one named first."""
    # `"Definition."` and `'definition'` are the category too.
    reply = text.strip().strip(".\"'").casefold()
    exact = [category for category in categories if category.casefold() == reply]
    # As words of their own: `law` is not named in `flaws`.
    places = {category: next(whole_word_places(category.casefold(), reply), -1) for category in categories}
    # The longer of two that begin at one place: `law` is part of `law history`, and the answer named the longer.
    mentions = sorted((place, -len(category), category) for category, place in places.items() if place >= 0)
    # The whole answer counts before what is named in it.
    return exact[0] if exact else mentions[0][2] if mentions else None


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often each category was taken for which.

    Attributes:
        labels: Of rows (what it is) and columns (what it was taken for).
        counts: Rows of numbers of questions.
    """

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]

    @property
    def accuracy(self) -> float:
        """Share of the questions taken for what they are; 0 where there are none."""
        total = sum(map(sum, self.counts))
        return sum(row[place] for place, row in enumerate(self.counts)) / total if total else 0.0


def confusion(categories: Sequence[str | None], routes: Sequence[str | None]) -> Confusion:
    """Count all pairs."""
    pairs = Counter((e or NONE, f or NONE) for e, f in zip(categories, routes, strict=True))
    # `(none)` last, in rows and columns.
    labels = tuple(sorted({label for pair in pairs for label in pair}, key=lambda label: (label == NONE, label)))
    return Confusion(labels, tuple(tuple(pairs[row, column] for column in labels) for row in labels))


def _route(method: str, category: str | None, seconds: float = 0.0, usage: Usage = Usage(), warning: str = "") -> Route:
    queries = (category,) if category else ()
    trace = StageTrace("route", method, queries, seconds=seconds, usage=usage, warning=warning)
    return Route(category, (trace,))


_FAILURE_NOTE = "Routing failed: {} The general settings are used."
_NOTHING = "The model named no known category; the general settings are used."

PROMPT = """Sort the question into one of these categories: {{ categories }}. Write only the category.

{{ examples }}

Question: {{ question }}
Category:"""
