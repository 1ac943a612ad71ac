"""One training at a time: two on the same cores would both take more than twice as long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from llmopt_core.errors import Cancellation
from llmopt_core.finetuning.jobs.folder import JobFolder, all_folders, jobs_root
from llmopt_core.settings import Settings

# A training takes minutes; half a second of waiting for its turn is not felt.
POLL_SECONDS = 0.5


@contextmanager
def training_slot(folder: JobFolder, settings: Settings, should_stop: Callable[[], bool]) -> Iterator[None]:
    """Hold the workspace's only place for training; jobs that wait get it in the order they were made.

    Raises:
        Cancellation: `should_stop` said so while waiting.
    """
    lock = FileLock(jobs_root(settings) / "trainer.lock")
    told = False
    while True:
        if should_stop():
            raise Cancellation("Cancelled while waiting for another training to end.")
        if _try(lock, folder, settings):
            break
        if not told:
            folder.log("Waiting: another training runs on this machine.")
            folder.update_state(status="queued", message="Waiting until another training has ended.")
            told = True
        time.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        lock.release()


def _try(lock: FileLock, folder: JobFolder, settings: Settings) -> bool:
    if any(other.id < folder.id and _waits(other) for other in all_folders(settings)):
        return False
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    return True


def _waits(folder: JobFolder) -> bool:
    job = folder.job()
    return job.provider == "local" and job.status == "queued" and folder.is_worked_on()
