"""Pickers whose choice stands in the address, and that can be told what to show at the next rerun."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from llmopt_ui.session import state


def open_next(picker: str, name: str) -> None:
    """Let a picker show this name at the next rerun."""
    state().picker_requests[picker] = name


def apply_request(picker: str, options: Sequence[str]) -> None:
    """Let a picker show what `open_next` asked for; forget a choice that is gone. Called before the picker is drawn."""
    request = state().picker_requests.pop(picker, "")
    if request in options:
        st.session_state[picker] = request
    # A value that is not among its options makes Streamlit raise an error, as after something was deleted.
    elif st.session_state.get(picker) not in (None, *options):
        del st.session_state[picker]


def address_arguments(name: str, options: Sequence[str], default: str) -> dict[str, Any]:
    """Arguments of a widget whose choice stands in the address by itself, not by how it is shown there.

    Streamlit's own binding writes labels into the address, and those of such widgets change.
    """
    key = f"{name}_choice"
    request = state().picker_requests.pop(name, "")
    if request in options:
        st.query_params[name] = st.session_state[key] = request
    elif st.session_state.get(key) not in options:
        # Links are old or typed by hand: what they name may not be there any more.
        value = st.query_params.get(name, default)
        st.session_state[key] = value if value in options else default
    return {"key": key, "on_change": _into_address, "args": (name, key, default)}


def warn_missing(name: str, options: Sequence[str], what: str) -> None:
    """Say that what the address names is not in this project, such as a comparison that was deleted."""
    value = st.query_params.get(name, "")
    if value and value not in options:
        st.warning(f"The {what} that this link names is not in this project.", icon=":material/link_off:")


def pick_name(picker: str, names: list[str], label: str, **options: Any) -> str:
    """A picker of names that stands in the address, and goes where `open_next` sent it."""
    apply_request(picker, names)
    return str(st.selectbox(label, names, key=picker, bind="query-params", **options))


def _into_address(name: str, key: str, default: str) -> None:
    choice = st.session_state[key]
    # The default leaves the address short, and a link without it shows the default again.
    if choice in (None, default):
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = choice
