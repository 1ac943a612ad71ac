"""The process that trains: `python -m llmopt_core.finetuning.training.trainer JOB_FOLDER`.

It goes on from the last checkpoint where there is one, and writes everything the outside wants to
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
from typing import Any

from llmopt_core.errors import Cancellation, LlmOptError
from llmopt_core.finetuning.jobs.folder import SCRATCH, JobFolder
from llmopt_core.finetuning.training.worker import Worker
from llmopt_core.settings import silence_telemetry
from llmopt_core.text.drafts import remove


def work_on(worker: Worker) -> int:
    """Do the job of a folder and record how it ended. Returns the exit code."""
    folder = worker.folder
    # The parent claimed it too, but it may have died between starting this process and doing so.
    folder.claim(os.getpid())
    folder.update_state(in_line=False)
    # After the claim: from now on the leftovers can only be those of earlier processes.
    folder.tidy()
    # Without the folder libraries use the system's temporary one, which works as well.
    with contextlib.suppress(OSError):
        (folder.path / SCRATCH).mkdir(0o700, exist_ok=True)
    try:
        if worker.should_stop():
            raise Cancellation("Cancelled before it began.")
        worker.begin()
        outcome = _work_for(folder)(worker)
    except Cancellation as stop:
        return _finish(worker, "interrupted" if worker.is_terminated else "cancelled", str(stop))
    except LlmOptError as error:
        return _finish(worker, "failed", str(error))
    except ImportError as error:
        return _finish(worker, "failed", f"Training needs a package that is missing ({error}); run: make install")
    except MemoryError:
        return _finish(worker, "failed", "There is not enough memory; use a smaller batch size or shorter examples.")
    # Whatever libraries raise must end as a failed job with a reason, or the page would show one that runs for ever.
    except Exception as error:
        import traceback

        traceback.print_exc()
        message = f"The trainer stopped with {type(error).__name__}: {error}; see log.txt in {folder.path}."
        return _finish(worker, "failed", message)
    finally:
        remove(folder.path / SCRATCH)
    return _finish(worker, "finished", "", **outcome)


def _finish(worker: Worker, status: str, message: str, **state: Any) -> int:
    worker.folder.log(message or "Finished.", "error" if status == "failed" else "info")
    worker.tell(
        at_once=True,
        status=status,
        message=message,
        finished_at=time.time(),
        seconds_left=None,
        resumable=status != "finished",
        cost_usd=0.0,  # this machine's time has no price
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
    if worker.folder.worker_pid() not in (None, os.getpid()):
        # Whoever began this one died before it could say so, and another was begun: two would write over each other.
        sys.exit(0)
    # A shutdown or `kill` asks politely first: the state is saved and the job can be resumed.
    signal.signal(signal.SIGTERM, worker.on_signal)
    sys.exit(work_on(worker))


if __name__ == "__main__":
    main()
