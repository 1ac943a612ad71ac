"""Two configurations in the address: what the tab Head to head shows."""

from __future__ import annotations

import streamlit as st

from llmopt_ui.session import state

FIRST, SECOND, BY = "a", "b", "by"


def open_pair(first: str, second: str, metric: str) -> None:
    """Show these two against each other at the next rerun."""
    st.query_params[FIRST], st.query_params[SECOND], st.query_params[BY] = first, second, metric
    # The pickers hold what was chosen last; without it they take what the address says.
    for name in (FIRST, SECOND, BY):
        st.session_state.pop(f"{name}_choice", None)
    state().go_to_tab = "Head to head"
