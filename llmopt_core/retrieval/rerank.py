"""Candidates -> the same candidates in a better order."""

from __future__ import annotations

import struct
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from llmopt_core.cache import Cache, drop_damaged_values
from llmopt_core.errors import EndpointError
from llmopt_core.execution.timing import record, self_time
from llmopt_core.index.index import Index
from llmopt_core.models.base import BUILTIN_EMBEDDING, ModelSpec, Reranker
from llmopt_core.models.registry import Models
from llmopt_core.retrieval.late_interaction import LateInteractionReranker
from llmopt_core.retrieval.rerank_llm import LlmLikelihood, LlmListwise, LlmYesNo
from llmopt_core.retrieval.spec import RerankSpec
from llmopt_core.types import Hit, StageTrace, Usage, fingerprint

STAGE = "rerank"
# The format is part of each key: raised when values change. Two doubles: the score, and the seconds it took.
_FORMAT, _SCORE = 2, struct.Struct("<dd")

Prepare = Callable[[str, Sequence[str]], Awaitable[None]]


async def rerank(question: str, hits: Sequence[Hit], spec: RerankSpec, reranker: Reranker) -> StageTrace:
    """Put the best `spec.candidates` hits in order of the reranker's scores; the rest is dropped.

    Where the endpoint fails the order stays as it was, and the trace has a warning.
    """
    # Rerankers cost by the candidate, so only the head is scored; what lies behind it could not be compared with it.
    head = list(hits[: spec.candidates] if spec.candidates else hits)
    texts, usage, warning = [hit.chunk.full_text for hit in head], Usage(), ""
    start = time.perf_counter()
    # Apart from the scoring: token vectors are made once per chunk, and no later question pays for them.
    with self_time() as preparation:
        await _prepare(reranker, question, texts)
    # `or`: a reranker that tells no time of its own is timed by the clock.
    preparation_seconds, start = preparation.seconds or time.perf_counter() - start, time.perf_counter()
    with self_time() as scoring:
        try:
            scores, usage = await reranker.score(question, texts)
            new_hits = [Hit(hit.chunk, score) for hit, score in zip(head, scores, strict=True)]
            # Stable: candidates of equal score keep the order of the search.
            head = sorted(new_hits, key=lambda hit: -hit.score)
        except EndpointError as error:
            # Only what an endpoint did: a wrong prompt or a missing package must reach the user as an error.
            warning = f"{spec.method} failed: {error} The order before it is kept."
    seconds = time.perf_counter() - start if scoring.seconds is None else scoring.seconds
    trace = StageTrace("rerank", spec.method, (question,), tuple(head), len(hits), seconds, usage, warning)
    return replace(trace, once_seconds=preparation_seconds)


async def _prepare(reranker: Reranker, question: str, passages: Sequence[str]) -> None:
    """Let a reranker do what it does once for a chunk, so that it does not count into the time of this question."""
    # Optional in the protocol: few rerankers have anything to prepare.
    prepare: Prepare | None = getattr(reranker, "prepare", None)
    if prepare is not None:
        await prepare(question, passages)


def make_reranker(spec: RerankSpec, index: Index, models: Models, cache: Cache) -> Reranker | None:
    """The reranker a spec names; None for `none`. Loads weights where it has some.

    Raises:
        BadInput: A model or endpoint is not there.
        MissingDependency: Its package or weights are missing.
    """
    return None if spec.method == "none" else RERANKERS[spec.method](spec, index, models, cache)


def _cross_encoder(spec: RerankSpec, index: Index, models: Models, cache: Cache) -> Reranker:
    inner = models.cross_encoder(spec.model)
    # A model without a name is known by what the spec calls it.
    return CachedReranker(inner, f"cross-encoder {getattr(inner, 'name', spec.model)}", cache)


def _by_llm(kind: Callable[[ModelSpec, Models, str], Reranker]) -> Maker:
    # Its calls are kept by the call cache.
    return lambda spec, index, models, cache: kind(spec.llm or ModelSpec(), models, spec.prompt)


def _late_interaction(spec: RerankSpec, index: Index, models: Models, cache: Cache) -> Reranker:
    embedder = models.token_embedder(spec.model or BUILTIN_EMBEDDING)
    texts = [chunk.full_text for chunk in index.chunks]
    inner = LateInteractionReranker(embedder, texts, index.fingerprint, cache)
    # The collection belongs to the name, because rare tokens count by how rare they are in it.
    return CachedReranker(inner, f"late-interaction {embedder.name} {index.fingerprint}", cache)


Maker = Callable[[RerankSpec, Index, Models, Cache], Reranker]
RERANKERS: Mapping[str, Maker] = {
    "late-interaction": _late_interaction,
    "cross-encoder": _cross_encoder,
    "llm-likelihood": _by_llm(LlmLikelihood),
    "llm-yes-no": _by_llm(LlmYesNo),
    "llm-listwise": _by_llm(LlmListwise),
}
"""Method -> what makes its reranker."""


class CachedReranker:
    """Scores each question and passage once ever, and remembers what a score took.

    Args:
        inner: Makes the scores.
        name: Identifies it, and all that its scores depend on.
        cache: Where they are kept.
    """

    def __init__(self, inner: Reranker, name: str, cache: Cache) -> None:
        self._inner = inner
        self._name = name
        self._cache = cache

    async def score(self, question: str, passages: Sequence[str]) -> tuple[list[float], Usage]:
        """See `Reranker.score`."""
        keys = self._keys(question, passages)
        cached_scores = self._read(keys)
        # By key: a passage that stands twice among the candidates is scored once.
        missing = {key: passage for key, passage in zip(keys, passages, strict=True) if key not in cached_scores}
        usage = Usage()
        if missing:
            with self_time() as scoring:
                scores, usage = await self._inner.score(question, list(missing.values()))
            # The share of each is kept, so that a later look tells the time the scores once took, and not that of
            # reading them.
            share = (scoring.seconds or 0.0) / len(missing)
            new = {key: _SCORE.pack(score, share) for key, score in zip(missing, scores, strict=True)}
            self._cache.put_many(STAGE, new)
            cached_scores |= new
        rows = {key: _SCORE.unpack(value) for key, value in cached_scores.items()}
        seconds = sum(share for _, share in rows.values())
        if seconds:  # nothing is told where nobody measured, so that the clock is asked instead
            record(seconds)
        return [rows[key][0] for key in keys], usage

    async def prepare(self, question: str, passages: Sequence[str]) -> None:
        """Let the inner one do what it does once, for those passages whose scores are not known."""
        keys = self._keys(question, passages)
        cached_scores = self._read(keys)
        missing = [passage for key, passage in zip(keys, passages, strict=True) if key not in cached_scores]
        if missing:
            await _prepare(self._inner, question, missing)

    def _read(self, keys: Sequence[str]) -> dict[str, bytes]:
        values = self._cache.get_many(STAGE, keys)
        # A length that differs is of a process that was killed while it wrote, or of an older format.
        return drop_damaged_values(self._cache, STAGE, values, lambda value: len(value) == _SCORE.size)

    def _keys(self, question: str, passages: Sequence[str]) -> list[str]:
        return [fingerprint(_FORMAT, self._name, question, passage) for passage in passages]
