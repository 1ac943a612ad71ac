"""Configurations with retrieval: those of a project, and one more saved from them."""

from __future__ import annotations

from llmopt_core.experiments.comparison_parents import record_origin
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.labs.retrieval.differences import name_change
from llmopt_core.retrieval.spec import RetrievalSpec
from llmopt_core.runs.values import Project, SavedConfiguration
from llmopt_ui.resources import store


def retrieval_configurations(project: Project) -> list[SavedConfiguration]:
    """The project's configurations that look things up."""
    return [item for item in store().configurations(project) if item.spec.get("retrieval")]


def save_as_new(
    project: Project, configuration: Configuration, name_hint: str = "", parent: Configuration | None = None
) -> str:
    """Save a configuration under a name that is still free and says what was changed; gives the name.

    Args:
        project: Whose.
        configuration: What is saved.
        name_hint: What it is called, where not after itself.
        parent: What it was made from; by default the saved one of its name.
    """
    saved = {item.name: item for item in store().configurations(project)}
    specs = {name: item.spec for name, item in saved.items()}
    # The star marks unsaved changes on the page and is no part of a name.
    base = (name_hint or configuration.name.rstrip("*")).strip()
    if base in specs and specs[base].get("retrieval") and configuration.retrieval is not None:
        base = name_change(base, RetrievalSpec.model_validate(specs[base]["retrieval"]), configuration.retrieval)
    # A bound, so that a search for a free name ends; nobody has a thousand of one name.
    names = (base if number == 1 else f"{base} {number}" for number in range(1, 1000))
    name = next(name for name in names if name not in specs)
    copy = configuration.model_copy(update={"name": name})
    store().save_configuration(project, name, copy.model_dump(mode="json"), copy.fingerprint)
    origin = saved.get(configuration.name.rstrip("*").strip())
    if parent is not None or origin is not None:
        record_origin(store(), project, copy.fingerprint, parent or (origin.fingerprint if origin else ""))
    return name
