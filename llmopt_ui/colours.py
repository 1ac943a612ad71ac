"""The colour of every name in a project, the same on all pages."""

from __future__ import annotations

from collections.abc import Iterable

from llmopt_core.experiments.colours import project_names
from llmopt_core.runs.values import Project
from llmopt_ui.resources import store
from llmopt_ui.theme import Ink, inks


def project_inks(project: Project, names: Iterable[str] = ()) -> dict[str, Ink]:
    """A colour for each configuration of a project, and for whatever else was run in it.

    Args:
        project: Whose names.
        names: Further ones that were not run yet.
    """
    return inks(project_names(store(), project, names))
