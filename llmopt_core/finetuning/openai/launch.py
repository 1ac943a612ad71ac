"""Starting a job at a service once and only once, whatever answers get lost.

Before each request that changes something, the intent is written down; the uploaded file carries the job's own id in
its name and the job carries it in its metadata. When an answer is lost (a timeout, a broken connection, a killed
process) the service is asked what it has before anything is sent again.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

from filelock import FileLock

from llmopt_core.errors import Cancellation, EndpointError
from llmopt_core.finetuning.jobs.folder import JobFolder
from llmopt_core.finetuning.jobs.job import Job
from llmopt_core.finetuning.openai.errors import WIRE_ERRORS, explain, is_ambiguous
from llmopt_core.finetuning.openai.results import id_of
from llmopt_core.finetuning.training.hyperparameters import ServiceSettings, settings_from
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.openai.client import make_sync_client

# An upload that got no answer is looked for before it is tried again, so few tries are enough.
ATTEMPTS = 3
METADATA_KEY = "llmopt_job"  # survives the loss of the answer: jobs are looked for by it
# Newer jobs and files come first, so one that was begun a moment ago is far above this.
_MOST_FILES = 1_000

Which = Literal["training", "validation"]


class UploadFile(io.BytesIO):
    """Bytes on their way out; reading them stops when the user cancels."""

    def __init__(self, content: bytes, should_stop: Callable[[], bool]) -> None:
        super().__init__(content)
        self._should_stop = should_stop

    def read(self, size: int | None = -1, /) -> bytes:
        """See `io.BytesIO.read`."""
        # The SDK reads the body in pieces while it sends; raising here is the only way to stop it between them.
        if self._should_stop():
            raise Cancellation("The upload was cancelled; nothing was started.")
        return super().read(size)


class Launch:
    """One attempt, or a further one, to bring a job folder's job into being at a service.

    Args:
        client: A synchronous SDK client.
        endpoint: Names the service in messages.
        folder: The job.
        key: Blotted out of messages.
        pause: Seconds before the first repetition; doubled each time.
        on_created: Called with the job as soon as it has the service's id.
    """

    def __init__(
        self,
        client: Any,
        endpoint: Endpoint,
        folder: JobFolder,
        *,
        key: str = "",
        pause: float = 1.0,
        on_created: Callable[[Job], None] | None = None,
    ) -> None:
        self._client = client
        # The SDK's own retries would repeat a creation blindly. Its `with_options` reads the environment again.
        self._once = make_sync_client(endpoint.model_copy(update={"max_retries": 0}), key)
        self._endpoint, self._folder, self._key, self._pause = endpoint, folder, key, pause
        self._on_created = on_created

    def run(self) -> Any:
        """The service's job object, found or made. Its id is in the folder's state before this returns.

        Raises:
            Cancellation: The user cancelled before the job was made; uploaded files are deleted again.
            EndpointError: The service refused, or could not be reached; `resume` may try again.
        """
        # Two processes that resume one job would both find nothing at the service, and both create.
        with FileLock(self._folder.path / "launch.lock"):
            try:
                files = {which: self._file(which) for which in self._parts()}
                # Asked once more after the upload, which can take minutes; from the creation on it costs money.
                self._check_cancel()
                return self._job(files)
            except Cancellation:
                # Training data must not stay at a service for a job that never was.
                self._delete_files()
                raise

    def _parts(self) -> list[Which]:
        both: tuple[Which, Which] = ("training", "validation")
        return [which for which in both if (self._folder.path / f"{which}.jsonl").exists()]

    def _check_cancel(self) -> None:
        if self._folder.is_cancel_requested():
            raise Cancellation("Cancelled before the job was started.")

    def _file(self, which: Which) -> str:
        file_id = self._folder.read("state.json").get(f"{which}_file")
        if file_id:
            # Uploaded by an earlier attempt: an id in the state is written only after the service gave it.
            return str(file_id)
        name = self._name(which)
        file = self._once_only(
            f"{which}_upload_begun",
            find=lambda: self._find_file(name),
            make=lambda: self._upload(which, name),
            what="take the file",
        )
        self._folder.update_state(**{f"{which}_file": id_of(file)})
        self._folder.log(f"The {which} file is uploaded as {id_of(file)}.")
        return id_of(file)

    def _name(self, which: Which) -> str:
        return f"llmopt-{self._folder.id}-{which}.jsonl"

    def _upload(self, which: Which, name: str) -> Any:
        content = (self._folder.path / f"{which}.jsonl").read_bytes()
        body = UploadFile(content, self._folder.is_cancel_requested)
        return self._once.files.create(file=(name, body, "application/jsonl"), purpose="fine-tune")

    def _find_file(self, name: str) -> Any:
        for count, file in enumerate(self._client.files.list(purpose="fine-tune", limit=100)):
            # A file whose check failed at the service cannot be trained on; another one is uploaded.
            if getattr(file, "filename", None) == name and getattr(file, "status", None) != "error":
                return file
            if count >= _MOST_FILES:
                break
        return None

    def _job(self, files: dict[Which, str]) -> Any:
        job = self._once_only(
            "creation_begun",
            find=lambda: self._find_job(files["training"]),
            make=lambda: self._once.fine_tuning.jobs.create(**self._arguments(files)),
            what="start the job",
        )
        try:
            self._folder.update_state(remote_id=id_of(job))
        # Even where the state cannot be written (a full disk), the id must reach the caller: it stands for a job that
        # costs money.
        finally:
            if self._on_created:
                self._on_created(replace(self._folder.job(), remote_id=id_of(job)))
        return job

    def _find_job(self, training_file: str) -> Any:
        for count, job in enumerate(self._client.fine_tuning.jobs.list(limit=100)):
            metadata = getattr(job, "metadata", None)
            mine = isinstance(metadata, dict) and metadata.get(METADATA_KEY) == self._folder.id
            # Services that keep no metadata still name the training file, which was uploaded for this job alone.
            if mine or getattr(job, "training_file", None) == training_file:
                return job
            if count >= _MOST_FILES:
                break
        return None

    def _arguments(self, files: dict[Which, str]) -> dict[str, Any]:
        request = self._folder.request()
        values = settings_from(ServiceSettings, request.hyperparameters).model_dump(exclude_none=True)
        # `beta` belongs to preference pairs; with another method OpenAI refuses the job.
        if request.method == "supervised":
            values.pop("beta", None)
        method = {"type": request.method, request.method: {"hyperparameters": values}}
        arguments: dict[str, Any] = {
            "model": request.base_model,
            "training_file": files["training"],
            "method": method,
            "suffix": request.name,
            "seed": request.seed,
            "metadata": {METADATA_KEY: self._folder.id},
        }
        if "validation" in files:
            arguments["validation_file"] = files["validation"]
        return arguments

    def _once_only(self, flag: str, find: Callable[[], Any], make: Callable[[], Any], what: str) -> Any:
        """Do something that must not be done twice; look first wherever it may have been done already."""
        for attempt in range(ATTEMPTS):
            self._check_cancel()
            try:
                # The flag is set from an attempt whose answer was lost: look before sending.
                if self._folder.read("state.json").get(flag):
                    match = find()
                    if match is not None:
                        id_of(match)  # raises where it has none, before it counts as found
                        self._folder.log(
                            "Found at the service what an earlier attempt had made; nothing is sent twice."
                        )
                        return match
                # Before sending: a kill from here on must make the next attempt look.
                self._folder.update_state(**{flag: True})
                remote = make()
                # It exists and may cost money: without an id it is looked for in the service's list.
                id_of(remote)
                return remote
            except WIRE_ERRORS as error:
                # The SDK hides what stopped the upload in an error of its own.
                self._check_cancel()
                failure = explain(error, self._endpoint, what, self._key)
                # The last attempt raises, too, so the line below the loop is for the type checker alone.
                if not is_ambiguous(error) or attempt == ATTEMPTS - 1:
                    raise failure from None
                self._folder.log(f"{failure} Trying again.", "warn")
                time.sleep(self._pause * 2**attempt)
        raise EndpointError(f"Endpoint {self._endpoint.name!r} would not {what}.")

    def _delete_files(self) -> None:
        for which in self._parts():
            try:
                self._delete_file(which)
            except WIRE_ERRORS:
                name = self._name(which)
                self._folder.log(f"The uploaded file {name} could not be deleted; delete it at the service.", "warn")

    def _delete_file(self, which: Which) -> None:
        state = self._folder.read("state.json")
        if not state.get(f"{which}_upload_begun"):
            return
        known_id = state.get(f"{which}_file")
        file = known_id or getattr(self._find_file(self._name(which)), "id", "")
        if file:
            self._client.files.delete(file)
        self._folder.update_state(**{f"{which}_file": "", f"{which}_upload_begun": False})
