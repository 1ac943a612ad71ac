"""Removing a project with what lies in the workspace for it alone."""

from __future__ import annotations

from llmopt_core.errors import BadInput
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project
from llmopt_core.settings import Settings


def delete_project(store: Store, settings: Settings, project: Project | str) -> int:
    """Remove a project with its documents, sets, runs, jobs and training data, and the indexes nobody else can use.

    Tuned models and what is cached stay: they belong to the workspace.

    Returns:
        How many indexes were removed.

    Raises:
        BadInput: There is no such project, or somebody works with it.
    """
    # At use: they bring fine-tuning and the index along, for which nothing else here has a use.
    from llmopt_core.experiments.finetuning_jobs import forget_jobs, list_owned_jobs
    from llmopt_core.index.index_inventory import delete_index, list_indexes

    saved_project = store.project(project) if isinstance(project, str) else project
    training = list_owned_jobs(settings, saved_project)
    for job in training:
        if not job.has_ended:
            raise BadInput(
                f"The project {saved_project.name} is in use by the fine-tuning job {job.name}; wait for it or cancel "
                "it first."
            )
    # Asked before they are gone.
    document_names = {document.name for document in store.document_list(saved_project)}
    # Before any file: it refuses while somebody works with the project.
    store.delete_project(saved_project)
    forget_jobs(settings, training)
    others = [{document.name for document in store.document_list(other)} for other in store.projects()]
    # An index is named by its texts, not by a project; it goes where only documents of this one are in it, by name.
    unused_indexes = [
        index.name
        for index in list_indexes(settings)
        if index.documents
        and index.documents <= document_names
        and not any(index.documents <= names for names in others)
    ]
    return sum(delete_index(settings, name) for name in unused_indexes)
