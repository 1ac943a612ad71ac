"""The process that trains: `python -m llmopt_core.finetuning.training.trainer JOB_FOLDER`.

It waits for its turn, goes on from the last checkpoint where there is one, and writes everything the outside wants to
know into the job's folder. It looks for a cancel flag there, so nobody needs to hold a pipe to it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from llmopt_core.errors import Cancelled, LlmOptError
from llmopt_core.finetuning.jobs.folder import SCRATCH, JobFolder
from llmopt_core.finetuning.jobs.training_queue import turn
from llmopt_core.settings import Settings, silence_telemetry
from llmopt_core.text.drafts import remove


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
        self.terminated = False
        self._told = 0.0
        self._began: float | None = None
        self._worked_before = float(folder.read("state.json").get("worked_seconds", 0.0))

    def should_stop(self) -> bool:
        """Whether the user cancelled or the system asked this process to end."""
        return self.terminated or self.folder.cancel_asked()

    def begin(self) -> None:
        """From now on the time counts as work."""
        self._began = self._clock()
        first = self.folder.read("state.json").get("started_at") or time.time()
        self.tell(at_once=True, status="running", started_at=first, message="")

    def _work_time(self) -> dict[str, float]:
        if self._began is None:
            return {}
        return {"worked_seconds": round(self._worked_before + self._clock() - self._began, 1)}

    def on_signal(self, _signal: int, _frame: FrameType | None) -> None:
        """Stop at the next step."""
        self.terminated = True

    def tell(self, *, at_once: bool = False, **state: Any) -> None:
        """Update the job's state, at most once a second unless `at_once`. A full disk stops no training."""
        now = self._clock()
        if not at_once and now - self._told < 1.0:
            return
        self._told = now
        try:
            self.folder.update_state(**state, **self._work_time())
        except LlmOptError as error:
            print(error, file=sys.stderr)


def work_on(worker: Worker) -> int:
    """Do the job of a folder and record how it ended. Returns the exit code."""
    folder = worker.folder
    folder.claim(os.getpid())
    folder.tidy()
    with contextlib.suppress(OSError):
        (folder.path / SCRATCH).mkdir(0o700, exist_ok=True)
    try:
        with turn(folder, worker.settings, worker.should_stop):
            worker.begin()
            done = _work_for(folder)(worker)
    except Cancelled as stop:
        return _finish(worker, "interrupted" if worker.terminated else "cancelled", str(stop))
    except LlmOptError as error:
        return _finish(worker, "failed", str(error))
    except ImportError as error:
        return _finish(worker, "failed", f"Training needs a package that is missing ({error}); run: make install")
    except MemoryError:
        return _finish(worker, "failed", "There is not enough memory; use a smaller batch size or shorter examples.")
    except Exception as error:
        import traceback

        traceback.print_exc()
        message = f"The trainer stopped with {type(error).__name__}: {error}; see log.txt in {folder.path}."
        return _finish(worker, "failed", message)
    finally:
        remove(folder.path / SCRATCH)
    return _finish(worker, "finished", "", **done)


def _finish(worker: Worker, status: str, message: str, **state: Any) -> int:
    worker.folder.log(message or "Finished.", "error" if status == "failed" else "info")
    worker.tell(
        at_once=True,
        status=status,
        message=message,
        finished_at=time.time(),
        seconds_left=None,
        resumable=status != "finished",
        cost_usd=0.0,
        **state,
    )
    return 0 if status == "finished" else 1


def _work_for(folder: JobFolder) -> Callable[[Worker], dict[str, Any]]:
    if folder.read("request.json").get("kind") == "embedding":
        from llmopt_core.finetuning.training.embedding_training import train_embedding

        return train_embedding
    from llmopt_core.finetuning.training.lora_training import train_lora

    return train_lora


def main() -> None:
    """Run the job of the folder named on the command line."""
    silence_telemetry()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    worker = Worker(JobFolder(Path(sys.argv[1])))
    signal.signal(signal.SIGTERM, worker.on_signal)
    sys.exit(work_on(worker))


if __name__ == "__main__":
    main()
