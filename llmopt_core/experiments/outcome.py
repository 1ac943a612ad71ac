"""How a run really ended: how many answers failed or could not be scored, and the reason that came most often."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Run
from llmopt_core.types.grouping import group_values

# Rule of thumb: where one in ten answers is missing, what is left may be the easy part.
_NEARLY_ALL = 0.9
# A part ends at the next quote of its kind, so the search goes through a message once.
_DETAIL = re.compile(r"'[^']*'|\"[^\"]*\"|\d+")
"""What differs between two failures of one kind: quoted names and numbers."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something failed, as the first of its kind said it, and how often that kind came."""

    message: str
    count: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the records of a run ended.

    Attributes:
        total: How many the run is meant to have.
        answered: Records with an answer.
        failures: Why answers failed, most frequent first.
        unscored: Metric -> why answers have no value in it, most frequent first.
    """

    total: int
    answered: int
    failures: tuple[Reason, ...]
    unscored: Mapping[str, tuple[Reason, ...]]

    @property
    def failure_count(self) -> int:
        """Records that failed."""
        return sum(reason.count for reason in self.failures)

    def sentences(self, title: Callable[[str], str] = str) -> list[str]:
        """One line for the failures and one for each metric that lacks values.

        Args:
            title: Says how a metric is called; by its name.
        """
        lines = [failure_sentence(self.failures, self.total)] if self.failures else []
        for metric, reasons in self.unscored.items():
            count = sum(reason.count for reason in reasons)
            lines.append(f"{title(metric)}: {count:,} of {self.answered:,} answers not scored{_most(reasons, count)}")
        return lines


class Counted(Protocol):
    """What is known to have been asked and to have failed, such as a run."""

    @property
    def done(self) -> int:
        """How many records there are, failed ones included."""

    @property
    def failed(self) -> int:
        """How many of those failed."""


def is_nearly_complete(run: Counted) -> bool:
    """Whether so few answers failed that the means of a run stand for all that it was asked."""
    return run.done - run.failed >= _NEARLY_ALL * run.done


def outcome(store: Store, run: Run) -> Outcome:
    """How the stored records of a run ended."""
    scoring_failures = {metric: tuple(reasons(texts)) for metric, texts in store.scoring_failures(run.id).items()}
    return Outcome(run.total, run.done - run.failed, failure_reasons(store, run.id), scoring_failures)


def failure_reasons(store: Store, run_id: int) -> tuple[Reason, ...]:
    """Why records of a run failed, most frequent first."""
    return tuple(reasons(failure.message for failure in store.failures(run_id)))


def reasons(messages: Iterable[str]) -> list[Reason]:
    """Messages that differ in numbers and quoted names alone count as one; most frequent first."""
    groups = group_values((_DETAIL.sub("#", message), message) for message in messages)
    reason_counts = [Reason(texts[0], len(texts)) for texts in groups.values()]
    # Sorting is stable: of equally frequent ones that which came first.
    return sorted(reason_counts, key=lambda reason: -reason.count)


def failure_sentence(failures: Sequence[Reason], total: int) -> str:
    """`7 of 30 answers failed, most often (5 times): the reason`; empty where none failed."""
    failure_count = sum(reason.count for reason in failures)
    if not failure_count:
        return ""
    subject = f"All {total:,} answers" if failure_count == total > 1 else f"{failure_count:,} of {total:,} answers"
    return f"{subject} failed{_most(failures, failure_count)}"


def _most(reasons: Sequence[Reason], count: int) -> str:
    first = reasons[0]
    frequency = "" if first.count == count else f", most often ({first.count:,} times)"
    return f"{frequency}: {first.message or 'no reason was given'}"
