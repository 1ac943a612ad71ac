"""The words of the project as frozen values.

Everything that flows between stages is defined here and nowhere else. This module imports nothing of ours.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, get_args

from pydantic import BaseModel, ConfigDict, model_validator, with_config


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces, equal for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def fingerprint(*parts: Any) -> str:
    """A short content hash (16 hexadecimal digits) of JSON-like values."""
    return hashlib.sha256(canonical_json(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


class Spec(BaseModel):
    """A frozen description of a component: name and arguments that rebuild it. Unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _refuse_yes_for_numbers(cls, values: Any) -> Any:
        """`yes` and `true` are 1 to pydantic, which nobody means by them."""
        for name, value in values.items() if isinstance(values, dict) else ():
            field = cls.model_fields.get(name) if value is True or value is False else None
            if field is not None and takes_number(field.annotation):
                raise ValueError(f"{name} should be a number, not {'yes' if value else 'no'}")
        return values

    fingerprint_kind: ClassVar[str] = ""
    """What its fingerprint begins with; empty for the name of its class. A renamed class keeps its former name here,
    so that caches and indexes stay in use."""

    @property
    def fingerprint(self) -> str:
        """Hash of the kind of spec and all its values."""
        return fingerprint(self.fingerprint_kind or type(self).__name__, self.model_dump(mode="json"))


def plain_types(annotation: Any) -> set[Any]:
    """The types that an annotation is made of."""
    parts = get_args(annotation)
    return {annotation} if not parts else set().union(*(plain_types(part) for part in parts))


def takes_number(annotation: Any) -> bool:
    """Whether a field takes numbers, and no yes or no beside them."""
    kinds = plain_types(annotation)
    return bool({int, float} & kinds) and not {bool, Any} & kinds


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` (exclusive) of the document named `document`."""

    document: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Document:
    """A text with its name, unique in its project.

    Attributes:
        name: File name or path inside the project, such as `normans.txt`.
        text: The extracted text. Every offset in the project counts its characters (code points).
        metadata: Flat facts usable as search filters, such as `{"language": "en"}`.
        page_starts: Offset at which each page begins; empty where the format has no pages.
        warnings: What could not be read, in words for the user.
    """

    name: str
    text: str
    metadata: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    page_starts: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """Content hash of the text."""
        return fingerprint(self.text)

    def page_at(self, offset: int) -> int | None:
        """The 1-based page that holds the character at `offset`."""
        if not self.page_starts:
            return None
        return max(1, bisect_right(self.page_starts, offset))


COLUMNS = "columns: "
"""Before the column names at the end of a chunk's heading."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document: `document.text[start:end] == text`, always.

    Attributes:
        heading: Path of headings above the chunk, joined by ` > `; empty where unknown. Inside a table its last part is
            the names of the columns, after `columns: `.
        parent: The larger piece handed to the model in place of this one (small-to-big).
    """

    document: str
    start: int
    end: int
    text: str
    heading: str = ""
    parent: Span | None = None

    @property
    def id(self) -> str:
        """Unique inside one chunking of a project."""
        return f"{self.document}:{self.start}-{self.end}"

    @property
    def span(self) -> Span:
        """Where the chunk stands."""
        return Span(self.document, self.start, self.end)

    @property
    def columns(self) -> str:
        """The column names of the table that the chunk begins inside, below its header; else empty."""
        path, mark, names = self.heading.rpartition(COLUMNS)
        return names if mark and (not path or path.endswith(" > ")) else ""

    @property
    def full_text(self) -> str:
        """The text below the column names that stand above it in the document: what is searched and handed over."""
        return f"{self.columns}\n{self.text}" if self.columns else self.text


@with_config(ConfigDict(ser_json_inf_nan="constants"))
@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk found by a stage, with that stage's score (higher is better; scales differ between stages)."""

    chunk: Chunk
    score: float


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that a model wants to have called.

    Attributes:
        id: What the result names; unique within a conversation.
        name: Of the tool.
        arguments: A JSON object as text, as the model wrote it: it may be broken, or fit no schema.
    """

    id: str
    name: str
    arguments: str = "{}"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat.

    Attributes:
        tool_calls: What an assistant's message calls, beside or instead of its content.
        tool_call_id: The call that a message of role `tool` answers; its content is the result.
        name: The tool that answers.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    name: str = ""

    @property
    def full_text(self) -> str:
        """All of it that is read as tokens: the content, and each call on a line of its own."""
        return "\n".join((self.content, *(f"{call.name} {call.arguments}" for call in self.tool_calls)))


@dataclass(frozen=True, slots=True)
class Usage:
    """What model calls took. `calls` went to an endpoint; `cached_calls` were answered by the call cache, at no cost.

    `cost_usd` is None where the endpoint has no price list. What begins with `saved` is what the cached calls took when
    they were made.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = 0.0
    calls: int = 0
    cached_calls: int = 0
    saved_prompt_tokens: int = 0
    saved_completion_tokens: int = 0
    saved_cost_usd: float | None = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            _total(self.cost_usd, other.cost_usd),
            self.calls + other.calls,
            self.cached_calls + other.cached_calls,
            self.saved_prompt_tokens + other.saved_prompt_tokens,
            self.saved_completion_tokens + other.saved_completion_tokens,
            _total(self.saved_cost_usd, other.saved_cost_usd),
        )

    @property
    def made(self) -> Usage | None:
        """What all these calls took when they were made; None where cached ones do not know it any more."""
        if self.cached_calls and not self.saved_prompt_tokens + self.saved_completion_tokens:
            return None
        return Usage(
            self.prompt_tokens + self.saved_prompt_tokens,
            self.completion_tokens + self.saved_completion_tokens,
            _total(self.cost_usd, self.saved_cost_usd),
            self.calls + self.cached_calls,
        )

    @property
    def from_cache(self) -> Usage:
        """The same calls, answered from the cache."""
        made = self.made or Usage()
        return Usage(
            cached_calls=self.calls + self.cached_calls,
            saved_prompt_tokens=made.prompt_tokens,
            saved_completion_tokens=made.completion_tokens,
            saved_cost_usd=made.cost_usd,
        )


def _total(a: float | None, b: float | None) -> float | None:
    # Rounded far below any price: fifty times 0.01 is 0.5 and not a little more.
    return None if a is None or b is None else round(a + b, 15)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a stage gave no result: the stage, the kind of error, and one sentence for the user."""

    stage: str
    kind: str
    message: str


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
class Example:
    """One test case.

    Attributes:
        references: Where the answer stands in the documents.
        variables: Further columns of the question file, usable in prompts and checks.
    """

    id: str
    question: str
    reference: str | None = None
    references: tuple[Span, ...] = ()
    category: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)

    @property
    def right_answers(self) -> tuple[str, ...]:
        """The reference, and after it what is right as well: the texts of the variable `right_answers`."""
        more = self.variables.get("right_answers")
        texts = [text for text in more if isinstance(text, str)] if isinstance(more, list | tuple) else []
        return tuple(dict.fromkeys([*([self.reference] if self.reference is not None else []), *texts]))

    @property
    def expected(self) -> str:
        """All right answers on one line; empty where none is known."""
        return " · ".join(answer for answer in self.right_answers if answer.strip())


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """Named examples; the version is their content hash."""

    name: str
    examples: tuple[Example, ...]

    @property
    def version(self) -> str:
        """Content hash of all examples in order."""
        return fingerprint(
            [[e.id, e.question, e.reference, [[r.document, r.start, r.end] for r in e.references], e.category,
              dict(e.variables)] for e in self.examples]
        )  # fmt: skip


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


@dataclass(frozen=True, slots=True)
class Score:
    """A metric's value with its explanation.

    Attributes:
        value: The number, or None where it could not be scored; then `failure` says why.
        passed: For checks that pass or fail; None for plain scores.
        judge: Name and version of what graded; empty for metrics that need no judge.
        failure_kind: Set where the failure passes: `budget` where there was no room for the judge's call, or the kind
            of an `EndpointError`.
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
class Record:
    """One example inside a run: the answer with its scores, or the failure; neither where it was not asked.

    `usage` adds up retrieval, answer and judge calls made for this record in this run; `seconds` is the wall time of
    this record's work.
    """

    example: Example
    answer: Answer | None = None
    trace: tuple[StageTrace, ...] = ()
    scores: Mapping[str, Score] = field(default_factory=dict)
    failure: Failure | None = None
    usage: Usage = Usage()
    seconds: float = 0.0

    @property
    def not_run(self) -> str:
        """Why the question was not asked; empty where it was."""
        if self.answer is not None or self.failure is not None:
            return ""
        return next((score.failure for score in self.scores.values() if score.failure), "")
