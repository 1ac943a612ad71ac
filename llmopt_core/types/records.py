"""What became of an example: retrieved, answered, scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from llmopt_core.types.documents import Hit
from llmopt_core.types.examples import Example
from llmopt_core.types.messages import Message, ToolCall
from llmopt_core.types.queries import DataAnswer
from llmopt_core.types.usage import Failure, Usage


@dataclass(frozen=True, slots=True)
class StageTrace:
    """What one retrieval stage received and returned.

    Attributes:
        stage: `transform`, `search`, `fusion`, `filter`, `rerank` or `select`.
        method: The component, such as `dense`, `bm25`, `rrf`, `late-interaction`.
        queries: The texts that were searched with (the question, hypothetical passages, sub-questions).
        hits: What came out, best first.
        received: Number of candidates that went in.
        seconds: Wall time, without `once_seconds`. Where the call cache answered: what it took when it was asked.
        usage: Model calls of this stage.
        warning: Set where the stage fell back to something simpler, with the reason.
        once_seconds: Time for what later questions find done: weights loaded, token vectors of chunks made.
    """

    stage: str
    method: str
    queries: tuple[str, ...] = ()
    hits: tuple[Hit, ...] = ()
    received: int = 0
    seconds: float = 0.0
    usage: Usage = Usage()
    warning: str = ""
    once_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """One judged piece of a score: a statement, context or assertion with its verdict, reason, and what it rests on."""

    statement: str
    verdict: bool | None
    reason: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said.

    Attributes:
        hits: The chunks that were handed to the model, in prompt order.
        citations: Positions in `hits` (0-based) that the answer cites.
        prompt: The messages exactly as sent; for completion mode one user message with the whole text.
        seconds: Of its calls and checks. Where the call cache answered: what it took when it was asked.
        notes: What happened on the way: a repaired format, a refusal by the fact check.
        raw: All that the model wrote, where the answer is only a part of it; else empty.
        steps: Name and output of each call a chain made before the last one.
        claims: The fact check's verdict on each claim of the answer, where one was made.
        reasoning: What a reasoning model wrote before its last answer; never scored.
        reasoning_tokens: Of all its calls, a part of the usage's completion tokens.
        tool_calls: What the last answer calls and nobody ran; calls that were run stand in `prompt` with their results.
        data: What a database answered; None where none was asked.
    """

    text: str
    hits: tuple[Hit, ...] = ()
    citations: tuple[int, ...] = ()
    prompt: tuple[Message, ...] = ()
    usage: Usage = Usage()
    seconds: float = 0.0
    finish_reason: str = ""
    notes: tuple[str, ...] = ()
    raw: str = ""
    steps: tuple[tuple[str, str], ...] = ()
    claims: tuple[Evidence, ...] = ()
    reasoning: str = ""
    reasoning_tokens: int = 0
    tool_calls: tuple[ToolCall, ...] = ()
    data: DataAnswer | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """A metric's value with its explanation.

    Attributes:
        value: The number, or None where it could not be scored; then `failure` says why.
        passed: For checks that pass or fail; None for plain scores.
        judge: Name and version of what graded; empty for metrics that need no judge.
        failure_kind: Set where the failure passes: `budget` where there was no room for the judge's call, or the kind
            of an `EndpointError`; and `unprovable` where neither right nor wrong can be shown.
    """

    metric: str
    value: float | None
    explanation: str = ""
    evidence: tuple[Evidence, ...] = ()
    failure: str = ""
    passed: bool | None = None
    judge: str = ""
    failure_kind: str = ""


@dataclass(frozen=True, slots=True)
class Repeat:
    """One of several answers to the same question.

    Attributes:
        answer: None where there is none, or the file that it comes from does not hold it.
        scores: Metric -> value, None where there is none.
        failure: Why there is no answer; empty where it did not fail.
        seconds: None where it is not known.
    """

    answer: str | None
    scores: Mapping[str, float | None] = field(default_factory=dict)
    failure: str = ""
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One example inside a run: the answer with its scores, or the failure; neither where it was not asked.

    `usage` adds up retrieval, answer and judge calls made for this record in this run; `seconds` is the wall time of
    this record's work.

    Attributes:
        repeats: All answers where the question was asked several times. Then `answer` is the first of them that did
            not fail, scores are means over those that have a value, and usage and seconds are means as well.
    """

    example: Example
    answer: Answer | None = None
    trace: tuple[StageTrace, ...] = ()
    scores: Mapping[str, Score] = field(default_factory=dict)
    failure: Failure | None = None
    usage: Usage = Usage()
    seconds: float = 0.0
    repeats: tuple[Repeat, ...] = ()

    @property
    def not_run(self) -> str:
        """Why the question was not asked; empty where it was."""
        if self.answer is not None or self.failure is not None:
            return ""
        # A record that was never begun has its reason in the place of its scores, such as a budget that was spent.
        return next((score.failure for score in self.scores.values() if score.failure), "")
