"""Which project a fine-tuning job belongs to. Jobs lie in the workspace; a page shows those of its project."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt_core.errors import LlmOptError
from llmopt_core.experiments.versions.training_sets import training_sets
from llmopt_core.finetuning.finetuners import all_jobs
from llmopt_core.finetuning.jobs.folder import open_folder
from llmopt_core.finetuning.jobs.job import LOCAL, Job
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project
from llmopt_core.settings import Settings
from llmopt_core.text.drafts import remove

_FILE = "project.json"
# Numbers of projects are given again, so a job must not keep that of one that is gone.
_NOBODY = -1


def save_owner(settings: Settings, job: Job, project: Project) -> None:
    """Remember for which project a job was started."""
    open_folder(settings, job.id).write(_FILE, {"project": project.id})


def owner_of(store: Store, settings: Settings, job: Job) -> Project | None:
    """The project that a job says it belongs to; None where it says none."""
    owner = _owner(settings, job)
    return next((project for project in store.projects() if project.id == owner), None)


def jobs_of(store: Store, settings: Settings, project: Project) -> list[Job]:
    """The jobs of a project, newest first, and those of which nothing says whose they are.

    A job that does not say so itself belongs to the projects that hold its training data.
    """
    jobs = all_jobs(settings)
    owners = {job.id: _owner(settings, job) for job in jobs}
    silent = [job for job in jobs if owners[job.id] == 0]
    holders = _data_projects(store) if silent else {}

    def is_ours(job: Job) -> bool:
        if owners[job.id]:
            return owners[job.id] == project.id
        project_ids = holders.get(job.data_version)
        # Data that no project has is nobody's, so every project shows the job rather than none.
        return project_ids is None or project.id in project_ids

    return [job for job in jobs if is_ours(job)]


def list_owned_jobs(settings: Settings, project: Project) -> list[Job]:
    """The jobs that say themselves that they are this project's."""
    return [job for job in all_jobs(settings) if _owner(settings, job) == project.id]


def forget_jobs(settings: Settings, jobs: Sequence[Job]) -> None:
    """Remove ended jobs of a project that is gone, with their training data.

    Tuned models stay. Of a job at a service the folder stays as well: it alone knows the name of its model.
    """
    for job in jobs:
        folder = open_folder(settings, job.id)
        if job.provider == LOCAL:
            remove(folder.path)
        else:
            folder.write(_FILE, {"project": _NOBODY})


def _owner(settings: Settings, job: Job) -> int:
    try:
        return int(open_folder(settings, job.id).read(_FILE).get("project") or 0)
    except (LlmOptError, TypeError, ValueError):
        # Nothing says whose it is; numbers of projects begin with 1.
        return 0


def _data_projects(store: Store) -> dict[str, set[int]]:
    """Version of training data -> the projects that have it."""
    projects_by_version: dict[str, set[int]] = {}
    for project in store.projects():
        versions: Sequence[str] = [item.version for item in training_sets(store, project)]
        for version in versions:
            projects_by_version.setdefault(version, set()).add(project.id)
    return projects_by_version
