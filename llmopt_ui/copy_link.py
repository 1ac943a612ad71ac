"""A button that copies a link to what is on the page, so that it shows the same in another browser."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

from llmopt_core.runs.values import Project
from llmopt_ui.components import to_tab
from llmopt_ui.own_component import own_component
from llmopt_ui.session import PROJECT

_JS = Path(__file__).with_name("copy_link.js")


def copy_link(project: Project, tab: str, pins: Mapping[str, str], key: str, what: str) -> None:
    """Draw the button.

    Args:
        project: Whose page it is.
        tab: The open tab.
        pins: Further parameters of the address: everything else that decides what is shown.
        key: The button's.
        what: What the link shows, in its help.
    """
    # The script puts its own host before it: behind a proxy the server does not know by which address it is reached.
    query = urlencode({PROJECT: project.name, **to_tab(tab), **pins})
    component = own_component(_JS, _JS.with_suffix(".html").read_text(encoding="utf-8"), isolated=True)
    component(data={"query": query, "what": what}, key=key, width="content", height="content")
