"""What a gate found: its checks, its word, and the exit code that a pipeline reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Outcome = Literal["passed", "failed", "cannot tell", "coverage too low", "broke"]

EXIT_CODES: Mapping[Outcome, int] = {
    "passed": 0,
    "failed": 1,
    "cannot tell": 3,
    "coverage too low": 4,
    "broke": 5,
}
# What is known for certain before what is missing: a real drop stays one, whatever else could not be told.
_ORDER: tuple[Outcome, ...] = ("broke", "failed", "coverage too low", "cannot tell")


@dataclass(frozen=True, slots=True)
class Check:
    """One rule for one configuration, over all of its questions or those of a category.

    Attributes:
        rule: `no-regression`, `fail-under`, `assertions`, or `run` for a run that broke.
        bound: The margin or the threshold.
        category: None for all questions.
        decides: Whether the gate depends on it; else it is only told.
        words: One sentence, without the names of configuration and metric.
        numbers: What it rests on.
    """

    rule: str
    configuration: str
    metric: str
    outcome: Outcome
    words: str
    bound: float | None = None
    category: str | None = None
    decides: bool = True
    numbers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """With its names."""
        place = f" in {self.category or 'no category'}" if self.category is not None else ""
        metric = f" {self.metric}" if self.metric else ""
        return f"{self.configuration}:{metric}{place} {self.words}"

    @property
    def title(self) -> str:
        """What it checks; the same in each run of a pipeline, so that a history can be kept."""
        limit = "" if self.bound is None else f" {self.bound:g}"
        place = f", category {self.category or 'none'}" if self.category is not None else ""
        return f"{self.metric} {self.rule}{limit}{place}".strip()


@dataclass(frozen=True, slots=True)
class Gate:
    """All checks of a result.

    Attributes:
        evaluation_set: Name, version and size, as a result has them.
        baseline: What was compared with, in words; empty without a comparison.
        notes: What must be said beside the numbers, such as questions that were trained on.
    """

    checks: tuple[Check, ...]
    evaluation_set: Mapping[str, Any] = field(default_factory=dict)
    baseline: str = ""
    notes: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """The first of: broke, failed, coverage too low, cannot tell; else passed."""
        outcomes = {check.outcome for check in self.checks if check.decides}
        return next((one for one in _ORDER if one in outcomes), "passed")

    @property
    def exit_code(self) -> int:
        """What a command ends with."""
        return EXIT_CODES[self.outcome]

    @property
    def problems(self) -> list[Check]:
        """The checks that keep it from passing."""
        return [check for check in self.checks if check.decides and check.outcome != "passed"]

    def as_values(self) -> dict[str, Any]:
        """Plain values, as `--json` writes them."""
        return {
            "outcome": self.outcome,
            "exit_code": self.exit_code,
            "baseline": self.baseline or None,
            "evaluation_set": dict(self.evaluation_set),
            "notes": list(self.notes),
            "checks": [
                {
                    "rule": check.rule,
                    "configuration": check.configuration,
                    "metric": check.metric or None,
                    "category": check.category,
                    "bound": check.bound,
                    "outcome": check.outcome,
                    "decides": check.decides,
                    "words": check.words,
                    **check.numbers,
                }
                for check in self.checks
            ],
        }
