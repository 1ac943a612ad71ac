"""One folder per job in the workspace: the request, the data, the state, the log and the curves.

Every file is either replaced whole or appended line by line, so that a reader never sees half of anything and a killed
writer loses at most the line it was writing.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from llmopt_core.errors import BadInput, StorageError
from llmopt_core.execution.process import is_running, start_of
from llmopt_core.finetuning.data.examples import TrainingSet
from llmopt_core.finetuning.data.files import load_training_set
from llmopt_core.finetuning.jobs.job import FINAL_STATUSES, LOCAL, Job, JobEvent, JobRequest, MetricPoint
from llmopt_core.settings import Settings
from llmopt_core.text.drafts import remove, remove_leftovers, replace_file

SCRATCH = ".scratch"
"""Where a trainer's libraries put their temporary files, in the folder of its job."""

_ROOT = "finetuning"
_JOB_FIELDS = frozenset(f.name for f in fields(Job))
_POINT_FIELDS = frozenset(f.name for f in fields(MetricPoint))


def jobs_root(settings: Settings) -> Path:
    """Where the workspace keeps its fine-tuning jobs."""
    return settings.home / _ROOT


@dataclass(frozen=True)
class JobFolder:
    """Reads and writes one job's folder."""

    path: Path

    @property
    def id(self) -> str:
        """The job's id."""
        return self.path.name

    def read(self, name: str) -> dict[str, Any]:
        """A JSON file of the folder; empty where it is not there."""
        try:
            value = json.loads((self.path / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise StorageError(f"{self.path / name}: damaged or unreadable ({error}).") from error
        # A file that holds a bare text or list says nothing that could be used; an empty one lets defaults stand.
        return value if isinstance(value, dict) else {}

    def write(self, name: str, value: Mapping[str, Any]) -> None:
        """Replace a JSON file of the folder."""
        # "replace" turns lone halves of surrogate pairs, as services send them at times, into "?" instead of an error.
        replace_file(self.path / name, json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8", "replace"))

    def update_state(self, **changes: Any) -> dict[str, Any]:
        """Change some values of the state."""
        # Read and written without a lock: a job has one process that works on it, and what others write (the flag to
        # cancel) is a file of its own.
        state = self.read("state.json") | changes
        self.write("state.json", state)
        return state

    def append(self, name: str, value: Mapping[str, Any]) -> None:
        """Add one line to a JSON Lines file of the folder. A half line left by a killed writer is closed first."""
        line = json.dumps(value, ensure_ascii=False) + "\n"
        try:
            # "a+" reads too, which is needed to see how the last line ends.
            with (self.path / name).open("ab+") as file:
                if file.tell() and not _ends_line(file):
                    line = "\n" + line
                file.write(line.encode("utf-8", "replace"))
        except OSError as error:
            raise StorageError(f"{self.path / name}: cannot be written ({error.strerror}).") from error

    def lines(self, name: str) -> Iterator[dict[str, Any]]:
        """The whole lines of a JSON Lines file; a half line at the end is passed over."""
        try:
            text = (self.path / name).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return
        # Not `splitlines`, which also parts at characters such as U+2028 that JSON leaves inside of texts.
        for line in text.split("\n"):
            try:
                value = json.loads(line)
            except ValueError:
                # Only a line that was cut off by a kill; all others were written whole.
                continue
            if isinstance(value, dict):
                yield value

    def log(self, message: str, level: Literal["info", "warn", "error"] = "info") -> None:
        """Add to the event log; a log that cannot be written stops nothing."""
        try:
            self.append("events.jsonl", {"at": time.time(), "level": level, "message": message})
        except StorageError:
            return

    def events(self) -> list[JobEvent]:
        """The event log, oldest first."""
        return [JobEvent(float(e["at"]), e.get("level", "info"), str(e["message"])) for e in self.lines("events.jsonl")]

    def metrics(self) -> list[MetricPoint]:
        """The curves by step. A step that was repeated after a resume counts once, as it was the last time."""
        by_step: dict[int, dict[str, Any]] = {}
        for line in self.lines("metrics.jsonl"):
            by_step.setdefault(int(line["step"]), {}).update(line)
        # Unknown keys are left out, so that a folder of a later version can still be read.
        return [MetricPoint(**{k: v for k, v in by_step[s].items() if k in _POINT_FIELDS}) for s in sorted(by_step)]

    def training_set(self, which: Literal["training", "validation"]) -> TrainingSet | None:
        """The examples stored with the job; None where there is no such file."""
        path = self.path / f"{which}.jsonl"
        return load_training_set(path) if path.exists() else None

    def request(self) -> JobRequest:
        """What was asked for."""
        return JobRequest.model_validate(self.read("request.json")["request"])

    # A file, since the trainer is another process, maybe started by another one that has ended since.
    def ask_cancel(self) -> None:
        """Leave the flag that the worker looks for."""
        replace_file(self.path / "cancel", b"")

    def is_cancel_requested(self) -> bool:
        """Whether the flag is there."""
        return (self.path / "cancel").exists()

    def clear_cancel(self) -> None:
        """Take the flag away."""
        (self.path / "cancel").unlink(missing_ok=True)

    def claim(self, pid: int) -> None:
        """Remember which process works on the job."""
        # With the time it began: numbers of processes are given again after a restart of the machine.
        self.write("process.json", {"pid": pid, "started": start_of(pid)})

    def enter_line(self) -> None:
        """From now on the job waits, and needs no process until its turn comes."""
        self.clear_cancel()
        self.update_state(status="queued", message="", resumable=False, finished_at=0.0, in_line=True)
        # Last, so that nobody takes the job for one whose process died before its state says that it waits.
        (self.path / "process.json").unlink(missing_ok=True)

    def leave_line(self) -> None:
        """End the job where it still waits."""
        if self.is_in_line():
            text = "Cancelled while it waited for its turn."
            self.log(text)
            self.update_state(status="cancelled", message=text, resumable=True, finished_at=time.time(), in_line=False)

    def is_in_line(self) -> bool:
        """Whether the job waits for its turn."""
        state = self.read("state.json")
        return bool(state.get("in_line")) and state.get("status") == "queued"

    def tidy(self) -> None:
        """Remove what killed processes have left of their drafts, here and where tuned models lie."""
        home = self.path.parents[1]  # .../home/finetuning/JOB
        remove(self.path / SCRATCH)
        inside = (self.path, self.path / "checkpoints", self.path.parent)
        remove_leftovers(*inside, *(home / name for name in ("models", "adapters", "embeddings")))

    def worker_pid(self) -> int | None:
        """The process that works on the job; None where it is gone, or none does."""
        try:
            process = self.read("process.json")
            pid = int(process["pid"])
            return pid if is_running(pid, float(process["started"])) else None
        # An unreadable file names no process that one could wait for.
        except (StorageError, KeyError, ValueError, TypeError):
            return None

    def is_worked_on(self) -> bool:
        """Whether the process that works on the job is alive."""
        return self.worker_pid() is not None

    def job(self) -> Job:
        """How the job stands according to the folder; a damaged folder is a failed job."""
        try:
            contents, state = self.read("request.json"), self.read("state.json")
            request = contents["request"]
            # Named one by one: an old request without one of them is a damaged one, told below.
            facts = {key: request[key] for key in ("name", "provider", "base_model", "method", "hyperparameters")}
            facts |= {key: contents.get(key, "") for key in ("kind", "data_version", "validation_version")}
            facts |= {"created_at": contents["created_at"], "status": "queued", "budget_usd": request.get("budget_usd")}
        except StorageError as error:
            return Job(self.id, self.id, LOCAL, "", "failed", message=str(error))
        except (KeyError, TypeError) as error:
            message = f"{self.path / 'request.json'} could not be read ({type(error).__name__})."
            return Job(self.id, self.id, LOCAL, "", "failed", message=message)
        # The state is laid over the request, so what a service reports stands over what was asked for.
        return Job(id=self.id, **facts | {key: value for key, value in state.items() if key in _JOB_FIELDS})


def _ends_line(file: Any) -> bool:
    file.seek(-1, os.SEEK_END)
    ends = file.read(1) == b"\n"
    file.seek(0, os.SEEK_END)
    return bool(ends)


def open_folder(settings: Settings, job_id: str) -> JobFolder:
    """The folder of a job.

    Raises:
        BadInput: There is no such job.
    """
    return folder_in(settings.home, job_id)


def folder_in(home: Path, job_id: str) -> JobFolder:
    """The folder of a job in the workspace at `home`. Errors as in `open_folder`."""
    path = home / _ROOT / job_id
    # An id comes from a command line or an address: "../x" would leave the workspace, and a dot begins a draft.
    if not job_id or "/" in job_id or job_id.startswith(".") or not (path / "request.json").exists():
        raise BadInput(f"There is no fine-tuning job {job_id!r} in {home}; see llmopt finetune list.")
    return JobFolder(path)


def all_folders(settings: Settings) -> list[JobFolder]:
    """Every job of the workspace, newest first."""
    root = jobs_root(settings)
    request_files = [path for path in root.glob("*/request.json") if not path.parent.name.startswith(".")]
    return [JobFolder(path.parent) for path in sorted(request_files, reverse=True)]


def _waits(folder: JobFolder, job: Job) -> bool:
    try:
        return job.status == "queued" and folder.is_in_line()
    except StorageError:
        # A state that cannot be read is no reason to call the job waiting.
        return False


def reconcile(folder: JobFolder) -> Job:
    """How the job stands, with a job whose process is gone marked as interrupted.

    A job that a service has taken over, or that waits for its turn, needs no process here.
    """
    job = folder.job()
    if job.has_ended or job.remote_id or folder.is_worked_on():
        return job
    # Between the two looks the worker may have ended, its turn may have come, or another have begun where it died.
    job = folder.job()
    if job.status in FINAL_STATUSES or job.remote_id or _waits(folder, job) or folder.is_worked_on():
        return job
    changes: dict[str, Any] = {
        "status": "interrupted",
        "seconds_left": None,
        "resumable": True,
        "message": "Its process was killed or the machine went down; resume goes on from what was saved.",
    }
    folder.log("The process that worked on this job is gone.", "warn")
    # Its temporary files may be gigabytes of half-written weights.
    folder.tidy()
    try:
        folder.update_state(**changes)
    except StorageError as error:
        # A full disk must not hide the jobs that lie on it.
        return replace(job, **changes | {"message": f"Its process is gone, and {error}"})
    return folder.job()
