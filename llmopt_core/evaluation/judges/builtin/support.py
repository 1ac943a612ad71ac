"""The built-in judge as the one who checks an answer's claims before it counts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from llmopt_core.answering.fact_check.support import SupportResult, Verdict
from llmopt_core.evaluation.judges.builtin.grounding import Grounding
from llmopt_core.evaluation.judges.builtin.token_vectors import TokenReader
from llmopt_core.evaluation.judges.judge import JudgeSpec


class GroundingSupport:
    """A claim is supported where some passage grounds it, by the same rule as the built-in faithfulness.

    Args:
        reader: Gives token vectors.
    """

    def __init__(self, reader: TokenReader) -> None:
        self._reader = reader
        self.label = JudgeSpec().label

    async def judge(self, claims: Sequence[str], passages: Sequence[str], question: str) -> SupportResult:
        """See `Support.judge`."""
        return await asyncio.to_thread(self._judge, list(claims), passages, question)

    def _judge(self, claims: list[str], passages: Sequence[str], question: str) -> SupportResult:
        if not passages:
            return SupportResult(tuple(Verdict(False, None, "there is no passage") for _ in claims))
        # The model is loaded once for all answers, so no single one takes that time.
        self._reader.load()
        start = time.perf_counter()
        # As a reply, so that the border is that of faithfulness.
        by_passage = [Grounding(passage, self._reader).supports(claims, question, reply=True) for passage in passages]
        verdicts = []
        for supports in zip(*by_passage, strict=True):
            # The passage with the highest probability stands for the claim, and is the one that is shown.
            best = max(range(len(supports)), key=lambda i: supports[i].probability)
            verdicts.append(Verdict(supports[best].verdict, best, supports[best].reason))
        return SupportResult(tuple(verdicts), seconds=time.perf_counter() - start)
