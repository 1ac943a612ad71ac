"""What a metric looks at, and the shape of every metric."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from llmopt_core.databases.outcome import QueryOutcome
from llmopt_core.databases.schema import Schema
from llmopt_core.errors import OUTAGES, Cancellation, EndpointError, LlmOptError, OutOfBudget
from llmopt_core.models.base import Vectors
from llmopt_core.models.finish import unscorable_reason
from llmopt_core.types import Answer, Document, Evidence, Example, Hit, Score, Usage

Encode = Callable[[Sequence[str]], Vectors]
"""Embeds texts, for metrics that compare by meaning."""

Need = Literal["answer", "reference", "references", "contexts", "retrieval", "judge", "query", "database"]


class QueryDatabase(Protocol):
    """The database of a data question, for metrics that run queries."""

    @property
    def dialect(self) -> str:
        """Whose SQL it speaks, as sqlglot names it."""
        ...

    @property
    def schema(self) -> Schema:
        """All of its tables."""
        ...

    def run(self, sql: str) -> QueryOutcome:
        """Run one query within the limits; the same one is run once."""
        ...


@dataclass(frozen=True, slots=True)
class Sample:
    """One example with what was retrieved and answered.

    Attributes:
        answer: None where answering failed.
        hits: What retrieval returned, best first; empty where it found nothing, None where the configuration has no
            retrieval.
        documents: By name, for metrics that read more than the chunks; None where they are not at hand.
        database: That of a data question; None where the configuration has no data source.
    """

    example: Example
    answer: Answer | None = None
    hits: tuple[Hit, ...] | None = None
    documents: Mapping[str, Document] | None = None
    database: QueryDatabase | None = None

    @property
    def answer_text(self) -> str:
        """The answer, stripped; empty where there is none."""
        return self.answer.text.strip() if self.answer else ""

    @property
    def problem(self) -> str:
        """Why there is nothing to score, in one sentence; empty where there is an answer."""
        if self.answer is None:
            return "There is no answer to score."
        return unscorable_reason(self.answer.finish_reason, self.answer.raw or self.answer.text, self.answer.notes)

    @property
    def context_hits(self) -> tuple[Hit, ...]:
        """The hits the answer was made from: those handed to the model, else those retrieved."""
        # A pipeline may hand on fewer than it found (a limit of tokens), and what the model never saw cannot ground its
        # answer. Answers of an imported run carry no hits.
        return (self.answer.hits if self.answer else ()) or self.hits or ()


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """What a metric is, for forms, tables and the command line.

    Attributes:
        kind: `answer` looks at the answer, `retrieval` at the retrieved chunks, `check` passes or fails.
        needs: What must be there; without it an example gets no value, with the reason.
        explanation: One or two sentences for users.
        unit: `fraction` for values between 0 and 1.
    """

    name: str
    title: str
    kind: Literal["answer", "retrieval", "check"]
    needs: tuple[Need, ...]
    higher_is_better: bool
    explanation: str
    unit: str = "fraction"


class Metric(Protocol):
    """One measure of one sample."""

    @property
    def name(self) -> str:
        """Key in `METRICS`."""
        ...

    @property
    def version(self) -> str:
        """Changes whenever the same sample could get another value: metric, judge and their settings."""
        ...

    @property
    def judge(self) -> str:
        """Name and version of what grades; empty where no judge is needed."""
        ...

    async def score(self, sample: Sample) -> tuple[Score, Usage]:
        """The score and what the judge's calls took. A metric that crashes gives a score without value."""
        ...


class CouldNotScore(LlmOptError):
    """Raised inside a metric: there is no value, and the message says why."""


UNPROVABLE = "unprovable"
"""The kind of failure of a score of which nothing can be shown."""


class Unprovable(CouldNotScore):
    """Neither right nor wrong can be shown, as where both results are empty; counted apart from what failed."""


@dataclass(slots=True)
class Meter:
    """Adds up what the model calls of one score took, so that a score that fails half-way still shows its cost."""

    usage: Usage = field(default_factory=Usage)

    def add(self, usage: Usage) -> None:
        """Count one more call."""
        self.usage = self.usage + usage


@dataclass(frozen=True, slots=True)
class Outcome:
    """A value with its explanation and evidence."""

    value: float
    explanation: str = ""
    evidence: tuple[Evidence, ...] = ()


Work = Callable[[Sample, Meter], Awaitable[Outcome]]


@dataclass(frozen=True)
class PlainMetric:
    """A metric made of one function; checks what it needs first and turns every error into a score without value."""

    info: MetricInfo
    work: Work
    version: str = "1"
    judge: str = ""

    @property
    def name(self) -> str:
        """The metric's name."""
        return self.info.name

    async def score(self, sample: Sample) -> tuple[Score, Usage]:
        """See `Metric.score`."""
        if failure := missing_input(sample, self.info.needs):
            return Score(self.name, None, failure=failure, judge=self.judge), Usage()

        async def work(meter: Meter) -> Score:
            outcome = await self.work(sample, meter)
            return Score(self.name, outcome.value, outcome.explanation, outcome.evidence, judge=self.judge)

        return await score_or_failure(self.name, self.judge, work)


async def score_or_failure(name: str, judge: str, work: Callable[[Meter], Awaitable[Score]]) -> tuple[Score, Usage]:
    """What `work` gives, and what its calls took; an error but a budget's end is a score without value.

    The kind of the failure is that of an endpoint's fault; empty for what would fail again.
    """
    meter, kind = Meter(), ""
    try:
        return await work(meter), meter.usage
    # These end the whole run on purpose; as a failed score they would let every other record go on spending.
    except (OutOfBudget, Cancellation):
        raise
    except LlmOptError as error:
        failure = str(error)
        # Only an outage may be gone on the next attempt. A refused prompt would be refused again, so its score is not
        # asked anew.
        kind = error.kind if isinstance(error, EndpointError) and error.kind in OUTAGES else ""
        kind = UNPROVABLE if isinstance(error, Unprovable) else kind
    # Ragas and its judges raise whatever they like; one broken sample must not end a run of hundreds.
    except Exception as error:
        # 500 characters: some libraries put the whole prompt into their message, and this one is stored with every
        # score.
        failure = f"{type(error).__name__}: {error}"[:500]
    return Score(name, None, failure=failure, judge=judge, failure_kind=kind), meter.usage


def missing_input(sample: Sample, needs: tuple[Need, ...]) -> str:
    """Why the sample cannot be scored, in one sentence; empty where nothing is missing."""
    example = sample.example
    gaps = {
        "answer": sample.problem,
        "reference": "" if (example.reference or "").strip() else "The example has no reference answer.",
        "references": "" if example.references else "The example names no source in a document.",
        "query": "" if example.gold_queries else "The example has no right query.",
        "retrieval": "The configuration retrieves nothing." if sample.hits is None else "",
        "contexts": "" if any(hit.chunk.text.strip() for hit in sample.context_hits) else "Nothing was retrieved.",
    }
    # In this order, whatever the order of the needs: the first is the one to mend first.
    return next((gap for need, gap in gaps.items() if gap and need in needs), "")
