"""What a ladder is made of, as plain values that pages, reports and files show alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from llmopt_core.experiments.result import comparison_values
from llmopt_core.reporting.formatting import plural
from llmopt_core.runs.store_ladder import Decision
from llmopt_core.runs.values import PerQuestion
from llmopt_core.statistics.intervals import Summary
from llmopt_core.statistics.paired_comparison import Comparison

State = Literal["baseline", "kept", "dropped", "undecided"]
SIGNS: Mapping[State, str] = {"baseline": "●", "kept": "✓", "dropped": "✗", "undecided": "?"}


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the verdict says should become of an experiment, and why."""

    state: State
    reason: str


@dataclass(frozen=True, slots=True)
class Rung:
    """One experiment.

    Attributes:
        position: From 1, over the whole ladder.
        name: Unique on its questions.
        run_id: The run that counts; None where there is none, as in an example.
        proposal: By the verdict.
        decision: By a person; goes before the proposal. None where nobody has decided.
        parent: Name of the last experiment before it that was kept; empty for the baseline.
        changes: What was changed against the parent, in plain words.
        summary: Its own mean with interval and coverage.
        comparison: Against the parent on the questions that both answered; None for the baseline and where they share
            none.
        gain: The difference, where it is known without a comparison.
        each: What a question takes.
        mark: What must stand beside its name: trained or chosen on these questions, other documents, imported.
        answered: How many of how many questions, where not all were; else empty.
        measured_at: When its run was started.
    """

    position: int
    name: str
    run_id: int | None
    fingerprint: str
    proposal: Proposal
    summary: Summary
    decision: Decision | None = None
    parent: str = ""
    changes: tuple[str, ...] = ()
    comparison: Comparison | None = None
    gain: float | None = None
    each: PerQuestion = field(default_factory=PerQuestion)
    mark: str = ""
    answered: str = ""
    measured_at: datetime | None = None

    @property
    def state(self) -> State:
        """What became of it: as a person decided, else as the verdict proposes."""
        is_open = self.decision is None or self.proposal.state == "baseline"
        return self.proposal.state if is_open or self.decision is None else self.decision.choice

    @property
    def is_decided(self) -> bool:
        """Whether a person has decided."""
        return self.decision is not None and self.proposal.state != "baseline"

    @property
    def reason(self) -> str:
        """Why it was kept or dropped."""
        return self.decision.note if self.is_decided and self.decision is not None else self.proposal.reason

    @property
    def sign(self) -> str:
        """`✓`, `✗`, `?`, and `●` for the baseline."""
        return SIGNS[self.state]

    @property
    def value(self) -> float | None:
        """Its mean."""
        return self.summary.mean

    @property
    def difference(self) -> float | None:
        """What it gained over its parent; None where that is not known."""
        return self.comparison.difference if self.comparison is not None else self.gain

    @property
    def is_dropped(self) -> bool:
        """Whether it is no part of what stands today."""
        return self.state == "dropped"

    @property
    def is_kept(self) -> bool:
        """Whether what comes after it stands on it."""
        return self.state in ("baseline", "kept")

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        summary, decision, each = self.summary, self.decision if self.is_decided else None, self.each
        return {
            "position": self.position,
            "configuration": self.name,
            "run": self.run_id,
            "fingerprint": self.fingerprint,
            "state": self.state,
            "reason": self.reason,
            "proposal": {"state": self.proposal.state, "reason": self.proposal.reason},
            "decision": None
            if decision is None
            else {
                "choice": decision.choice,
                "reason": decision.note,
                "author": decision.author,
                "at": decision.saved_at.isoformat() if decision.saved_at else None,
            },
            "parent": self.parent,
            "changes": list(self.changes),
            "mean": summary.mean,
            "ci95": [summary.low, summary.high],
            "scored": summary.scored,
            "total": summary.total,
            "difference": self.difference,
            "comparison": None if self.comparison is None else comparison_values(self.comparison),
            "cost_usd_each": each.cost_usd,
            "seconds_each": each.seconds,
            "tokens_each": each.tokens,
            "asked": each.asked,
            "cached": each.cached,
            "mark": self.mark,
            "measured_at": self.measured_at.isoformat() if self.measured_at else None,
        }


@dataclass(frozen=True, slots=True)
class Section:
    """Experiments on the same questions by the same judge: only these are compared.

    Attributes:
        set_size: Its number of questions; None where the set is gone.
        sentence: Why it is apart from the section before it; empty for the first.
        total: The last kept one against the baseline; None where nothing but that was kept.
        tested: What its comparisons are tested together with, in words.
    """

    set_name: str
    set_version: str
    judge: str
    set_size: int | None
    rungs: tuple[Rung, ...]
    sentence: str = ""
    total: Comparison | None = None
    tested: str = ""

    @property
    def kept(self) -> list[Rung]:
        """The way from the baseline to today."""
        return [rung for rung in self.rungs if rung.is_kept]

    @property
    def today(self) -> Rung | None:
        """What stands at its end."""
        return next(reversed(self.kept), None)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "evaluation_set": {"name": self.set_name, "version": self.set_version, "size": self.set_size},
            "judge": self.judge,
            "sentence": self.sentence,
            "tested": self.tested,
            "rungs": [rung.to_dict() for rung in self.rungs],
            "total": None if self.total is None else comparison_values(self.total),
        }


@dataclass(frozen=True, slots=True)
class Ladder:
    """All experiments of a project by one metric.

    Attributes:
        metrics: Those that it can be shown by, the default first.
    """

    project: str
    metric: str
    higher_is_better: bool
    sections: tuple[Section, ...]
    metrics: tuple[str, ...] = ()

    @property
    def rungs(self) -> list[Rung]:
        """All of them, in order."""
        return [rung for section in self.sections for rung in section.rungs]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "project": self.project,
            "metric": self.metric,
            "higher_is_better": self.higher_is_better,
            "sections": [section.to_dict() for section in self.sections],
        }


def count_states(rungs: Sequence[Rung]) -> str:
    """`3 kept, 2 dropped, 1 to decide`, without the baselines."""
    words = {"kept": "kept", "dropped": "dropped", "undecided": "to decide"}
    counts = {state: sum(rung.state == state for rung in rungs) for state in words}
    return ", ".join(f"{count} {words[state]}" for state, count in counts.items() if count)


def describe_questions(section: Section) -> str:
    """`48 questions of the set support`."""
    size = "" if section.set_size is None else f"{plural(section.set_size, 'question')} of "
    return f"{size}the set {section.set_name}"
