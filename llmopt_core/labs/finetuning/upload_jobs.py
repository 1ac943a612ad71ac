"""Sending training data to a service as a kind of job: an upload takes its time."""

from __future__ import annotations

from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.experiments.finetuning_jobs import save_owner
from llmopt_core.experiments.versions.training_sets import TrainingSetVersion, training_sets
from llmopt_core.finetuning.finetuners import Access, all_jobs
from llmopt_core.finetuning.jobs.job import Job, JobRequest
from llmopt_core.jobs.context import JobContext
from llmopt_core.jobs.kind import JobKind
from llmopt_core.labs.finetuning.jobs import resume, start
from llmopt_core.types import Spec


class UploadArguments(Spec):
    """What is sent where.

    Attributes:
        name: Of the tuned model.
        training_set, data_version: What it learns from.
        address: The service's, as it was when the user agreed to what leaves the machine.
        resumed: The fine-tuning job that is gone on with; empty where one is begun.
    """

    name: str
    provider: str
    training_set: str = ""
    data_version: str = ""
    address: str = ""
    request: JobRequest | None = None
    validate_too: bool = True
    resumed: str = ""


def upload(context: JobContext, arguments: UploadArguments) -> dict[str, Any]:
    """Send the data and start the job at the service, or go on where that was begun before; nothing is sent twice."""
    # Taken only now: keys are never among the arguments of a job, which are stored.
    access = Access(context.settings, *context.credentials())
    context.report({"message": "uploading"})
    # Its trainer knows what is there already.
    if arguments.resumed:
        return {"job": resume(access, arguments.resumed).id}
    # On a first attempt nothing can be there; a job of an earlier start may well have the same name.
    earlier = _find_job(context, arguments) if context.attempt > 1 else None
    if earlier is not None:
        # The process may have ended before it said whose job it is.
        save_owner(context.settings, earlier, context.store.project(context.project))
        # With a remote id the service has it all; without one the upload goes on.
        return {"job": earlier.id if earlier.remote_id else resume(access, earlier.id).id}
    return {"job": _start(context, access, arguments).id}


def _start(context: JobContext, access: Access, arguments: UploadArguments) -> Job:
    where = access.endpoints.get(arguments.provider)
    # Somebody may have changed the endpoint while the job waited: the agreement was for that address.
    if arguments.request is None or where is None or where.base_url != arguments.address:
        raise BadInput(
            f"{arguments.provider} has another address now than the one that you agreed to send to; start it again."
        )
    training_set = _training_set(context, arguments)
    project = context.store.project(context.project)
    # Confirmed when the job was put in line, with what leaves the machine on the screen.
    return start(
        access, arguments.request, training_set, project=project, is_confirmed=True, validate=arguments.validate_too
    )


def _training_set(context: JobContext, arguments: UploadArguments) -> TrainingSetVersion:
    for training_set in training_sets(context.store, context.project):
        # By the version of the data, since a label may be used again.
        if (training_set.label, training_set.version) == (arguments.training_set, arguments.data_version):
            return training_set
    raise BadInput(f"The training set {arguments.training_set} is gone; start it again with another.")


def _find_job(context: JobContext, arguments: UploadArguments) -> Job | None:
    """The fine-tuning job that a process that is gone had begun for this one."""
    # Nothing that is older can be of this job.
    since = context.store.job(context.job_id).created_at.timestamp()
    wanted_values = (arguments.name, arguments.provider, arguments.data_version)
    jobs = [
        job
        for job in all_jobs(context.settings)
        if (job.name, job.provider, job.data_version) == wanted_values and job.created_at >= since
    ]
    return max(jobs, key=lambda job: job.created_at, default=None)


UPLOAD = JobKind("fine-tuning start", UploadArguments, upload, "Sending the data of", "interactive")
