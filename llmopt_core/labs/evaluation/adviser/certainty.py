"""Whether the numbers can be trusted: fresh questions where some were learned, more where too few were asked."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt_core.labs.evaluation.adviser.causes import Examination
from llmopt_core.labs.evaluation.adviser.run import AdvisedRun
from llmopt_core.labs.evaluation.adviser.step import Step
from llmopt_core.reporting.formatting import plural
from llmopt_core.statistics.paired_comparison import Comparison

# With fewer questions a difference of .1 is seldom told from chance.
FEW = 100


def fresh_questions(runs: Sequence[AdvisedRun]) -> list[Step]:
    """A score on questions that were trained on has to be measured again on others."""
    overlapping = [run for run in runs if run.overlap_count]
    if not overlapping:
        return []
    first = overlapping[0]
    others = f" (and {len(overlapping) - 1} more)" if len(overlapping) > 1 else ""
    part = f"{first.overlap_count} of its {first.total} questions"
    reason = f"{first.name}{others} was trained on {part}: its score says nothing about new ones."
    return [Step("fresh-questions", "Add fresh questions", reason, "evaluation", "Questions")]


def more_questions(
    runs: Sequence[AdvisedRun],
    examination: Examination | None,
    set_size: int | None,
    *,
    has_advice: bool,
    has_open_trial: bool = False,
) -> list[Step]:
    """Where a difference or a kind of failure cannot be told from chance, and there are few questions.

    Args:
        runs: All that were measured.
        examination: Of the run that advice is given on.
        set_size: How many questions the set has, where that is known.
        has_advice: Whether some failures are more than chance.
        has_open_trial: Whether what is advised was tried and nobody can tell yet what it brings.
    """
    # A comparison has no more pairs than the shorter of its two runs.
    size = min((run.done for run in runs), default=0)
    if not 0 < size < FEW:
        return []
    is_open = has_open_trial or any(_is_undecided(one) for run in runs for one in run.comparisons.values())
    failures = sum(one.is_failure for one in examination.findings) if examination else 0
    if not is_open and (has_advice or not failures):
        return []
    what = "some differences cannot" if is_open else "what fails cannot"
    remaining = (set_size or 0) - size
    if remaining > 0:
        reason = f"{size} of {set_size} were asked of each: {what} be told from chance yet."
        return [
            Step("more-questions", f"Evaluate the other {plural(remaining, 'question')}", reason, "evaluation", "Run")
        ]
    reason = f"With {plural(size, 'question')} {what} be told from chance."
    return [Step("more-questions", "Add questions", reason, "evaluation", "Questions")]


def _is_undecided(comparison: Comparison) -> bool:
    if comparison.difference is None or comparison.low is None or comparison.high is None:
        return False
    # Equal on every question: more questions of the same kind would show the same.
    return comparison.low <= 0 <= comparison.high and comparison.difference != 0
