"""The least difference that matters in a project: what surely lies within it is equivalent, wherever it stands."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project
from llmopt_core.statistics.verdict import MARGIN

# Of versions in the store; the newest counts.
_KIND = "margin"


def project_margin(store: Store, project: Project | str) -> float:
    """The margin that was set for a project; the usual one where none was."""
    bodies = [version.body for version in store.versions(project, _KIND)]
    return (margin_of(bodies[-1]) if bodies else None) or MARGIN


def save_margin(store: Store, project: Project | str, margin: float) -> None:
    """Set the margin of a project.

    Raises:
        BadInput: It is not above 0.
    """
    store.save_version(project, _KIND, _KIND, check_margin(margin))


def check_margin(margin: float) -> float:
    """The margin as it is.

    Raises:
        BadInput: It is not above 0.
    """
    # Not `<=`: NaN is no margin either.
    if not margin > 0 or math.isinf(margin):
        raise BadInput(f"--margin is a number above 0, such as 0.02, not {margin:g}.")
    return margin


def margin_in(result: Mapping[str, Any]) -> float | None:
    """The margin that a result file was written with; None where it says none."""
    return margin_of(result.get("margin"))


def margin_of(value: Any) -> float | None:
    """A stored margin; None where it is none."""
    # To `isinstance` true is a number, too.
    is_margin = isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0 and math.isfinite(value)
    return float(value) if is_margin else None
