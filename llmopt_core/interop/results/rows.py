"""What every reader of result files gives: the answers of one variant, a row per question and repeat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from llmopt_core.runs.values import Status
from llmopt_core.types import Failure, Message


@dataclass(frozen=True, slots=True)
class RowScore:
    """One value of one grader.

    Attributes:
        value: None where the file holds none; then `failure` says why.
        judge: Which model graded, where the file says so.
        passed: For pass/fail alone.
    """

    value: float | None
    explanation: str = ""
    failure: str = ""
    judge: str = ""
    passed: bool | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """A text that was handed to the model."""

    text: str
    document: str = ""
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """One answer to one question. What the file does not say is None or empty.

    Attributes:
        id: The tool's own name of the question, such as a sample id; empty where it has none.
        repeat: Number of the answer among those to the same question; None where the file does not number them.
        key: Tells questions apart where ids and texts do not; rows of equal keys are repeats of one question.
    """

    question: str
    id: str = ""
    key: str = ""
    reference: str | None = None
    right_answers: tuple[str, ...] = ()
    category: str | None = None
    answer: str | None = None
    failure: Failure | None = None
    scores: Mapping[str, RowScore] = field(default_factory=dict)
    contexts: tuple[Context, ...] | None = None
    prompt: tuple[Message, ...] = ()
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_usd: float | None = None
    seconds: float | None = None
    finish_reason: str = ""
    repeat: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantResults:
    """All that files say about one variant.

    Attributes:
        tool: As its makers write it, such as `promptfoo`.
        name: Of the variant; empty where no file says it.
        model: Which model answered; empty where no file says it.
        details: What else is known of its configuration, in words of the tool.
        set_name: Of the questions; empty where no file says it.
        files: Names of the files that it was read from.
        notes: What was read otherwise than one may expect, in sentences.
        lower_is_better: Metrics in which less is better.
    """

    tool: str
    rows: tuple[ResultRow, ...]
    files: tuple[str, ...]
    version: str = ""
    name: str = ""
    model: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    set_name: str = ""
    created_at: datetime | None = None
    seconds: float | None = None
    status: Status = "finished"
    error: str = ""
    notes: tuple[str, ...] = ()
    lower_is_better: frozenset[str] = frozenset()
