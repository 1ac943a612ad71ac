"""Settings: endpoints, built-in models, judge, workspace."""

import streamlit as st

from llmopt_ui.components import page_header, show_errors
from llmopt_ui.navigation import SETTINGS
from llmopt_ui.settings.endpoints import endpoints_view
from llmopt_ui.settings.judge import judge_view
from llmopt_ui.settings.machine import builtin_view, workspace_view

VIEW = "settings_view"

page_header(SETTINGS)
views = {"Endpoints": endpoints_view, "Built-in models": builtin_view, "Judge": judge_view, "Workspace": workspace_view}
for tab, view in zip(
    st.tabs(list(views), key=VIEW, on_change="rerun", bind="query-params"), views.values(), strict=True
):
    if tab.open:
        with tab, show_errors():
            view()
