"""The built-in judge as the one who checks an answer's claims before it counts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from llmopt_core.answering.support import Verdict
from llmopt_core.evaluation.grounding import Grounding
from llmopt_core.evaluation.judge import JudgeSpec
from llmopt_core.evaluation.token_vectors import TokenReader
from llmopt_core.types import Usage


class GroundingSupport:
    """A claim is supported where some passage grounds it, by the same rule as the built-in faithfulness.

    Args:
        reader: Gives token vectors.
    """

    def __init__(self, reader: TokenReader) -> None:
        self._reader = reader
        self.label = JudgeSpec().label

    async def judge(self, claims: Sequence[str], passages: Sequence[str], question: str) -> tuple[list[Verdict], Usage]:
        """See `Support.judge`."""
        return await asyncio.to_thread(self._judge, list(claims), passages, question), Usage()

    def _judge(self, claims: list[str], passages: Sequence[str], question: str) -> list[Verdict]:
        if not passages:
            return [Verdict(False, None, "there is no passage") for _ in claims]
        by_passage = [Grounding(passage, self._reader).supports(claims, question) for passage in passages]
        verdicts = []
        for judged in zip(*by_passage, strict=True):
            best = max(range(len(judged)), key=lambda i: judged[i].probability)
            verdicts.append(Verdict(judged[best].verdict, best, judged[best].reason))
        return verdicts
