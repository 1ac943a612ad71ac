"""What the store gives back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args

from llmopt_core.types import Usage

Status = Literal["queued", "running", "finished", "interrupted", "cancelled", "failed", "budget-reached"]

ACTIVE: frozenset[Status] = frozenset(("queued", "running"))
# The largest number of PostgreSQL's integer column; an endpoint may report any count.
_MOST = 2**31 - 1
# `finished` is none of them: a finished run is only gone on with where some of its questions failed.
RESUMABLE: frozenset[Status] = frozenset(("interrupted", "cancelled", "failed", "budget-reached"))


def read_status(value: Any) -> Status:
    """A stored status; one that this version does not know is work that nobody here goes on with."""
    return value if value in get_args(Status) else "interrupted"


def whole(value: Any) -> int:
    """A count that every database can hold and add up."""
    return min(max(int(value), 0), _MOST) if finite(value) is not None else 0


def finite(value: Any) -> float | None:
    """A number; None for what is none, such as NaN."""
    is_finite = isinstance(value, int | float) and math.isfinite(value)
    return value if is_finite else None


COMPARISON = "comparison"
"""The option that marks the runs of one comparison of prompts."""
IMPORTED = "imported"
"""The option that marks a run that was made by another tool, and says what its files hold."""


@dataclass(frozen=True, slots=True)
class Project:
    """One LLM feature being optimized."""

    id: int
    name: str
    description: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SavedDocument:
    """What is known of a document without its text."""

    name: str
    version: str
    characters: int
    saved_at: datetime


@dataclass(frozen=True, slots=True)
class SavedSet:
    """What is known of an evaluation set without its examples."""

    name: str
    version: str
    size: int
    saved_at: datetime


@dataclass(frozen=True, slots=True)
class SavedConfiguration:
    """A configuration under its name. Saving other contents under the same name adds a version."""

    name: str
    version: int
    fingerprint: str
    spec: dict[str, Any]
    saved_at: datetime


@dataclass(frozen=True, slots=True)
class Run:
    """One configuration over one evaluation set.

    Attributes:
        name: The configuration's name at that time.
        total: How many examples the run is meant to have.
        done: How many records are stored, failed ones included.
        failed: How many of those are failures.
        seconds: Wall time of all sessions of this run.
        usage: What was paid for the run, whatever became of the answers: more than its records took where some came to
            nothing, or an index was embedded. Of runs from before that was kept: the sum over the records.
        dearest: By model, what its dearest call cost.
        options: What the run was started with: limit, budget, concurrency.
        documents_version: Hash of the documents that the run was made over; None for runs from before it was kept.
        training: What its tuned parts have learned from, against its questions (see
            `experiments.training_overlap`); None for runs from before it was kept.
    """

    id: int
    project: str
    name: str
    fingerprint: str
    configuration: dict[str, Any]
    evaluation_set: str
    set_version: str
    judge: str
    metrics: tuple[str, ...]
    total: int
    status: Status
    created_at: datetime
    finished_at: datetime | None = None
    seconds: float = 0.0
    error: str = ""
    job_id: int | None = None
    done: int = 0
    failed: int = 0
    usage: Usage = Usage()
    dearest: Mapping[str, float] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    documents_version: str | None = None
    training: Mapping[str, Any] | None = None

    @property
    def budget_usd(self) -> float | None:
        """The most that the whole run may cost; None without a limit."""
        limit = self.options.get("budget_usd")
        return None if limit is None else float(limit)

    @property
    def parent(self) -> str:
        """The name of the configuration that its own extends, as the experiment file said; empty where none did."""
        return str(self.options.get("parent") or "")

    @property
    def retrieves(self) -> bool:
        """Whether its answers depend on documents; of another tool's run, whether its files show any."""
        return bool(self.configuration.get("retrieval")) or self.imported.get("has_contexts") is True

    @property
    def active(self) -> bool:
        """Whether some process works on it."""
        return self.status in ACTIVE

    @property
    def comparison(self) -> str:
        """The comparison of prompts that the run is a part of; empty for runs of whole sets."""
        return str(self.options.get(COMPARISON) or "")

    @property
    def imported(self) -> Mapping[str, Any]:
        """What is known of a run that another tool made, see `experiments.imported_runs`; empty for our own."""
        facts = self.options.get(IMPORTED)
        return facts if isinstance(facts, Mapping) else {}

    @property
    def resumable(self) -> bool:
        """Whether something is left to do and nobody does it."""
        # Nothing here can ask what another tool asked.
        if self.imported:
            return False
        # Failed questions of a finished run are asked again: what they failed of may be over.
        return self.status in RESUMABLE or (self.status == "finished" and self.failed > 0)


@dataclass(frozen=True, slots=True)
class RunScores:
    """The values of one run, aligned with its example ids (the order of the evaluation set).

    Attributes:
        failures: Ids of the examples whose record is a failure: nothing could be scored, because nothing was answered.
    """

    examples: tuple[str, ...]
    values: dict[str, list[float | None]]
    verdicts: dict[str, list[bool | None]]
    failures: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PerQuestion:
    """What a question takes on average, judging with it, over the answered records that were asked afresh.

    Records with an answer from the cache took less than they would, and those that failed less than a whole answer.

    Attributes:
        asked: How many records the means stand over; they are None where there is none.
        cached: How many answered records came from the cache, at least in part.
        cost_usd: None also where one of them has no price.
    """

    asked: int = 0
    cached: int = 0
    tokens: float | None = None
    seconds: float | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """Long work outside the page script.

    Attributes:
        progress: Plain numbers and words for the panel: done, total, cached, tokens, cost_usd, seconds_left, message.
        result: What it gave, such as the ids of its runs.
        lane: The queue that it waits in; empty for jobs from before there were any.
        versions: Of what it works on, by name; None for jobs that only the process that made them could do.
        key_names: Endpoints whose keys were typed into the session that asked for it; the keys are nowhere.
        attempts: How often it was begun.
    """

    id: int
    project: str | None
    kind: str
    status: Status
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested: bool
    error: str
    arguments: dict[str, Any]
    progress: dict[str, Any]
    result: dict[str, Any]
    lane: str = ""
    versions: dict[str, Any] | None = None
    key_names: tuple[str, ...] = ()
    attempts: int = 0

    @property
    def active(self) -> bool:
        """Whether it still runs or waits."""
        return self.status in ACTIVE

    @property
    def resumable(self) -> bool:
        """Whether it ended before it was done, and any process can go on with it."""
        return self.status in RESUMABLE and self.versions is not None
