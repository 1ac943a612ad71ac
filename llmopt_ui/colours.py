"""The colour of every name in a project, the same on all pages."""

from __future__ import annotations

from collections.abc import Iterable

from llmopt_core.runs.values import Project
from llmopt_ui.resources import store
from llmopt_ui.theme import Ink, inks


def project_inks(project: Project, names: Iterable[str] = ()) -> dict[str, Ink]:
    """A colour for each configuration of a project, and for whatever else was run in it.

    Saved configurations come first, in the order in which they were saved, then what was run without being saved.

    Args:
        project: Whose names.
        names: Further ones that were not run yet.
    """
    saved = [item.name for item in store().configurations(project)]
    ran = [run.name for run in sorted(store().runs(project), key=lambda run: run.id)]
    return inks([*saved, *ran, *names])
