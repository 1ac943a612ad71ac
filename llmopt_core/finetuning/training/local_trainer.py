"""Fine-tuning on this machine: each job trains in a process of its own, which outlives the one that began it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from llmopt_core.errors import BadInput
from llmopt_core.finetuning.data.examples import TrainingExample, TrainingSet
from llmopt_core.finetuning.jobs.folder import SCRATCH, JobFolder, all_folders, open_folder, reconcile
from llmopt_core.finetuning.jobs.job import (
    FineTunedModel,
    Job,
    JobCheckpoint,
    JobEvent,
    JobRequest,
    MetricPoint,
    TrainingLine,
)
from llmopt_core.finetuning.jobs.new_folder import new_folder
from llmopt_core.finetuning.training.adapters import adapter, adapters, list_embeddings, load_embedding
from llmopt_core.finetuning.training.checkpoints import Checkpoints
from llmopt_core.finetuning.training.hyperparameters import EmbeddingSettings, LoraSettings, settings_from
from llmopt_core.settings import Settings

# A training takes minutes; half a second until its end or a wish to stop it is seen is not felt.
_LOOK_SECONDS = 0.5


class LocalTrainer:
    """`FineTuner` for the built-in models.

    Args:
        settings: The workspace, and the threads a trainer may use.
        kind: `lora` tunes the chat model, `embedding` the embedding model.
        line: Where jobs wait for their turn; without one, `train` does what was created.
    """

    def __init__(self, settings: Settings, kind: str = "lora", line: TrainingLine | None = None) -> None:
        self._settings = settings
        self._kind = kind
        self._line = line

    def create(
        self,
        request: JobRequest,
        training: TrainingSet,
        validation: TrainingSet | None = None,
        *,
        is_confirmed: bool = True,
        on_created: Callable[[Job], None] | None = None,
    ) -> Job:
        """See `FineTuner.create`. Nothing leaves the machine."""
        self._check(request)
        folder = new_folder(self._settings, request, self._kind, training, validation)
        # Before it enters the line, where it may be trained at once by another process.
        if on_created:
            on_created(folder.job())
        return self._enter(folder)

    def _check(self, request: JobRequest) -> None:
        settings_from(LoraSettings if self._kind == "lora" else EmbeddingSettings, request.hyperparameters)
        if request.method != "supervised":
            raise BadInput(
                "Preference pairs (dpo) cannot be trained on this machine; choose an endpoint that offers it."
            )
        models = adapters(self._settings) if self._kind == "lora" else list_embeddings(self._settings)
        names = {model.name for model in models}
        # `reconcile`, so that a name is not held for ever by a job whose process was killed.
        names |= {f.job().name for f in all_folders(self._settings) if not reconcile(f).has_ended}
        if request.name in names:
            raise BadInput(
                f"There is already a fine-tuned model or a running job named {request.name!r}; choose another name."
            )

    def _enter(self, folder: JobFolder) -> Job:
        folder.enter_line()
        job = folder.job()
        if self._line is not None:
            self._line.enter(job)
        return job

    def train(
        self,
        job_id: str,
        should_stop: Callable[[], bool] = lambda: False,
        on_progress: Callable[[Job], None] = lambda _: None,
    ) -> Job:
        """Train what was created, from its last checkpoint where there is one, and return once that has ended.

        A trainer that another process has begun, and that still works, is followed. One that is killed while it is
        followed, as when it dies with that process and has not left yet, is followed by one of this process.

        Args:
            job_id: The job.
            should_stop: Asked now and then; the trainer then saves its state and ends.
            on_progress: Called now and then. What it raises ends the following, not the training.
        """
        folder = open_folder(self._settings, job_id)
        if folder.job().status == "finished":
            return folder.job()
        # Two trainers on one folder would overwrite each other's checkpoints.
        trainer = None if folder.is_worked_on() else self._spawn(folder)
        self._follow(folder, should_stop, on_progress)
        if trainer is None and not folder.job().has_ended and not folder.is_cancel_requested():
            trainer = self._spawn(folder)
            self._follow(folder, should_stop, on_progress)
        if trainer is not None:
            # Takes the ended process out of the table, where it would stay as a zombie as long as this process runs.
            trainer.wait()
        # One that was killed before it began waits for nothing any more.
        folder.update_state(in_line=False)
        return reconcile(folder)

    @staticmethod
    def _follow(folder: JobFolder, should_stop: Callable[[], bool], on_progress: Callable[[Job], None]) -> None:
        """Wait until no trainer works on it."""
        while folder.is_worked_on():
            on_progress(folder.job())
            # Asked once: writing the flag again would stop a trainer that was resumed meanwhile.
            if should_stop() and not folder.is_cancel_requested():
                folder.ask_cancel()
            time.sleep(_LOOK_SECONDS)

    def _spawn(self, folder: JobFolder) -> subprocess.Popen[bytes]:
        # Only what a trainer needs: keys and addresses of services never reach its folder.
        folder.write("worker.json", self._settings.model_dump(mode="json", include={"home", "builtin_gguf", "threads"}))
        if not folder.is_in_line():
            # Begun before: what was asked of that trainer is nothing to this one.
            folder.enter_line()
        root = Path(__file__).parents[3]
        environment = os.environ | {
            # Behind the project's own folder, so that the trainer runs this version and not an installed one.
            "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")]),
            # A killed trainer leaves its temporary files where they are found and removed.
            "TMPDIR": str(folder.path / SCRATCH),
        }
        with (folder.path / "log.txt").open("ab") as log:
            process = subprocess.Popen(
                # `sys.executable` is the Python of this environment; "python" may be another.
                [sys.executable, "-m", "llmopt_core.finetuning.training.trainer", str(folder.path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                # A session of its own: closing the terminal, or Ctrl+C in it, does not stop the training.
                start_new_session=True,
            )
        if not folder.is_worked_on():
            folder.claim(process.pid)
        return process

    def status(self, job_id: str) -> Job:
        """See `FineTuner.status`. A job whose process is gone is `interrupted`."""
        return reconcile(open_folder(self._settings, job_id))

    def events(self, job_id: str) -> list[JobEvent]:
        """See `FineTuner.events`."""
        return open_folder(self._settings, job_id).events()

    def metrics(self, job_id: str) -> list[MetricPoint]:
        """See `FineTuner.metrics`."""
        return open_folder(self._settings, job_id).metrics()

    def checkpoints(self, job_id: str) -> list[JobCheckpoint]:
        """See `FineTuner.checkpoints`."""
        return Checkpoints(open_folder(self._settings, job_id)).list_all()

    def cancel(self, job_id: str) -> Job:
        """See `FineTuner.cancel`. A running trainer saves its state and ends after the step it is in."""
        folder = open_folder(self._settings, job_id)
        job = reconcile(folder)
        if not job.has_ended and folder.is_worked_on():
            folder.ask_cancel()
        if not job.has_ended and self._line is not None:
            # The line may hold the job in another process; it stops what runs as well.
            self._line.leave(job)
        elif not job.has_ended:
            folder.leave_line()
        return folder.job()

    def resume(self, job_id: str) -> Job:
        """See `FineTuner.resume`. A job without a checkpoint starts anew.

        Raises:
            BadInput: The job has finished or is running.
        """
        folder = open_folder(self._settings, job_id)
        job = reconcile(folder)
        if not job.has_ended:
            raise BadInput(f"Job {job_id} is {job.status}; there is nothing to resume.")
        if job.status == "finished":
            raise BadInput(f"Job {job_id} has finished; start a new one to train further.")
        folder.log("Resumed.")
        return self._enter(folder)

    def result(self, job_id: str) -> FineTunedModel:
        """See `FineTuner.result`.

        Raises:
            BadInput: The job has not finished, or its adapter was deleted.
        """
        job = self.status(job_id)
        if job.status != "finished":
            raise BadInput(f"Job {job_id} is {job.status}; a fine-tuned model is there once it has finished.")
        if job.kind == "embedding":
            return load_embedding(self._settings, job.tuned_model)
        return adapter(self._settings, job.tuned_model).as_choice()

    def validation_losses(self, job_id: str) -> list[tuple[TrainingExample, float]]:
        """Validation examples of a finished job with their loss, worst first."""
        folder = open_folder(self._settings, job_id)
        validation = folder.training_set("validation")
        losses = {int(line["number"]): float(line["loss"]) for line in folder.lines("validation_losses.jsonl")}
        if validation is None:
            return []
        pairs = [(validation.examples[number], loss) for number, loss in losses.items()]
        # The worst first: those are what a person should look at.
        return sorted(pairs, key=lambda pair: -pair[1])
