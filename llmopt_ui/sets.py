"""The evaluation sets of a project, as pickers offer them."""

from __future__ import annotations

from llmopt_core.runs.values import Project, SavedSet
from llmopt_ui.resources import store


def sets_of(project: Project) -> list[SavedSet]:
    """See `listed_sets`."""
    # Read at use: the first page that is shown needs none of what it brings.
    from llmopt_core.labs.finetuning.training_set_list import listed_sets

    return listed_sets(store(), project)
