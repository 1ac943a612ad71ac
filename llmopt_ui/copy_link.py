"""A button that copies a link to what is on the page, so that it shows the same in another browser."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlencode

import streamlit as st

from llmopt_core.runs.values import Project
from llmopt_ui.components import to_tab
from llmopt_ui.session import PROJECT

_JS = Path(__file__).with_name("copy_link.js")
_CSS = Path(__file__).with_name("copy_link.css")
_HTML = Path(__file__).with_name("copy_link.html")


def copy_link(project: Project, tab: str, pins: Mapping[str, str], key: str, what: str) -> None:
    """Draw the button.

    Args:
        project: Whose page it is.
        tab: The open tab.
        pins: Further parameters of the address: everything else that decides what is shown.
        key: The button's.
        what: What the link shows, in its help.
    """
    query = urlencode({PROJECT: project.name, **to_tab(tab), **pins})
    _component()(data={"query": query, "what": what}, key=key, width="content", height="content")


@st.cache_resource(show_spinner=False)
def _component() -> Callable[..., object]:
    return st.components.v2.component(
        "llmopt.copy_link", html=_HTML.read_text(), css=_CSS.read_text(), js=_JS.read_text()
    )
