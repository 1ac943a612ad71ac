"""Settings: endpoints, built-in models, judge, workspace."""

import streamlit as st

from llmopt_ui.components import page_header, told_plainly
from llmopt_ui.endpoints_view import endpoints_view
from llmopt_ui.judge_view import judge_view
from llmopt_ui.machine_view import builtin_view, workspace_view
from llmopt_ui.navigation import SETTINGS

VIEW = "settings_view"

page_header(SETTINGS)
views = {"Endpoints": endpoints_view, "Built-in models": builtin_view, "Judge": judge_view, "Workspace": workspace_view}
for tab, view in zip(
    st.tabs(list(views), key=VIEW, on_change="rerun", bind="query-params"), views.values(), strict=True
):
    if tab.open:
        with tab, told_plainly():
            view()
