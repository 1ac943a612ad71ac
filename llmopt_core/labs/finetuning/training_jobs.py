"""Training on this machine as kinds of jobs: LoRA adapters and embedding models, in the line of the store."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from llmopt_core.errors import Cancellation, LlmOptError
from llmopt_core.experiments.finetuning_jobs import owner_of
from llmopt_core.finetuning.finetuners import all_jobs
from llmopt_core.finetuning.jobs.folder import JobFolder, folder_in, open_folder
from llmopt_core.finetuning.jobs.job import LOCAL, Job
from llmopt_core.finetuning.training.local_trainer import LocalTrainer
from llmopt_core.jobs.context import JobContext
from llmopt_core.jobs.kind import JobKind
from llmopt_core.labs.finetuning.jobs import standing_of_training
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Job as StoredJob
from llmopt_core.settings import Settings
from llmopt_core.types import Spec


class TrainingArguments(Spec):
    """What is trained.

    Attributes:
        name: Of the tuned model.
        folder: The fine-tuning job in the workspace: request, data, checkpoints and curves lie there.
        data_version: Of the data that lie there.
    """

    name: str
    folder: str
    data_version: str = ""


def train(context: JobContext, arguments: TrainingArguments) -> dict[str, Any]:
    """Train in a child process, from the last checkpoint where there is one; what still trains is followed."""
    folder = open_folder(context.settings, arguments.folder)
    context.check_version("training data", folder.job().data_version)

    def on_progress(job: Job) -> None:
        if context.is_lost:
            # Another process follows it now.
            raise Cancellation
        standing = standing_of_training(job)
        context.report({
            "done": standing.done, "total": standing.total, "unit": standing.unit, "message": standing.message,
            # What is trained here costs nothing but time.
            "seconds_left": standing.seconds_left, "cost_usd": 0.0,
        })  # fmt: skip

    job = LocalTrainer(context.settings, folder.job().kind).train(arguments.folder, context.should_cancel, on_progress)
    # The end as well: the last step comes after the last report.
    on_progress(job)
    if job.status == "cancelled":
        raise Cancellation
    if job.status != "finished":
        raise LlmOptError(job.message)
    # The folder has all else; the result only leads to it.
    return {"job": job.id, "tuned_model": job.tuned_model}


def drop_training(store: Store, _project: str, arguments: TrainingArguments) -> None:
    """End a training that was cancelled while no process of the app saw to it; its trainer may still work."""
    # The folder may be gone already.
    with suppress(LlmOptError):
        end_waiting(folder_in(store.home, arguments.folder))


def end_waiting(folder: JobFolder) -> None:
    """End a job that waits, or ask its trainer to stop."""
    # The trainer looks for the mark between two steps and saves before it ends.
    if folder.is_worked_on():
        folder.ask_cancel()
    folder.leave_line()


LORA = JobKind("lora-training", TrainingArguments, train, "Training", "training", drop_training)
EMBEDDING = JobKind("embedding-training", TrainingArguments, train, "Training the embedding model", "training",
                    drop_training)  # fmt: skip
# By the kind of fine-tuning that the request names.
_KINDS = {"lora": LORA, "embedding": EMBEDDING}
TRAINING_KINDS = frozenset(kind.name for kind in _KINDS.values())


@dataclass(frozen=True)
class StoreLine:
    """`TrainingLine` in the store's queue: any process that does jobs may train what waits.

    Attributes:
        wake: Called when something was put in line, so that somebody looks.
    """

    store: Store
    settings: Settings
    wake: Callable[[], None] = lambda: None

    def enter(self, job: Job) -> None:
        """See `TrainingLine.enter`. A job that was in line before takes its old place in the list of jobs."""
        entry = read_job(self.store, job.id)
        # Its place in the list, and what was done, are kept.
        if entry is not None and entry.resumable:
            self.store.resume_job(entry.id)
        elif entry is None or not entry.active:
            # One that is active waits already: enqueued twice, two processes would train into one folder.
            kind = _KINDS[job.kind]
            arguments = TrainingArguments(name=job.name, folder=job.id, data_version=job.data_version)
            self.store.start_job(
                kind.name,
                owner_of(self.store, self.settings, job),
                arguments.model_dump(mode="json"),
                lane=kind.lane,
                versions={"training data": job.data_version},
            )
        # Also where it was in line: whoever should look may have gone to sleep.
        self.wake()

    def leave(self, job: Job) -> None:
        """See `TrainingLine.leave`."""
        entry = read_job(self.store, job.id)
        if entry is not None and entry.active:
            # One that runs is asked and ends itself; one that waits has ended with this.
            self.store.request_cancel(entry.id)
            entry = self.store.job(entry.id)
        if entry is None or not entry.active:
            end_waiting(open_folder(self.settings, job.id))

    def adopt(self) -> None:
        """Put in line what is trained or waits without a place: an earlier version began it, or a process died."""
        for job in all_jobs(self.settings):
            if job.provider != LOCAL or job.has_ended:
                continue
            folder, entry = open_folder(self.settings, job.id), read_job(self.store, job.id)
            # Interrupted, yet worked on: its process ended while the trainer, a child of its own, goes on.
            if entry is None or (entry.status == "interrupted" and folder.is_worked_on()):
                self.enter(job)
            elif not entry.active:
                # Its job has ended, so nobody would ever take it out of the line.
                folder.leave_line()


def read_job(store: Store, folder: str) -> StoredJob | None:
    """The newest job of the store that trains what lies in this folder."""
    jobs = (job for job in store.jobs() if job.kind in TRAINING_KINDS and job.arguments.get("folder") == folder)
    return max(jobs, key=lambda job: job.id, default=None)
