"""The evaluation sets of a project that hold data questions."""

from __future__ import annotations

from llmopt_core.runs.values import Project
from llmopt_ui.evaluation_sets import newest_set, sets_of


def data_sets(project: Project) -> list[str]:
    """Names of the sets in which at least one question has a right query."""
    names = dict.fromkeys(one.name for one in sets_of(project))
    return [name for name in names if any(example.gold_queries for example in newest_set(project, name).examples)]
