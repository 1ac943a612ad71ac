"""Ragas' own metric classes over our judges: what goes in, what comes out, and nothing of Ragas' clients.

Facts of Ragas 0.4.3 this module rests on: a metric asks its judge with one prompt string that ends in its input as
JSON, and names the pydantic model it wants back; `MetricResult.reason` is never set, so the evidence is what the judge
said; a perfect context precision comes out as 0.9999999999; cosines can be negative; blank texts give NaN or an error.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel

from llmopt_core.errors import MissingDependency
from llmopt_core.evaluation.sample import CouldNotScore
from llmopt_core.settings import silence_telemetry

if TYPE_CHECKING:
    from llmopt_core.evaluation.sample import Encode

# JSON writes line breaks inside texts as \n, so no text that is judged can hold this marker.
_MARKER = "\n-----------------------------\n\nNow perform the same with the following input\ninput: "


class Judge(Protocol):
    """Answers what a Ragas metric asks."""

    async def reply(self, prompt: str, reply_type: type[BaseModel]) -> BaseModel:
        """An instance of `reply_type`.

        Raises:
            LlmOptError: No usable reply could be had.
        """
        ...


class RecordingJudge:
    """Hands a metric's questions to a judge and keeps question and reply, for one sample."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self.exchanges: list[tuple[dict[str, Any], dict[str, Any]]] = []

    async def reply(self, prompt: str, reply_type: type[BaseModel]) -> BaseModel:
        """See `Judge.reply`."""
        answer = await self._judge.reply(prompt, reply_type)
        self.exchanges.append((question_of(prompt), answer.model_dump()))
        return answer


def question_of(prompt: str) -> dict[str, Any]:
    """The structured input a Ragas prompt ends in."""
    # The last one, since an earlier one may stand in the examples that Ragas puts before the input.
    _, marker, tail = prompt.rpartition(_MARKER)
    if not marker:
        raise CouldNotScore("Ragas asked in a form this version does not know; install ragas==0.4.3.")
    # Ragas writes "Output: " behind the JSON; `raw_decode` stops where the JSON does.
    question: dict[str, Any] = json.JSONDecoder().raw_decode(tail)[0]
    return question


async def ragas_value(name: str, judge: Judge, encode: Encode, inputs: Mapping[str, Any], **settings: Any) -> float:
    """Score one sample by the Ragas class `name`.

    Args:
        name: Class in `ragas.metrics.collections`, such as `Faithfulness`.
        judge: Answers what the class asks.
        encode: Embeds questions.
        inputs: Arguments of its `ascore`.
        settings: Arguments of its constructor beside the judge.

    Returns:
        The value between 0 and 1.

    Raises:
        CouldNotScore: Ragas gave no number.
        LlmOptError: The judge failed.
    """
    # The import takes seconds; other records go on meanwhile.
    classes = await asyncio.to_thread(_ragas)
    if name == "AnswerRelevancy":
        settings = settings | {"embeddings": classes["embedding"](encode)}
    metric = classes[name](llm=classes["judge"](judge), **settings)
    value = (await metric.ascore(**inputs)).value
    if value is None or not math.isfinite(value):
        raise CouldNotScore("The judge found no statement to grade.")
    # Back into 0 to 1, since a relevancy is a cosine that can be negative. Six digits make 1.0 of 0.9999999999, so that
    # a perfect score is counted as a pass.
    return round(min(1.0, max(0.0, float(value))), 6)


# The classes below can be made only with Ragas at hand, and must be the same each time.
@lru_cache(maxsize=1)
def _ragas() -> dict[str, Any]:
    """Ragas' classes and our two adapters, imported at first use (about two seconds)."""
    # Before the import: Ragas sends what is used to its makers as soon as it is loaded.
    silence_telemetry()
    try:
        from ragas.embeddings.base import BaseRagasEmbedding
        from ragas.llms.base import InstructorBaseRagasLLM
        from ragas.metrics import collections
    except ImportError as error:
        raise MissingDependency(f"Ragas cannot be imported ({error}); run: pip install ragas==0.4.3") from error

    # The base class has no types, because Ragas is optional and imported here alone.
    # It is also the only one that asks for no client of a service.
    class JudgeAdapter(InstructorBaseRagasLLM):  # type: ignore[misc]
        def __init__(self, judge: Judge) -> None:
            self._judge = judge

        def generate(self, prompt: str, response_model: type[BaseModel]) -> BaseModel:
            # `ascore` never calls it, but the base class asks for it.
            raise NotImplementedError("the judge is asynchronous")

        async def agenerate(self, prompt: str, response_model: type[BaseModel]) -> BaseModel:
            return await self._judge.reply(prompt, response_model)

    class EmbeddingAdapter(BaseRagasEmbedding):  # type: ignore[misc]
        def __init__(self, encode: Encode) -> None:
            # Ragas' own cache would write to the working folder; vectors are kept by our encoder
            super().__init__(cache=None)
            self._encode = encode

        def embed_text(self, text: str, **_: Any) -> list[float]:
            return self.embed_texts([text])[0]

        def embed_texts(self, texts: Sequence[str], **_: Any) -> list[list[float]]:
            rows: list[list[float]] = self._encode(list(texts)).tolist()
            return rows

        async def aembed_text(self, text: str, **_: Any) -> list[float]:
            return (await self.aembed_texts([text]))[0]

        async def aembed_texts(self, texts: Sequence[str], **_: Any) -> list[list[float]]:
            # Embedding holds the processor for long; on the event loop it would stop all other records.
            return await asyncio.to_thread(self.embed_texts, texts)

    names = ("Faithfulness", "AnswerRelevancy", "ContextPrecision", "ContextRecall", "ContextUtilization")
    # `getattr` because a release of Ragas that renamed one then names it in its error.
    classes: dict[str, Any] = {name: getattr(collections, name) for name in names}
    return classes | {"judge": JudgeAdapter, "embedding": EmbeddingAdapter}
