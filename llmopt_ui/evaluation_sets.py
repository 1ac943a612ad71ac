"""The evaluation sets of a project, as pickers offer them, and each version read once."""

from __future__ import annotations

from operator import attrgetter

import streamlit as st

from llmopt_core.errors import BadInput
from llmopt_core.runs.question_splits import part_name
from llmopt_core.runs.values import Project, SavedSet
from llmopt_core.types import EvaluationSet
from llmopt_core.types.parts import PARTS
from llmopt_ui.resources import store


def sets_of(project: Project) -> list[SavedSet]:
    """See `list_training_sets`."""
    # Read at use: the first page that is shown needs none of what it brings.
    from llmopt_core.labs.finetuning.training_set_list import list_training_sets

    return list_training_sets(store(), project)


def set_choices(project: Project) -> list[SavedSet]:
    """What pickers offer: every set, and of one that is split its parts.

    The part to search with stands first, so that it is what fields begin with; the never-seen one last.
    """
    parts = {item.name: item for item in store().evaluation_sets(project, parts=True)}
    choices = []
    for item in sets_of(project):
        search, confirm, unseen_part = (parts.get(part_name(item.name, part)) for part in PARTS)
        choices += [one for one in (search, confirm, item, unseen_part) if one is not None]
    return choices


# As a resource, so that no copy is made at each use; nobody changes what is given. A project is known by its id,
# since renaming leaves its sets as they are.
@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs={Project: attrgetter("id")})
def set_version(project: Project, name: str, version: str) -> EvaluationSet:
    """A version of a set, kept in memory: a version never changes.

    Raises:
        BadInput: It is gone.
    """
    return store().evaluation_set(project, name, version)


def newest_set(project: Project, name: str) -> EvaluationSet:
    """The newest version of a set."""
    return set_version(project, name, next(item.version for item in set_choices(project) if item.name == name))


def set_size(project: Project, name: str, version: str) -> int | None:
    """How many questions a version of a set has; None where it is gone."""
    try:
        return len(set_version(project, name, version).examples)
    except BadInput:
        return None
