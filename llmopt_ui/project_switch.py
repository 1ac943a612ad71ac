"""Going from one project to another: nothing that was chosen or typed for the one is carried to the other."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from llmopt_ui.navigation import PAGES
from llmopt_ui.session import KEY, PROJECT, State, state

_OF_THE_SESSION = (
    "has_chart_library", "keys", "notice", "is_warning", "problem", "next_project", "dialog", "uploads", "forms",
    "watched_jobs", "findings", "dismissed_jobs", "endpoint_checks", "guest",
)  # fmt: skip
_TABS = frozenset(page.tabs for page in PAGES if page.tabs)
_MOMENT = 0.1
"""Seconds. Long enough that the browser has drawn the empty page, short enough not to be seen."""


def leave_project() -> None:
    """Forget what was chosen and typed for a project, here and in the address, before another one is shown.

    Its names, limits and budgets mean nothing there. Which tab of a page is open stays, and what is no part of a
    project: keys, checks of endpoints, what runs.
    """
    # All but the project, which its selector itself keeps in the address.
    drop_from_address(lambda name: name != PROJECT)
    after = State(tabs={name: str(st.session_state[name]) for name in _TABS if st.session_state.get(name)})
    for name_to_keep in _OF_THE_SESSION:
        setattr(after, name_to_keep, getattr(state(), name_to_keep))
    # A list, since what is gone through may not lose entries on the way.
    for name in [str(name) for name in st.session_state]:
        # All keys but our own state and the selector itself: fields of the page are found without being listed, new
        # ones too.
        if not name.startswith("llmopt_") and name != PROJECT:
            st.session_state.pop(name, None)
    # Last: until here the state that is copied from is the former one.
    st.session_state[KEY] = after


def clears_page() -> bool:
    """Whether nothing of the page is to be drawn this time, because another project is about to be shown.

    The browser keeps the value of every field that stays where it is. So after a project was left, the page is drawn
    empty once, which makes the browser forget its fields, and then for the new project.
    """
    tabs = state().tabs
    if tabs is None:
        return False
    if not st.context.headers:
        # No browser, so nobody who would keep anything or ask for the next drawing.
        _restore_tabs(tabs)
        return False

    drawings: list[bool] = []

    @st.fragment(run_every=_MOMENT)
    def turn() -> None:
        # Drawn once with the page; asked for again by the browser when it has emptied it.
        if drawings and state().tabs is not None:
            _restore_tabs(tabs)
            st.rerun()
        drawings.append(True)

    turn()
    return True


def _restore_tabs(tabs: dict[str, str]) -> None:
    state().tabs = None
    for name, tab in tabs.items():
        st.session_state[name] = tab


def drop_from_address(is_dropped: Callable[[str], bool]) -> None:
    """Take parameters out of the address, by their names.

    `st.query_params` refuses what is bound to a field, though that field is about to go.
    """
    context = get_script_run_ctx()
    if context is None:
        return
    # Streamlit's own object below `st.query_params`, which does not look at what is bound.
    with context.session_state.query_params() as address:
        for name in [name for name in address if is_dropped(name)]:
            address.remove_param(name)
        # Bound fields that are drawn later are filled from the initial parameters; those of the former project must
        # be gone there too.
        address.set_initial_query_params_from_current()
