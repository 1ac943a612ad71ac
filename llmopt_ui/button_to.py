"""Buttons that lead to where something can be done, prepared: the page, its tab, and what is to be chosen there."""

from __future__ import annotations

from typing import Any

import streamlit as st

from llmopt_ui.navigation import PageSpec
from llmopt_ui.session import state

_ICON = ":material/arrow_forward:"


def button_to(spec: PageSpec, label: str, key: str, tab: str = "", **choices: Any) -> None:
    """A button that opens a page.

    Args:
        spec: The page; the same one for another tab of it.
        label: Of the button.
        key: Of the button.
        tab: The tab to open there, whatever tab was open last.
        choices: What widgets there are to hold, by their keys.
    """
    values = ({spec.tabs: tab} if tab and spec.tabs else {}) | choices
    # In the callback, since Streamlit forbids changing a widget's value once the widget is drawn in the same run.
    if st.button(label, key=key, icon=_ICON, on_click=_prepare, args=(values,)):
        # No parameters of this page go along: bound fields there take their values from the address, not from what
        # was prepared.
        st.switch_page(spec.file, query_params={})


def _prepare(values: dict[str, Any]) -> None:
    state().widget_values = values


def arrive() -> None:
    """Let the widgets of a page hold what the button that led to it said. Called before they are drawn."""
    # Taken only once, or each rerun would undo what the user changes there.
    values, state().widget_values = state().widget_values, {}
    for name, value in values.items():
        st.session_state[name] = value
