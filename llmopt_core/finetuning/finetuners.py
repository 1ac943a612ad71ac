"""Which trainer a job belongs to, and every job of the workspace."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.finetuning.jobs.folder import all_folders, open_folder, reconcile
from llmopt_core.finetuning.jobs.job import LOCAL, FineTuner, Job, TrainingLine
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.settings import Settings


@dataclass(frozen=True)
class Access:
    """What reaching the trainers takes: the workspace, the endpoints and their keys (never stored or shown).

    An endpoint without a key among them is asked with that of its environment variable.

    Attributes:
        line: Where trainings of this machine wait for their turn.
    """

    settings: Settings
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    line: TrainingLine | None = None


def fine_tuner(access: Access, provider: str, kind: str = "lora") -> FineTuner:
    """The trainer for a provider: this machine for `local`, else the endpoint of that name.

    Args:
        access: What it is reached with.
        provider: `local` or the name of an endpoint.
        kind: For `local`: `lora` or `embedding`.

    Raises:
        BadInput: There is no such endpoint, or it is the built-in one.
    """
    if provider == LOCAL:
        # Imported at use, as below: lists of jobs need no trainer, and PyTorch or a client take long to load.
        from llmopt_core.finetuning.training.local_trainer import LocalTrainer

        return LocalTrainer(access.settings, kind, access.line)
    endpoint = access.endpoints.get(provider)
    # The built-in endpoint has no address, so it has no service that could train.
    if endpoint is None or not endpoint.base_url:
        provider_names = ", ".join([LOCAL, *(name for name, e in access.endpoints.items() if e.base_url)])
        raise BadInput(f"There is no fine-tuning provider {provider!r}; known are {provider_names}.")
    from llmopt_core.finetuning.openai.jobs import ServiceTrainer

    return ServiceTrainer(access.settings, endpoint, _key(endpoint, access.keys))


def fine_tuner_of(access: Access, job_id: str) -> FineTuner:
    """The trainer that runs an existing job. Errors as in `fine_tuner`."""
    job = open_folder(access.settings, job_id).job()
    return fine_tuner(access, job.provider, job.kind)


def all_jobs(settings: Settings) -> list[Job]:
    """Every job of the workspace as last known, newest first; asks no service."""
    # `reconcile`, because the process of a job may have died without a word since somebody last looked.
    return [reconcile(folder) for folder in all_folders(settings)]


def jobs_at(access: Access, provider: str) -> list[dict[str, Any]]:
    """A service's own list of jobs, newest first, those started elsewhere too: id, model, status, tuned_model.

    Raises:
        BadInput: There is no such endpoint.
        EndpointError: It could not be asked.
    """
    from llmopt_core.finetuning.openai.jobs import ServiceTrainer

    tuner = fine_tuner(access, provider)
    # A job of this machine is in its own list already.
    return tuner.list_jobs() if isinstance(tuner, ServiceTrainer) else []


def _key(endpoint: Endpoint, keys: Mapping[str, str]) -> str:
    entered_key = keys.get(endpoint.name, "")
    # A key that somebody gave now counts more than that of the environment. Not every endpoint names a variable.
    return entered_key or (os.environ.get(endpoint.api_key_env, "") if endpoint.api_key_env else "")
