"""The comparisons of this process, shared by all sessions; and a stored comparison's grid, read once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter

import streamlit as st

from llmopt_core.execution.spending import check_larger_budget
from llmopt_core.experiments.comparison import Comparison
from llmopt_core.experiments.comparison_plan import ComparisonPlan, check_plan, comparison_work_name
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.interop.promptfoo.providers import ECHO, register_echo
from llmopt_core.labs.prompts.board import Board, Place
from llmopt_core.labs.prompts.columns import Column, columns_of
from llmopt_core.labs.prompts.grid import Grid, load_grid
from llmopt_core.labs.prompts.live_comparisons import LiveComparisons
from llmopt_core.labs.prompts.row_notes import thumbs_down
from llmopt_core.models.registry import Models
from llmopt_core.runs.values import Project
from llmopt_ui.resources import job_runner, models, store
from llmopt_ui.session import state


@st.cache_resource(show_spinner=False)
def live_comparisons() -> LiveComparisons:
    """Those of this process."""
    return LiveComparisons(store(), job_runner())


def start(plan: ComparisonPlan) -> str:
    """Start a comparison; gives its id.

    Raises:
        BadInput: It could only fail, or its budget stopped it before and it takes a larger one.
    """
    registry = models_for(plan.variants)
    # Both before anything is stored, so that a refusal leaves no empty comparison behind.
    check_plan(plan, registry)
    check_larger_budget(store().cache, comparison_work_name(plan, registry), plan.budget_usd)
    return live_comparisons().start(plan, registry, state().keys)


def models_for(variants: Sequence[Configuration]) -> Models:
    """The session's models, promptfoo's `echo` among them where a variant is answered by it."""
    registry = models()
    # Only then: nobody else is to see an endpoint that answers nothing.
    if any(variant.model.endpoint == ECHO for variant in variants):
        register_echo(registry)
    return registry


def ask_again(comparison: Comparison, places: Sequence[Place]) -> None:
    """Answer these places anew, within the budget that was typed for it.

    Raises:
        BadInput: The examples are gone, another process works on it, or it takes a larger budget.
    """
    budget = st.session_state.get(new_budget_key(comparison))
    live_comparisons().ask_again(comparison, places, budget, state().keys)


def new_budget_key(comparison: Comparison) -> str:
    """Of the field that asks what a comparison may cost in all."""
    return f"comparison_budget_{comparison.id}"


def grid_of(project: Project | str, comparison: Comparison, board: Board | None) -> Grid:
    """The grid as it stands."""
    if board is None:
        # Thumbs are read each time: they change without any run changing.
        return replace(_read_grid(project, comparison), disliked=thumbs_down(store(), comparison))
    examples = store().evaluation_set(project, comparison.set_name, comparison.set_version).examples
    return load_grid(store(), comparison, examples, board)


def compute_columns(comparison: Comparison, grid: Grid, board: Board | None) -> list[Column]:
    """What the columns come to; tested against the first once all is there."""
    # Tests over half of the answers would change with each of them, and are dear.
    return _columns(comparison, grid) if board is None else columns_of(grid, with_tests=False)


def _version(comparison: Comparison) -> list[tuple[int, int, str, str]]:
    # All that changes when an answer is added or asked again; the end as well, since a repeat can leave the count as
    # it was.
    return [(run.id, run.done, run.status, str(run.finished_at)) for run in comparison.all_runs]


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs={Comparison: _version, Project: attrgetter("name")})
def _read_grid(project: Project | str, comparison: Comparison) -> Grid:
    examples = store().evaluation_set(project, comparison.set_name, comparison.set_version).examples
    return load_grid(store(), comparison, examples)


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs={Comparison: _version})
def _columns(comparison: Comparison, _grid: Grid) -> list[Column]:
    return columns_of(_grid)
