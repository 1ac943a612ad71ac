"""The menu is folded in a narrow window, where Streamlit itself folds it only below 769 pixels."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_JS = Path(__file__).with_suffix(".js")


def fold_menu_where_narrow() -> None:
    """Fold the menu while the window is narrow; who opens it has it until a page was chosen."""
    st.html(f'<script type="text/javascript">{_JS.read_text(encoding="utf-8")}</script>', unsafe_allow_javascript=True)
