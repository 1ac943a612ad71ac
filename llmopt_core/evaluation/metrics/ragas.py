"""The Ragas metrics: their inputs from a sample, their evidence from what the judge said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from llmopt_core.evaluation.ragas_bridge import Judge, RecordingJudge, ragas_value
from llmopt_core.evaluation.sample import CouldNotScore, Encode, Meter, Outcome, Sample, Work
from llmopt_core.text.valid_text import without_surrogates
from llmopt_core.text.words import shorten
from llmopt_core.types import Evidence, Hit


class SampleJudge(Judge, Protocol):
    """A judge made for one sample."""

    def source(self, statement: str) -> str:
        """The sentence of the sample's contexts that a statement rests on; empty where there is none."""
        ...


JudgeFor = Callable[[Sample, Meter], SampleJudge]


@dataclass(frozen=True)
class RagasMetrics:
    """The Ragas metrics over one judge.

    Attributes:
        judge_for: Makes the judge of one sample.
        encode: Embedding for answer relevancy; unit vectors.
        questions: How many questions answer relevancy generates per answer.
    """

    judge_for: JudgeFor
    encode: Encode
    # Ragas' own default; their mean steadies what a single invented question would leave to luck.
    questions: int = 3

    def work(self) -> Mapping[str, Work]:
        """The metrics by name."""
        return {
            "faithfulness": self.faithfulness,
            "answer_relevancy": self.answer_relevancy,
            "context_precision": self.context_precision,
            "context_utilization": self.context_utilization,
            "context_recall": self.context_recall,
        }

    async def faithfulness(self, sample: Sample, meter: Meter) -> Outcome:
        """Share of the answer's statements that the contexts support."""
        inputs = {"response": _clean_answer(sample), "retrieved_contexts": _texts(sample.context_hits)}
        value, evidence = await self._statements("Faithfulness", sample, meter, inputs, "statements", "verdict")
        return Outcome(value, _count_words(evidence, "statements are supported"), evidence)

    # Six arguments; they are what differs between the two metrics.
    async def _statements(  # noqa: PLR0917
        self, name: str, sample: Sample, meter: Meter, inputs: dict[str, Any], part: str, mark: str
    ) -> tuple[float, tuple[Evidence, ...]]:
        """The value of a metric over statements, and what the judge said of each: `mark` in `part` of its reply."""
        judge = self.judge_for(sample, meter)
        recorder = RecordingJudge(judge)
        value = await ragas_value(name, recorder, self.encode, {"user_input": _question(sample), **inputs})
        return value, tuple(
            Evidence(one["statement"], bool(one[mark]), one["reason"], judge.source(one["statement"]))
            # The last question of the metric: faithfulness asks for the statements first, then for verdicts on them.
            for one in recorder.exchanges[-1][1][part]
        )

    async def answer_relevancy(self, sample: Sample, meter: Meter) -> Outcome:
        """How close the question is to the questions the answer would answer; 0 for an evasive or blank answer."""
        # 0 and not left out: an empty answer is a failure of the configuration, which the mean must show.
        if not sample.answer_text:
            return Outcome(0.0, "The answer is blank, so it answers nothing.")
        recorder = RecordingJudge(self.judge_for(sample, meter))
        inputs = {"user_input": _question(sample), "response": _clean_answer(sample)}
        value = await ragas_value("AnswerRelevancy", recorder, self.encode, inputs, strictness=self.questions)
        evidence = tuple(_relevance_evidence(reply) for _, reply in recorder.exchanges)
        # Ragas gives 0 only where every one of its questions is found evasive.
        if evidence and not _yes(evidence):
            return Outcome(value, "The answer is evasive, which counts as 0.", evidence)
        return Outcome(value, "Mean cosine similarity between the question and what the answer answers.", evidence)

    async def context_precision(self, sample: Sample, meter: Meter) -> Outcome:
        """Average precision of the retrieved chunks, each judged useful or not for the reference answer."""
        reference = {"reference": without_surrogates(sample.example.reference or "")}
        return await self._precision("ContextPrecision", sample, meter, sample.hits or (), reference)

    async def context_utilization(self, sample: Sample, meter: Meter) -> Outcome:
        """As context precision, against the answer given; needs no reference."""
        return await self._precision(
            "ContextUtilization", sample, meter, sample.context_hits, {"response": _clean_answer(sample)}
        )

    async def _precision(
        self, name: str, sample: Sample, meter: Meter, hits: tuple[Hit, ...], target: dict[str, str]
    ) -> Outcome:
        recorder = RecordingJudge(self.judge_for(sample, meter))
        # Ragas fails on blank contexts; ranks are then counted among the others.
        text_hits = tuple(hit for hit in hits if hit.chunk.text.strip())
        if not text_hits:
            raise CouldNotScore("Nothing was retrieved.")
        inputs = {"user_input": _question(sample), "retrieved_contexts": _texts(text_hits)} | target
        value = await ragas_value(name, recorder, self.encode, inputs)
        evidence = tuple(
            Evidence(shorten(hit.chunk.text), bool(reply["verdict"]), reply["reason"], hit.chunk.id)
            # One question to the judge per chunk, in order; `strict` would tell if Ragas changed that.
            for hit, (_, reply) in zip(text_hits, recorder.exchanges, strict=True)
        )
        useful_ranks = [str(rank) for rank, part in enumerate(evidence, 1) if part.verdict]
        return Outcome(value, f"Useful chunks: {', '.join(useful_ranks) or 'none'} of {len(evidence)}.", evidence)

    async def context_recall(self, sample: Sample, meter: Meter) -> Outcome:
        """Share of the reference answer's statements that the retrieved chunks hold."""
        contexts = _texts(sample.hits or ())
        # Nothing found is a recall of 0, not a missing score.
        if not contexts:
            return Outcome(0.0, "Retrieval found nothing, so no part of the reference answer is in the contexts.")
        inputs = {"retrieved_contexts": contexts, "reference": without_surrogates(sample.example.reference or "")}
        result = await self._statements("ContextRecall", sample, meter, inputs, "classifications", "attributed")
        value, evidence = result
        return Outcome(value, _count_words(evidence, "sentences of the reference answer are in the contexts"), evidence)


def _question(sample: Sample) -> str:
    # Lone halves of surrogate pairs, as broken files hold them, cannot be sent to a service.
    question = without_surrogates(sample.example.question).strip()
    if not question:
        raise CouldNotScore("The example has no question.")
    return question


def _clean_answer(sample: Sample) -> str:
    if not sample.answer_text:
        raise CouldNotScore("The answer is blank: there is nothing to judge.")
    return without_surrogates(sample.answer_text)


def _texts(hits: tuple[Hit, ...]) -> list[str]:
    return [without_surrogates(hit.chunk.full_text) for hit in hits if hit.chunk.text.strip()]


def _count_words(evidence: tuple[Evidence, ...], what: str) -> str:
    """How many, and why the first that is not."""
    text = f"{_yes(evidence)} of {len(evidence)} {what}."
    reason = next((part.reason for part in evidence if not part.verdict), "")
    return f"{text} {shorten(reason, 300)}" if reason else text


def _yes(evidence: tuple[Evidence, ...]) -> int:
    return sum(bool(part.verdict) for part in evidence)


def _relevance_evidence(reply: Mapping[str, Any]) -> Evidence:
    is_evasive = bool(reply["noncommittal"])
    # Ragas has 1 for evasive, so the verdict is the other way round.
    return Evidence(
        reply["question"], not is_evasive, "The answer is evasive." if is_evasive else "What the answer answers."
    )
