"""Fine-tuning at an OpenAI-compatible service, through the official SDK."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import asdict
from itertools import islice
from typing import Any

from llmopt_core.errors import BadInput, Cancellation, EndpointError, LlmOptError
from llmopt_core.execution.budget import Budget
from llmopt_core.finetuning.data.examples import TrainingSet
from llmopt_core.finetuning.data.files import MOST_BYTES
from llmopt_core.finetuning.jobs.folder import JobFolder, open_folder, reconcile
from llmopt_core.finetuning.jobs.job import (
    FINAL_STATUSES,
    FineTunedModel,
    Job,
    JobCheckpoint,
    JobEvent,
    JobRequest,
    MetricPoint,
)
from llmopt_core.finetuning.jobs.new_folder import new_folder
from llmopt_core.finetuning.openai.upload_summary import summarize_upload
from llmopt_core.finetuning.training_price import TrainingPrice, over_budget, training_price
from llmopt_core.models.base import ModelSpec
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.settings import Settings
from llmopt_core.text.drafts import replace_file
from llmopt_core.types import Usage

# Events or checkpoints of one job. A service that pages for ever ends here instead of filling the memory.
_MOST_EVENTS = 10_000


class ServiceTrainer:
    """`FineTuner` for an endpoint with OpenAI's fine-tuning API.

    Args:
        settings: The workspace, where every job's folder lies.
        endpoint: The service.
        key: Its key; kept in memory only.
        pause: Seconds before a lost request is repeated.
    """

    def __init__(self, settings: Settings, endpoint: Endpoint, key: str = "", pause: float = 1.0) -> None:
        from llmopt_core.models.openai.client import make_sync_client

        self._settings, self._endpoint, self._key, self._pause = settings, endpoint, key, pause
        self._client = make_sync_client(endpoint, key)

    def create(
        self,
        request: JobRequest,
        training: TrainingSet,
        validation: TrainingSet | None = None,
        *,
        is_confirmed: bool = False,
        on_created: Callable[[Job], None] | None = None,
    ) -> Job:
        """See `FineTuner.create`. The job's folder is complete before anything is sent.

        Raises:
            BadInput: Not confirmed, too large, or a wrong hyperparameter; nothing was sent.
            OutOfBudget: It may cost more than its budget; nothing was sent.
            EndpointError: The service refused; the job's folder says why, and can be resumed.
            Cancellation: The user cancelled during the upload.
        """
        # All that can be refused is refused before a folder is made: prices, sizes, consent.
        price = training_price(request, training)
        price.check(request.budget_usd)
        leaving = summarize_upload(self._endpoint, training, validation)
        if leaving.bytes > MOST_BYTES:
            raise BadInput(
                f"The files have {leaving.bytes / 1e6:,.0f} MB; a service takes {MOST_BYTES // 10**6} MB at most."
            )
        if not is_confirmed:
            summary = " ".join(part for part in (leaving.sentence, leaving.warning) if part)
            raise BadInput(f"Nothing was sent: {summary} Agree to that first.")
        folder = new_folder(self._settings, request, "service", training, validation)
        # Kept with the job, so that a later look can hold the service's choice of epochs against the budget.
        folder.update_state(estimate_usd=price.usd, epoch_tokens=price.epoch_tokens[1])
        folder.log(leaving.sentence)
        folder.log(price.sentence)
        if leaving.warning:
            folder.log(f"Agreed to although {leaving.warning}", "warn")
        return self._launch(folder, price, on_created)

    def _launch(self, folder: JobFolder, price: TrainingPrice, on_created: Callable[[Job], None] | None = None) -> Job:
        from llmopt_core.finetuning.openai.launch import Launch

        request = folder.request()
        launch = Launch(self._client, self._endpoint, folder, key=self._key, pause=self._pause, on_created=on_created)
        try:
            # A budget of its own: what the rest of the program may spend is another one.
            with Budget(request.budget_usd).call(price.quote(f"{self._endpoint.name}|{request.base_model}")) as call:
                remote = launch.run()
                # What it really takes is known, and stands in its place, once the service says so.
                call.enter(Usage(price.tokens[1], cost_usd=None if price.usd is None else price.usd[1], calls=1))
        # The folder keeps what was reached (an uploaded file, a flag that creation began), so a resume goes on from
        # there.
        except LlmOptError as error:
            status = "cancelled" if isinstance(error, Cancellation) else _status_after(error)
            folder.log(str(error), "error" if status == "failed" else "warn")
            folder.update_state(status=status, message=str(error), resumable=True)
            raise
        except Exception as error:
            # Nobody works on it any more, whatever else this process goes on doing.
            folder.update_state(status="interrupted", message=f"{type(error).__name__}: {error}", resumable=True)
            raise
        folder.log(f"The job runs at {self._endpoint.name} as {remote.id}.")
        return self._update(folder, remote)

    def _update(self, folder: JobFolder, remote: Any) -> Job:
        from llmopt_core.finetuning.openai.results import job_state

        request = folder.request()
        price = request.price_per_million
        state = folder.update_state(**self._call("say how the job stands", lambda: job_state(remote, price)))
        if message := over_budget(request, state):
            self._stop(folder, state, message)
        return folder.job()

    def _stop(self, folder: JobFolder, state: dict[str, Any], message: str) -> None:
        """Cancel a job that takes more than its budget, where it has not ended and the service lets us."""
        from llmopt_core.finetuning.openai.results import job_state

        # The status is asked every few seconds; the log says it once.
        if state.get("over_budget") != message:
            folder.log(message, "warn")
        price = folder.request().price_per_million
        # Written even where cancelling fails: the user must see that money is being spent.
        changes: dict[str, Any] = {"over_budget": message, "message": message}
        if state["status"] not in FINAL_STATUSES:
            try:
                remote = self._call("cancel the job", lambda: self._jobs.cancel(state["remote_id"]))
                changes |= self._call("say how the job stands", lambda: job_state(remote, price))
                changes["message"] = f"{message} It was cancelled."
            except EndpointError as error:
                # It is tried again whenever somebody looks; the service may have none to cancel by then.
                changes["message"] = f"{message} It could not be cancelled: {error}"
        folder.update_state(**changes)

    def _call(self, what: str, request: Callable[[], Any]) -> Any:
        from llmopt_core.finetuning.openai.errors import WIRE_ERRORS, explain

        try:
            return request()
        except WIRE_ERRORS as error:
            # `from None`, since the SDK's error may hold the request with its headers and key.
            raise explain(error, self._endpoint, what, self._key) from None

    def status(self, job_id: str) -> Job:
        """See `FineTuner.status`. A job that never reached the service and that nobody works on is `interrupted`."""
        folder = open_folder(self._settings, job_id)
        job = reconcile(folder)
        # An interrupted one may still run at the service: only the look at it broke off.
        if not job.remote_id or (job.has_ended and job.status != "interrupted"):
            return job
        return self._update(folder, self._call("say how the job stands", lambda: self._jobs.retrieve(job.remote_id)))

    @property
    def _jobs(self) -> Any:
        return self._client.fine_tuning.jobs

    def events(self, job_id: str) -> list[JobEvent]:
        """See `FineTuner.events`. Our own and the service's, each kept in the folder once seen."""
        folder = open_folder(self._settings, job_id)
        self._fetch_events(folder)
        remote = [JobEvent(e["at"], e["level"], e["message"]) for e in folder.lines("remote_events.jsonl")]
        # The service tells whole seconds; what it did in one followed from what was sent to it in that second.
        pairs = [*((event, False) for event in folder.events()), *((event, True) for event in remote)]
        # Python sorts True after False: at the same second our own line comes first.
        return [event for event, _ in sorted(pairs, key=lambda pair: (int(pair[0].at), pair[1]))]

    def _fetch_events(self, folder: JobFolder) -> None:
        """Page back from the newest event to the first one that is known, then store the new ones in order."""
        from llmopt_core.finetuning.openai.results import event_values

        remote_id = folder.job().remote_id
        if not remote_id:
            return
        known_ids = {str(line.get("id")) for line in folder.lines("remote_events.jsonl")}

        def page_back() -> list[tuple[dict[str, Any], Any]]:
            fresh: dict[str, tuple[dict[str, Any], Any]] = {}
            # 100 is the most that OpenAI gives at once.
            for event in self._jobs.list_events(remote_id, limit=100):
                if isinstance(event, str):
                    # Some services answer with a bare text, over which a loop would go letter by letter.
                    raise ValueError("a text in place of events")
                values = event_values(event)
                # A page that comes again would come for ever.
                # The newest come first, so a known one means that all others are known.
                if values["id"] in known_ids or values["id"] in fresh or len(fresh) >= _MOST_EVENTS:
                    break
                fresh[values["id"]] = values, getattr(event, "data", None)
            return sorted(fresh.values(), key=lambda found: found[0]["at"])

        # Newest first, and stable: events of one second come back in reverse.
        for line, data in self._call("list the job's events", page_back):
            self._store(folder, line, data)

    def _store(self, folder: JobFolder, line: dict[str, Any], data: Any) -> None:
        from llmopt_core.finetuning.openai.results import metric_point

        point = metric_point(data) if isinstance(data, dict) else None
        if point is not None:
            # Points before the line that remembers the event: after a crash in between a point is stored twice, which
            # `metrics` merges, instead of never.
            folder.append("metrics.jsonl", {k: v for k, v in asdict(point).items() if v is not None})
        folder.append("remote_events.jsonl", line)

    def metrics(self, job_id: str) -> list[MetricPoint]:
        """See `FineTuner.metrics`. A finished job's result file is fetched once and completes the curves."""
        from llmopt_core.finetuning.openai.results import merge_points, parse_result_file

        folder = open_folder(self._settings, job_id)
        self._fetch_events(folder)
        points = folder.metrics()
        for file_id in folder.read("state.json").get("result_files", []):
            # An id of the service becomes a file's name: "../" in it must not lead out of the folder.
            path = folder.path / f"result-{re.sub(r'[^A-Za-z0-9_.-]', '_', file_id)[:100]}.csv"
            # Result files never change, so each is fetched once, and can still be read when the service has deleted it.
            if not path.exists():
                replace_file(path, self._result_file(file_id))
            points += parse_result_file(path.read_bytes())
        return merge_points(points)

    def _result_file(self, file_id: str) -> bytes:
        content: bytes = self._call("hand over the result file", lambda: self._client.files.content(file_id).read())
        return content

    def checkpoints(self, job_id: str) -> list[JobCheckpoint]:
        """See `FineTuner.checkpoints`; each is a model one can call."""
        from llmopt_core.finetuning.openai.results import checkpoint_from

        job = open_folder(self._settings, job_id).job()
        if not job.remote_id:
            return []

        def first() -> list[Any]:
            return list(islice(self._jobs.checkpoints.list(job.remote_id, limit=100), _MOST_EVENTS))

        # One per step: pages can overlap while a job makes new checkpoints.
        by_step = {c.step: c for remote in self._call("list checkpoints", first) if (c := checkpoint_from(remote))}
        return sorted(by_step.values(), key=lambda c: c.step)

    def cancel(self, job_id: str) -> Job:
        """See `FineTuner.cancel`. During the upload it stops the upload."""
        folder = open_folder(self._settings, job_id)
        job = folder.job()
        if not job.remote_id:
            folder.ask_cancel()
            return reconcile(folder)
        if job.has_ended:
            return job
        try:
            return self._update(folder, self._call("cancel the job", lambda: self._jobs.cancel(job.remote_id)))
        except EndpointError as error:
            # It may have ended in the meantime.
            after = self.status(job_id)
            if after.has_ended:
                return after
            raise error

    def resume(self, job_id: str) -> Job:
        """See `FineTuner.resume`: finish bringing the job into being, or look again how it stands."""
        folder = open_folder(self._settings, job_id)
        if folder.job().remote_id:
            return self.status(job_id)
        training = folder.training_set("training")
        if training is None:
            raise BadInput(f"Job {job_id} has lost its training data; start a new one.")
        price = training_price(folder.request(), training)
        # The price may have been unknown, or the budget larger, when it was begun.
        price.check(folder.request().budget_usd)
        # Before the claim: a flag from the cancelled attempt would stop this one at once.
        folder.clear_cancel()
        folder.claim(os.getpid())
        folder.update_state(status="queued", message="", resumable=False)
        return self._launch(folder, price)

    def result(self, job_id: str) -> FineTunedModel:
        """See `FineTuner.result`.

        Raises:
            BadInput: The job has not finished.
        """
        job = self.status(job_id)
        if job.status != "finished" or not job.tuned_model:
            raise BadInput(f"Job {job_id} is {job.status}; a fine-tuned model is there once it has finished.")
        facts = {"job_id": job.id, "remote_id": job.remote_id, "base_model": job.base_model,
                 "data_version": job.data_version, "trained_tokens": job.trained_tokens}  # fmt: skip
        spec = ModelSpec(endpoint=self._endpoint.name, name=job.tuned_model, mode="chat")
        return FineTunedModel(job.tuned_model, spec, facts)

    def list_jobs(self, limit: int = 50) -> list[dict[str, Any]]:
        """The service's own list of jobs, newest first, those started elsewhere too: id, model, status, tuned_model."""
        from llmopt_core.finetuning.openai.results import read_list

        def first() -> list[Any]:
            return list(islice(self._jobs.list(limit=min(limit, 100)), limit))

        return [values for job in self._call("list jobs", first) if (values := read_list(job))]


def _status_after(error: LlmOptError) -> str:
    unclear = isinstance(error, EndpointError) and error.kind in ("timeout", "unreachable", "server-error", "truncated")
    # Kinds after which nobody knows whether it arrived; what was refused in words has failed.
    return "interrupted" if unclear else "failed"
