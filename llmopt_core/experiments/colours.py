"""The colour of every name in a project: the same on all pages, in files and in reports."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llmopt_core.reporting.page import PALETTE
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project

# Nothing but six digits: a result from elsewhere names it, and it goes into the style of a page.
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def project_names(store: Store, project: Project | str, names: Iterable[str] = ()) -> list[str]:
    """The names that have a colour, in the order that decides which.

    Saved configurations come first, in the order in which they were first saved, then what was run without being saved.

    Args:
        store: Where they lie.
        project: Whose.
        names: Further ones that were not run yet.
    """
    saved_names = [item.name for item in store.configurations(project)]
    # The oldest first, so that a new run takes no colour from an earlier name.
    run_names = [run.name for run in sorted(store.runs(project), key=lambda run: run.id)]
    return list(dict.fromkeys([*saved_names, *run_names, *names]))


def project_colours(store: Store, project: Project | str, names: Sequence[str]) -> dict[str, str]:
    """The colours that these names have in a project; after eight names they come again."""
    places = {name: place for place, name in enumerate(project_names(store, project, names))}
    return {name: PALETTE[places[name] % len(PALETTE)] for name in names}


def colours_in(result: Mapping[str, Any]) -> dict[str, str]:
    """The colours that a result names; whatever is no colour is left out."""
    colours = result.get("colours")
    if not isinstance(colours, Mapping):
        return {}
    return {str(name): value for name, value in colours.items() if isinstance(value, str) and _COLOUR.fullmatch(value)}
