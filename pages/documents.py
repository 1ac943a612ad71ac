"""Documents: add files, see how they are cut, and find the chunking that serves the questions."""

import streamlit as st

from llmopt_ui.components import page_header, show_errors
from llmopt_ui.documents.tabs import TABS, VIEW, view_of
from llmopt_ui.navigation import DOCUMENTS
from llmopt_ui.project import current_project

page_header(DOCUMENTS)
project = current_project()
for name, tab in zip(TABS, st.tabs(list(TABS), key=VIEW, on_change="rerun", bind="query-params"), strict=True):
    if tab.open:
        with tab, show_errors():
            view_of(name)(project)
