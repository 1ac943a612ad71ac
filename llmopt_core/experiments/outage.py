"""When to give up on an endpoint that fails again and again."""

from __future__ import annotations

from dataclasses import dataclass

from llmopt_core.errors import OUTAGES
from llmopt_core.types import Failure, Record

# Single answers fail on their own account; five in a row, with none between, mean that the endpoint is out. Rule of
# thumb.
_PATIENCE = 5


@dataclass
class Outage:
    """Counts the same fault of an endpoint in a row; a good answer or another fault begins anew.

    Failures that belong to an example neither count nor begin anew.

    Attributes:
        concurrency: Calls at once; those in flight fail together, so more are waited for.
        given_up_after: How many failures in a row it took to give up; 0 while there is hope.
        reason: The failure that ended it.
    """

    concurrency: int
    given_up_after: int = 0
    reason: Failure | None = None
    _kind: str = ""
    _count: int = 0

    def see(self, failure: Failure | None) -> None:
        """One more record is done."""
        if failure is None:
            self._kind, self._count = "", 0
        elif failure.kind in OUTAGES:
            self._count = self._count + 1 if failure.kind == self._kind else 1
            self._kind = failure.kind
            # What is in flight when an endpoint goes down fails together; half as many more show that the next ones
            # fail, too.
            if not self.given_up_after and self._count >= max(_PATIENCE, self.concurrency * 3 // 2):
                self.given_up_after, self.reason = self._count, failure

    def see_scores(self, record: Record) -> None:
        """Count what came of grading one more answer; one that the judge was not asked for says nothing."""
        scores = record.scores.values()
        faults = [score for score in scores if score.failure_kind in OUTAGES]
        if faults:
            self.see(Failure("score", faults[0].failure_kind, faults[0].failure))
        elif any(score.value is not None for score in [score for score in scores if score.judge] or scores):
            self.see(None)
