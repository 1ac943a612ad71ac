"""What a kind of training knows of the process that it runs in."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from llmopt_core.errors import LlmOptError
from llmopt_core.finetuning.jobs.folder import JobFolder
from llmopt_core.settings import Settings


class Worker:
    """What a kind of training needs of its process: the folder, the settings, and whether to stop.

    Args:
        folder: The job.
        clock: Seconds that only ever grow.
    """

    def __init__(self, folder: JobFolder, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder, self._clock = folder, clock
        self.settings = Settings.model_validate(folder.read("worker.json"))
        self.request = folder.request()
        self.is_terminated = False
        self._last_report = 0.0
        self._began: float | None = None
        self._earlier_seconds = float(folder.read("state.json").get("worked_seconds", 0.0))

    def should_stop(self) -> bool:
        """Whether the user cancelled or the system asked this process to end."""
        return self.is_terminated or self.folder.is_cancel_requested()

    def begin(self) -> None:
        """From now on the time counts as work."""
        self._began = self._clock()
        # A resumed job keeps the time at which it was first begun.
        first = self.folder.read("state.json").get("started_at") or time.time()
        self.tell(at_once=True, status="running", started_at=first, message="")

    def _work_time(self) -> dict[str, float]:
        if self._began is None:
            return {}
        return {"worked_seconds": round(self._earlier_seconds + self._clock() - self._began, 1)}

    def on_signal(self, _signal: int, _frame: FrameType | None) -> None:
        """Stop at the next step."""
        # Only a flag: saving inside of a signal handler could meet a half-done step.
        self.is_terminated = True

    def tell(self, *, at_once: bool = False, **state: Any) -> None:
        """Update the job's state, at most once a second unless `at_once`. A full disk stops no training."""
        now = self._clock()
        if not at_once and now - self._last_report < 1.0:
            return
        self._last_report = now
        try:
            self.folder.update_state(**state, **self._work_time())
        except LlmOptError as error:
            print(error, file=sys.stderr)
