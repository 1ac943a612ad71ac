"""The tabs of a page. What a tab draws is loaded when it is opened."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping

import streamlit as st

from llmopt_ui.components import show_errors

View = str | Callable[..., None]
"""What draws a tab: a function, or where it is, as `module:function`."""


def show_tabs(key: str, views: Mapping[str, View], *args: object) -> None:
    """Draw the tab that is open; an error of it is shown in it.

    Args:
        key: Of the tabs, also their name in the address.
        views: Title -> what draws it, from left to right.
        args: What each view is given.
    """
    for view, tab in zip(
        views.values(), st.tabs(list(views), key=key, on_change="rerun", bind="query-params"), strict=True
    ):
        # Streamlit runs the body of every tab otherwise, also of those that nobody looks at.
        if tab.open:
            # Inside the tab, so that the others can still be opened when one cannot be drawn.
            with tab, show_errors():
                (load_view(view) if isinstance(view, str) else view)(*args)


def load_view(place: str) -> Callable[..., None]:
    """The function at `module:function`."""
    module, _, function = place.partition(":")
    view: Callable[..., None] = getattr(importlib.import_module(module), function)
    return view
