"""Runs to choose from."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

import streamlit as st

from llmopt_core.labs.finetuning.held_out_sets import usual_runs
from llmopt_core.runs.values import Project, Run
from llmopt_ui import format as fmt
from llmopt_ui.resources import store

# Options that a browser draws at once; more make the list slow to open, fewer hide runs that are looked for.
_MOST = 300


def recent_runs(project: Project, *, with_scores: bool = False) -> dict[int, Run]:
    """The newest runs with answers by id, as many as a selector can show quickly; says where older ones are left out.

    Args:
        project: Whose runs.
        with_scores: Only those with metrics.
    """
    runs = [run for run in store().runs(project) if run.done and (run.metrics or not with_scores)]
    if len(runs) > _MOST:
        st.caption(f"The newest {_MOST:,} of {len(runs):,} runs can be chosen.")
    # Runs come newest first.
    return {run.id: run for run in islice(runs, _MOST)}


def run_choice(project: Project, runs: Mapping[int, Run], key: str) -> Run | None:
    """Choose one of these runs; first the newest whose questions are not held back."""
    usual = usual_runs(store(), project, list(runs.values()))
    run_id = st.selectbox(
        "Run", list(runs), list(runs).index(usual[0].id) if usual else None, key=key,
        format_func=lambda number: run_label(runs[number]),
        placeholder="All are on held-back questions: choose with care",
    )  # fmt: skip
    return None if run_id is None else runs[run_id]


def run_label(run: Run) -> str:
    """A run as it is named among others."""
    return f"{run.name} on {run.evaluation_set} · {fmt.moment(run.created_at)}"
