"""Verdicts of the fact check, each claim judged once ever against the same passages."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from llmopt_core.answering.fact_check.support import Support, SupportResult
from llmopt_core.cache import Cache
from llmopt_core.experiments.stages import read_value
from llmopt_core.runs.codec import pack
from llmopt_core.types import fingerprint

STAGE = "support"


class CachedSupport:
    """Gives the verdicts that are kept, with the time they took when they were made.

    Args:
        inner: Judges what is new; its label names all that its verdicts depend on.
        cache: Where verdicts are kept.
    """

    def __init__(self, inner: Support, cache: Cache) -> None:
        self._inner, self._cache = inner, cache
        self.label = inner.label

    async def judge(self, claims: Sequence[str], passages: Sequence[str], question: str) -> SupportResult:
        """See `Support.judge`."""
        key = fingerprint(STAGE, self.label, list(claims), list(passages), question)
        # In a thread: the database may be busy, and the event loop serves all other answers meanwhile.
        cached_result = await asyncio.to_thread(self._read, key)
        if cached_result is not None:
            return cached_result
        result = await self._inner.judge(claims, passages, question)
        await asyncio.to_thread(self._cache.put_many, STAGE, {key: pack(result, SupportResult)})
        return result

    def _read(self, key: str) -> SupportResult | None:
        result: SupportResult | None = read_value(self._cache.get_many(STAGE, [key]).get(key), SupportResult)
        return result
