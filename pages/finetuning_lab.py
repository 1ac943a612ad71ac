"""Fine-tuning: training data, checks, jobs, the 2 x 2, what to label next."""

import streamlit as st

from llmopt_ui.components import page_header, show_errors
from llmopt_ui.finetuning.tabs import TABS, VIEW, open_requested_tab, view_of
from llmopt_ui.navigation import FINETUNING
from llmopt_ui.project import current_project

page_header(FINETUNING)
project = current_project()
open_requested_tab()
for name, tab in zip(TABS, st.tabs(list(TABS), key=VIEW, on_change="rerun", bind="query-params"), strict=True):
    if tab.open:
        with tab, show_errors():
            view_of(name)(project)
