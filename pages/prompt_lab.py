"""Prompts: write them, show examples, compare them side by side."""

import streamlit as st

from llmopt_ui.components import page_header, show_errors
from llmopt_ui.navigation import PROMPTS
from llmopt_ui.project import current_project
from llmopt_ui.prompts.guest import VOTE, vote_first, waiting_vote
from llmopt_ui.prompts.tabs import TABS, VIEW, prompt_frame, view_of

page_header(PROMPTS)
project = current_project()
prompt_frame()
for name, tab in zip(TABS, st.tabs(list(TABS), key=VIEW, on_change="rerun", bind="query-params"), strict=True):
    if tab.open:
        with tab, show_errors():
            if name != VOTE and waiting_vote() is not None:
                vote_first()
            else:
                view_of(name)(project)
