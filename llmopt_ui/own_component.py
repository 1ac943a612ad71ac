"""Parts of a page that are drawn by scripts of our own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st


# Registered once for the process: Streamlit keeps components by name, and this is asked for at each drawing.
@st.cache_resource(show_spinner=False)
def own_component(script: Path, html: str = "", *, isolated: bool = False) -> Callable[..., Any]:
    """The component of a script, with the style of the same name beside it where there is one.

    Args:
        script: The JavaScript file, by whose name it is known.
        html: What it draws into.
        isolated: Whether styles of the page do not reach into it.
    """
    style = script.with_suffix(".css")
    return st.components.v2.component(
        f"llmopt.{script.stem}",
        html=html or None,
        css=style.read_text(encoding="utf-8") if style.is_file() else None,
        js=script.read_text(encoding="utf-8"),
        isolate_styles=isolated,
    )
