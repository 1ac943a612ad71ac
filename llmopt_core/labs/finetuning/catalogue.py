"""Tuned models as choices: adapters of the built-in model, and models that finished service jobs have made."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt_core.finetuning.finetuners import all_jobs
from llmopt_core.finetuning.jobs.job import LOCAL, FineTunedModel, Job
from llmopt_core.finetuning.training.adapters import adapters, list_embeddings
from llmopt_core.models.base import BUILTIN, EmbeddingSpec, ModelSpec
from llmopt_core.settings import Settings


def list_chat_models(settings: Settings, endpoint: str = "") -> list[FineTunedModel]:
    """Tuned chat models by name, of one endpoint or of all."""
    local = [adapter.as_choice() for adapter in adapters(settings)] if endpoint in ("", BUILTIN) else []
    remote = [_of_service(job) for job in all_jobs(settings) if _is_of_endpoint(job, endpoint)]
    # Newest job first, so reversed: of two models of one name the later one stays.
    return [*local, *{model.name: model for model in reversed(remote)}.values()]


def list_embedding_models(settings: Settings) -> list[FineTunedModel]:
    """Tuned embedding models by name."""
    return [model for model in list_embeddings(settings) if isinstance(model.spec, EmbeddingSpec)]


def model_of_job(job: Job, models: Sequence[FineTunedModel]) -> FineTunedModel | None:
    """What a job has made; None where it has not finished or the model was deleted."""
    if job.status != "finished":
        return None
    # By the job's id, since a name may have been used again.
    return next((model for model in models if model.facts.get("job_id") == job.id), None)


def _is_of_endpoint(job: Job, endpoint: str) -> bool:
    # A job that has not finished has no model yet.
    return job.provider != LOCAL and bool(job.tuned_model) and endpoint in ("", job.provider)


def _of_service(job: Job) -> FineTunedModel:
    facts = {"job_id": job.id, "base_model": job.base_model, "data_version": job.data_version,
             "trained_tokens": job.trained_tokens, "cost_usd": job.cost_usd}  # fmt: skip
    return FineTunedModel(job.tuned_model, ModelSpec(endpoint=job.provider, name=job.tuned_model, mode="chat"), facts)
