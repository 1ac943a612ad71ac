"""The evaluation sets of a project, as pickers offer them, and each version read once."""

from __future__ import annotations

import streamlit as st

from llmopt_core.errors import BadInput
from llmopt_core.runs.values import Project, SavedSet
from llmopt_core.types import EvaluationSet
from llmopt_ui.resources import store


def sets_of(project: Project) -> list[SavedSet]:
    """See `list_training_sets`."""
    # Read at use: the first page that is shown needs none of what it brings.
    from llmopt_core.labs.finetuning.training_set_list import list_training_sets

    return list_training_sets(store(), project)


def set_version(project: Project, name: str, version: str) -> EvaluationSet:
    """A version of a set, kept in memory: a version never changes.

    Raises:
        BadInput: It is gone.
    """
    return _read_set(project.id, name, version, project)


def set_size(project: Project, name: str, version: str) -> int | None:
    """How many questions a version of a set has; None where it is gone."""
    try:
        return len(set_version(project, name, version).examples)
    except BadInput:
        return None


@st.cache_resource(max_entries=16, show_spinner=False)
def _read_set(project_id: int, name: str, version: str, _project: Project) -> EvaluationSet:
    return store().evaluation_set(_project, name, version)
