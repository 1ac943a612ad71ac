"""Looks at jobs of services from time to time, so that how they end is known although no page shows them."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from llmopt_core.errors import LlmOptError
from llmopt_core.finetuning.finetuners import Access, fine_tuner_of
from llmopt_core.finetuning.jobs.job import LOCAL, Job

# Services train for minutes to hours, and each look is a request: a job's end is known half a minute late at most.
_SECONDS = 30.0


class ServiceWatch:
    """Asks services how their jobs stand, each job at most once per period, whoever asks for it.

    Args:
        seconds: The period.
    """

    def __init__(self, seconds: float = _SECONDS) -> None:
        self._seconds = seconds
        self._looks: dict[str, float] = {}  # By job: when it was last looked at; infinite while it is.
        self._lock = threading.Lock()

    def look(self, access: Access, jobs: Sequence[Job]) -> list[threading.Thread]:
        """Begin to look at the jobs whose turn it is and return at once; the jobs' folders keep what is found.

        Args:
            access: The workspace, the endpoints and the keys; an endpoint without a key here is left alone.
            jobs: Any; those of this machine, those that have ended and those that no service has yet are left out.

        Returns:
            The looks that were begun, for whoever wants to wait for them.
        """
        with self._lock:
            due = [job for job in jobs if self._is_due(job)]
            self._looks |= {job.id: math.inf for job in due}
        # Threads, since a service that does not answer would hold up the page that asks; daemons, since a process that
        # ends loses nothing by a look that breaks off.
        threads = [threading.Thread(target=self._ask, args=(access, job.id), daemon=True) for job in due]
        for thread in threads:
            thread.start()
        return threads

    def _is_due(self, job: Job) -> bool:
        if job.provider == LOCAL or not job.remote_id or job.has_ended:
            return False
        return time.monotonic() - self._looks.get(job.id, -math.inf) >= self._seconds

    def _ask(self, access: Access, job_id: str) -> None:
        try:
            # Why a service cannot be asked is said where the job is shown; here nobody could read it.
            with suppress(LlmOptError):
                fine_tuner_of(access, job_id).status(job_id)
        finally:
            with self._lock:
                self._looks[job_id] = time.monotonic()
