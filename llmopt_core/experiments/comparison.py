"""A comparison as it is stored: one run per variant and repeat, tied together by an id in the runs' options."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.assertions.spec import AssertionSpec
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.comparison_plan import ComparisonPlan
from llmopt_core.experiments.configuration import Configuration, configuration_from
from llmopt_core.experiments.earlier_looks import list_earlier_looks
from llmopt_core.experiments.planned_run import start_planned_run
from llmopt_core.experiments.provenance import BEHIND, describe_run_changes, list_run_changes, models_basis
from llmopt_core.experiments.search_terms import mixed_terms_note
from llmopt_core.models.registry import Models
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import ACTIVE, COMPARISON, Project, Run, Status
from llmopt_core.types.grouping import group_values

NOTES = "comparison notes"
"""The kind of the drafts that keep what was noted on rows."""


@dataclass(frozen=True)
class Comparison:
    """A stored comparison.

    Attributes:
        runs: By column, then by repeat.
        origin: What was chosen to make it; empty where it was not chosen in the app.
    """

    id: str
    project: str
    variants: tuple[Configuration, ...]
    set_name: str
    set_version: str
    assertions: tuple[AssertionSpec, ...]
    judge: JudgeSpec
    metrics: tuple[str, ...]
    concurrency: int
    runs: tuple[tuple[Run, ...], ...]
    origin: Mapping[str, Any]

    @property
    def repeats(self) -> int:
        """How often each example was asked."""
        return len(self.runs[0])

    @property
    def total(self) -> int:
        """Number of rows."""
        return self.runs[0][0].total

    @property
    def budget_usd(self) -> float | None:
        """The most it may cost in all."""
        return self.runs[0][0].budget_usd

    @property
    def out_of_budget(self) -> bool:
        """Whether its budget stopped it."""
        return any(run.status == "budget-reached" for run in self.all_runs)

    @property
    def error(self) -> str:
        """Why it ended early; empty where it did not."""
        return next((run.error for run in self.all_runs if run.error), "")

    @property
    def created_at(self) -> datetime:
        """When it was started."""
        return min(run.created_at for column in self.runs for run in column)

    @property
    def all_runs(self) -> list[Run]:
        """Every run."""
        return [run for column in self.runs for run in column]

    @property
    def status(self) -> Status:
        """How it stands: active while one run is, else the first thing that is not `finished`."""
        states = [run.status for run in self.all_runs]
        active = [state for state in states if state in ACTIVE]
        return (active or [state for state in states if state != "finished"] or ["finished"])[0]

    @property
    def title(self) -> str:
        """`plain against think on questions (48)`, `plain against think on questions, first 20`."""
        names = " against ".join(variant.name for variant in self.variants)
        # Parts of sets say in their names how many they are.
        size = "" if re.search(rf", (?:first )?{self.total}\b", self.set_name) else f" ({self.total})"
        return f"{names} on {self.set_name}{size}"


def new_id() -> str:
    """An id that no other comparison has."""
    # 32 random bits: short in an address, and of a thousand comparisons two are the same with a chance of 1 in 10,000.
    return secrets.token_hex(4)


def start_comparison(
    store: Store, plan: ComparisonPlan, comparison_id: str, models: Models | None = None
) -> Comparison:
    """Store the runs of a comparison that is about to be worked on.

    Repeats are stored before first answers, so that the newest run of each variant is its first answers.

    Args:
        store: Where.
        plan: What is compared.
        comparison_id: See `new_id`.
        models: Those behind the variants' names; which addresses and weights they are is kept with the runs.
    """
    # Before the runs that name it: a crash in between leaves a hidden set, and no run without its questions.
    store.keep_evaluation_set(plan.project, plan.evaluation_set)
    from llmopt_core.experiments.training_sources import training_overlap

    looks = list_earlier_looks(
        store, plan.project, plan.evaluation_set.name, {variant.fingerprint for variant in plan.variants}
    )
    overlaps = [
        training_overlap(store, plan.project, variant, plan.examples).model_copy(update={"looks": looks})
        for variant in plan.variants
    ]
    model_options = [{BEHIND: models_basis(variant, models, plan.judge)} if models else {} for variant in plan.variants]
    for repeat in reversed(range(plan.repeats)):
        for column, variant in enumerate(plan.variants):
            options = {**_options(plan, comparison_id, column, repeat), **model_options[column]}
            start_planned_run(store, plan, variant, overlaps[column], options)
    return comparison(store, plan.project, comparison_id)


def comparisons(store: Store, project: Project | str) -> list[Comparison]:
    """All comparisons of a project, newest first. Those that another version of the program made are left out."""
    groups = group_values((run.comparison, run) for run in store.runs(project) if run.comparison)
    return [result for key, runs in groups.items() if (result := _readable(key, runs)) is not None]


def comparison(store: Store, project: Project | str, comparison_id: str) -> Comparison:
    """One comparison.

    Raises:
        BadInput: There is none of that id.
    """
    for entry in comparisons(store, project):
        if entry.id == comparison_id:
            return entry
    raise BadInput(f"There is no comparison {comparison_id} in this project.")


def plan_of(store: Store, comparison: Comparison) -> ComparisonPlan:
    """What the comparison was started with.

    Raises:
        BadInput: Its examples are gone.
    """
    has_retrieval = any(variant.retrieval is not None for variant in comparison.variants)
    return ComparisonPlan(
        comparison.project,
        comparison.variants,
        store.evaluation_set(comparison.project, comparison.set_name, comparison.set_version),
        comparison.assertions,
        comparison.judge,
        comparison.metrics,
        comparison.repeats,
        comparison.concurrency,
        tuple(store.documents(comparison.project)) if has_retrieval else (),
        comparison.budget_usd,
        comparison.origin,
    )


def earlier_state(comparison: Comparison, documents: str, models: Models) -> str:
    """What stands behind the variants' names that was another for all or a part of their answers; else empty.

    Args:
        comparison: The comparison.
        documents: The version of the project's documents now.
        models: Those behind the variants' names now.
    """
    names = [variant.name for variant in comparison.variants]
    columns = dict(zip(names, comparison.runs, strict=True))
    changes = describe_run_changes({
        name: list_run_changes(column[0], None, None, documents, models) for name, column in columns.items()
    })  # fmt: skip
    notes = {
        name: note for name, column in columns.items() for run in column if (note := mixed_terms_note(run.options))
    }
    return " ".join(filter(None, (changes, *(f"{name}: {note}" for name, note in notes.items()))))


def delete_comparison(store: Store, comparison: Comparison) -> None:
    """Remove a comparison with all its runs.

    Raises:
        BadInput: It is under way.
    """
    store.delete_runs([run.id for run in comparison.all_runs])
    store.delete_draft(comparison.project, NOTES, comparison.id)


def _options(plan: ComparisonPlan, comparison_id: str, column: int, repeat: int) -> dict[str, object]:
    return {
        COMPARISON: comparison_id,
        "column": column,
        "repeat": repeat,
        "checks": [assertion.model_dump(mode="json", exclude_defaults=True) for assertion in plan.assertions],
        "metrics": list(plan.metrics),
        "judge": plan.judge.model_dump(mode="json"),
        "concurrency": plan.concurrency,
        "origin": dict(plan.origin),
        # A part of a set is asked as a set of its own, all of it.
        "limit": None,
        "budget_usd": plan.budget_usd,
    }


def _readable(key: str, runs: Sequence[Run]) -> Comparison | None:
    try:
        return _comparison(key, runs)
    except (BadInput, ValueError, KeyError):
        return None


def _comparison(key: str, runs: Sequence[Run]) -> Comparison:
    # The options say where a run stands; a run that is missing ends in a KeyError, and the comparison is left out.
    grid = {(int(run.options["column"]), int(run.options["repeat"])): run for run in runs}
    columns, repeats = (max(place[axis] for place in grid) + 1 for axis in (0, 1))
    first = grid[0, 0]
    return Comparison(
        key,
        first.project,
        tuple(configuration_from(grid[column, 0].configuration) for column in range(columns)),
        first.evaluation_set,
        first.set_version,
        tuple(AssertionSpec.model_validate(assertion) for assertion in first.options["checks"]),
        JudgeSpec.model_validate(first.options["judge"]),
        tuple(first.options["metrics"]),
        int(first.options["concurrency"]),
        tuple(tuple(grid[column, repeat] for repeat in range(repeats)) for column in range(columns)),
        first.options["origin"],
    )
