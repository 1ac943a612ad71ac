"""What is chosen in a select box is read whole, however narrow the box is."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_JS = Path(__file__).with_suffix(".js")


def show_whole_choices() -> None:
    """Let closed select boxes grow to as many lines as what is chosen takes."""
    st.html(f'<script type="text/javascript">{_JS.read_text(encoding="utf-8")}</script>', unsafe_allow_javascript=True)
