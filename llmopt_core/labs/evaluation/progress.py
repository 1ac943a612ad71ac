"""One count of progress over all runs of a job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from llmopt_core.execution.progress import Progress
from llmopt_core.experiments.progress import RunProgress
from llmopt_core.types import Usage


@dataclass
class Count:
    """Adds up the progress of the runs of one job and reports it in the words of the job panel."""

    report: Callable[[dict[str, Any]], None]
    total: int
    runs: dict[int, RunProgress] = field(default_factory=dict)

    def see(self, progress: RunProgress) -> None:
        """One run has got further."""
        # Indexing counts texts, which cannot be added to questions.
        if progress.stage == "answering":
            self.runs[progress.run_id] = progress
        # Over all runs, while the time that is left is this run's.
        usage = sum((run.usage for run in self.runs.values()), Usage())
        finished_count = sum(run.done for run in self.runs.values())
        self.report(
            {
                "done": finished_count,
                "total": self.total,
                "cached": sum(run.cached for run in self.runs.values()),
                "tokens": usage.prompt_tokens + usage.completion_tokens,
                "cost_usd": usage.cost_usd,
                "left_usd": progress.left_usd,
                "seconds_left": self._remaining_seconds(progress, self.total - finished_count),
                "message": _message(progress),
            }
        )

    @staticmethod
    def _remaining_seconds(progress: RunProgress, missing: int) -> float | None:
        """For this run and those that wait, if they go on like this one."""
        if progress.stage != "answering" or progress.seconds_left is None:
            return None
        here = progress.total - progress.done
        if here:
            return progress.seconds_left / here * missing
        # Nothing left of this run: its own mean tells for those that wait. Cached answers take no time.
        own = Progress(progress.done + missing, progress.done, progress.cached, started_at=0.0, now=progress.seconds)
        return own.remaining_seconds()


def _message(progress: RunProgress) -> str:
    if progress.stage == "answering":
        return progress.configuration if progress.done else f"{progress.configuration}: loading the models"
    return f"{progress.configuration}: indexing, {progress.done:,} of {progress.total:,} texts"
