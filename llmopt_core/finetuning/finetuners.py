"""Which trainer a job belongs to, and every job of the workspace."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.finetuning.jobs.folder import all_folders, open_folder, reconcile
from llmopt_core.finetuning.jobs.job import LOCAL, FineTuner, Job
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.settings import Settings


def fine_tuner(
    provider: str,
    settings: Settings,
    endpoints: Mapping[str, Endpoint] | None = None,
    keys: Mapping[str, str] | None = None,
    kind: str = "lora",
) -> FineTuner:
    """The trainer for a provider: this machine for `local`, else the endpoint of that name.

    Args:
        provider: `local` or the name of an endpoint.
        settings: The workspace.
        endpoints: Endpoints by name.
        keys: Keys by endpoint name; by default each endpoint's environment variable is read.
        kind: For `local`: `lora` or `embedding`.

    Raises:
        BadInput: There is no such endpoint, or it is the built-in one.
    """
    if provider == LOCAL:
        from llmopt_core.finetuning.training.local_trainer import LocalTrainer

        return LocalTrainer(settings, kind)
    endpoint = (endpoints or {}).get(provider)
    if endpoint is None or not endpoint.base_url:
        known = ", ".join([LOCAL, *(name for name, e in (endpoints or {}).items() if e.base_url)])
        raise BadInput(f"There is no fine-tuning provider {provider!r}; known are {known}.")
    from llmopt_core.finetuning.openai.jobs import ServiceTrainer

    return ServiceTrainer(settings, endpoint, _key(endpoint, keys or {}))


def fine_tuner_of(
    job_id: str,
    settings: Settings,
    endpoints: Mapping[str, Endpoint] | None = None,
    keys: Mapping[str, str] | None = None,
) -> FineTuner:
    """The trainer that runs an existing job. Errors as in `fine_tuner`."""
    job = open_folder(settings, job_id).job()
    return fine_tuner(job.provider, settings, endpoints, keys, job.kind)


def all_jobs(settings: Settings) -> list[Job]:
    """Every job of the workspace as last known, newest first; asks no service."""
    return [reconcile(folder) for folder in all_folders(settings)]


def jobs_at(
    provider: str,
    settings: Settings,
    endpoints: Mapping[str, Endpoint] | None = None,
    keys: Mapping[str, str] | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """A service's own list of jobs, newest first, those started elsewhere too: id, model, status, tuned_model.

    Raises:
        BadInput: There is no such endpoint.
        EndpointError: It could not be asked.
    """
    from llmopt_core.finetuning.openai.jobs import ServiceTrainer

    tuner = fine_tuner(provider, settings, endpoints, keys)
    return tuner.list_jobs(limit) if isinstance(tuner, ServiceTrainer) else []


def _key(endpoint: Endpoint, keys: Mapping[str, str]) -> str:
    given = keys.get(endpoint.name, "")
    return given or (os.environ.get(endpoint.api_key_env, "") if endpoint.api_key_env else "")
