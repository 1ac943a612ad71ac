"""Runs to choose from."""

from __future__ import annotations

from itertools import islice

import streamlit as st

from llmopt_core.runs.values import Project, Run
from llmopt_ui.resources import store

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
    return {run.id: run for run in islice(runs, _MOST)}
