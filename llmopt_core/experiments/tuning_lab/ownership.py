"""Which project a fine-tuning job belongs to. Jobs lie in the workspace; a page shows those of its project."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt_core.errors import LlmOptError
from llmopt_core.experiments.tuning_lab.library import training_sets
from llmopt_core.finetuning.finetuners import all_jobs
from llmopt_core.finetuning.job_folder import open_folder
from llmopt_core.finetuning.jobs import Job
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project
from llmopt_core.settings import Settings

_FILE = "project.json"


def keep_owner(settings: Settings, job: Job, project: Project) -> None:
    """Remember for which project a job was started."""
    open_folder(settings, job.id).write(_FILE, {"project": project.id})


def jobs_of(store: Store, settings: Settings, project: Project) -> list[Job]:
    """The jobs of a project, newest first, and those of which nothing says whose they are.

    A job that does not say so itself belongs to the projects that hold its training data.
    """
    jobs = all_jobs(settings)
    owners = {job.id: _owner(settings, job) for job in jobs}
    silent = [job for job in jobs if owners[job.id] == 0]
    holders = _holders(store) if silent else {}

    def shown(job: Job) -> bool:
        if owners[job.id]:
            return owners[job.id] == project.id
        known = holders.get(job.data_version)
        return known is None or project.id in known

    return [job for job in jobs if shown(job)]


def _owner(settings: Settings, job: Job) -> int:
    try:
        return int(open_folder(settings, job.id).read(_FILE).get("project") or 0)
    except (LlmOptError, TypeError, ValueError):
        return 0


def _holders(store: Store) -> dict[str, set[int]]:
    """Version of training data -> the projects that have it."""
    found: dict[str, set[int]] = {}
    for project in store.projects():
        versions: Sequence[str] = [saved.version for saved in training_sets(store, project)]
        for version in versions:
            found.setdefault(version, set()).add(project.id)
    return found
