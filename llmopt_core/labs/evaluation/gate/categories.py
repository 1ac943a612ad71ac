"""The questions of each category of a run."""

from __future__ import annotations

from llmopt_core.labs.evaluation.gate.baseline import Run
from llmopt_core.types.grouping import group_values


def categories_of(run: Run) -> dict[str, list[str]]:
    """Example ids by category; empty where no question has one."""
    groups = group_values((str(record.get("category") or ""), str(record["example_id"])) for record in run["records"])
    return groups if any(groups) else {}
