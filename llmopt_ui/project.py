"""The project that is chosen in the sidebar."""

from __future__ import annotations

import streamlit as st

from llmopt_core.runs.values import Project
from llmopt_ui.first_link import leave_page_without_app
from llmopt_ui.resources import store
from llmopt_ui.session import PROJECT


def current_project() -> Project:
    """The project that is chosen in the sidebar."""
    leave_page_without_app()
    return store().project(st.session_state[PROJECT])
