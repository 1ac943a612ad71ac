"""The only number a search reports: before against after, on questions that the search never saw."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt_core.errors import BadInput
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.search.task import SearchTask
from llmopt_core.experiments.search.trial_runner import TrialRunner
from llmopt_core.statistics.intervals import Summary
from llmopt_core.statistics.paired_comparison import Comparison
from llmopt_core.types import Example, Spec


class Verification(Spec):
    """A paired test on the held-back part.

    Attributes:
        before: What was there.
        after: What was found.
        comparison: `after - before`, paired by question.
        questions: Size of the part.
        tokens: Mean prompt tokens of an answer, before and after; None where not known.
    """

    before: Summary
    after: Summary
    comparison: Comparison
    questions: int
    tokens: tuple[float | None, float | None] = (None, None)

    @property
    def is_better(self) -> bool:
        """Whether what was found is better, by the test."""
        return self.comparison.verdict == "better"


async def verify(
    runner: TrialRunner, before: Configuration, after: Configuration, held_back: Sequence[Example]
) -> Verification | None:
    """Measure both on the held-back part; None where the search was stopped before both were measured in full."""
    # Everything before left room for this; now it may be used.
    runner.release()
    first = await runner.measure(before, held_back, "held-back part: as it was")
    second = await runner.measure(after, held_back, "held-back part: as found")
    if not (first.complete and second.complete):
        return None
    return Verification(
        before=first.summary,
        after=second.summary,
        comparison=runner.compare(first, second),
        questions=len(held_back),
        tokens=(first.tokens, second.tokens),
    )


def gain(comparison: Comparison, higher_is_better: bool = True) -> float:
    """How much better on average, over the pairs; minus infinity where there are too few pairs to say.

    Answers that failed have no value. A candidate whose answers fail more often than every tenth time is not chosen:
    what is left of it may be the easy part.
    """
    total = comparison.pairs + comparison.dropped
    if comparison.difference is None or comparison.dropped > _MOST_MISSING * total:
        return float("-inf")
    return comparison.difference if higher_is_better else -comparison.difference


def check_budget(task: SearchTask, training: int, held_back: int) -> None:
    """Refuse a budget that is used up before anything could be verified.

    Raises:
        BadInput: Says how many calls are needed at least.
    """
    # The prompt as it is and one candidate on the training part, then both on the held-back part.
    least = (2 * training + 2 * held_back) * (1 + len(task.configuration.prompt.steps))
    if task.budget.calls is not None and task.budget.calls < least:
        raise BadInput(
            f"A budget of {task.budget.calls:,} calls is used up before anything is verified: at least {least:,} are "
            "needed. Raise it, or take fewer questions."
        )


# As for runs: where more than one answer in ten is missing, what is left may be the easy part.
_MOST_MISSING = 0.1
