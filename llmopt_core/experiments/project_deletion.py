"""Removing a project with what lies in the workspace for it alone."""

from __future__ import annotations

from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project
from llmopt_core.settings import Settings


def delete_project(store: Store, settings: Settings, project: Project | str) -> int:
    """Remove a project with its documents, sets, runs and jobs, and the indexes that no other project can use.

    Tuned models and what is cached stay: they belong to the workspace.

    Returns:
        How many indexes were removed.

    Raises:
        BadInput: There is no such project, or somebody works with it.
    """
    from llmopt_core.index.stored import delete_index, stored_indexes

    found = store.project(project) if isinstance(project, str) else project
    own = {document.name for document in store.document_list(found)}
    store.delete_project(found)
    others = [{document.name for document in store.document_list(other)} for other in store.projects()]
    unused = [
        index.name
        for index in stored_indexes(settings)
        if index.documents and index.documents <= own and not any(index.documents <= names for names in others)
    ]
    return sum(delete_index(settings, name) for name in unused)
