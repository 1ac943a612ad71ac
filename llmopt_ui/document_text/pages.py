"""The pages of a long text: the control that turns them, and turning to one from elsewhere."""

from __future__ import annotations

import streamlit as st

from llmopt_ui.session import state


def page_number(key: str, length: int, window: int) -> int:
    """The page, from 1, that is turned to; draws the control where there is more than one.

    Args:
        key: Of this text.
        length: Its characters.
        window: Characters of a page.
    """
    pages = max(1, -(-length // window))
    number, turns = state().page_turns.get(key, (1, 0))
    if pages == 1:
        return 1
    # The count of turns makes a new control: its value cannot be set once it is drawn. The text may have become
    # shorter, too.
    return min(pages, st.pagination(pages, default=min(number, pages), key=f"{key}_{turns}"))


def turn_to(key: str, offset: int, window: int) -> None:
    """Show the page that holds a character when the text is drawn the next time."""
    _, turns = state().page_turns.get(key, (1, 0))
    state().page_turns[key] = (max(0, offset) // window + 1, turns + 1)
