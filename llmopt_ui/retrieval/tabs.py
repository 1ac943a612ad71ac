"""The tabs of the retrieval lab. A tab is one line in `TABS`; its module is loaded when it is opened."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence

import streamlit as st

from llmopt_core.runs.values import Project
from llmopt_ui.components import show_errors
from llmopt_ui.retrieval.settings import settings_row
from llmopt_ui.retrieval.sides import Side, has_content, sides
from llmopt_ui.retrieval_configurations import retrieval_configurations

VIEW = "retrieval_view"
TABS = {
    "One question": "llmopt_ui.retrieval.question:question_view",
    "Whole set": "llmopt_ui.retrieval.whole_set:whole_set_view",
    "Leave one out": "llmopt_ui.retrieval.ablation:ablation_view",
    "More chunks": "llmopt_ui.retrieval.k_sweep:k_sweep_view",
}
"""Title -> `module:function`; the function is given the project and the sides that are looked at."""


def retrieval_lab(project: Project) -> None:
    """The configurations that are looked at, and below them the tabs."""
    configurations = retrieval_configurations(project)
    if not has_content(project, configurations):
        return
    sides_here = sides(project, configurations)
    settings_row(project, sides_here)
    for name, tab in zip(TABS, st.tabs(list(TABS), key=VIEW, on_change="rerun", bind="query-params"), strict=True):
        if tab.open:
            with tab, show_errors():
                view_of(name)(project, sides_here)


def view_of(tab: str) -> Callable[[Project, Sequence[Side]], None]:
    """The function that draws a tab."""
    module, _, function = TABS[tab].partition(":")
    view: Callable[[Project, Sequence[Side]], None] = getattr(importlib.import_module(module), function)
    return view
