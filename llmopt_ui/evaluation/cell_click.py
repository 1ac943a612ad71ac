"""Clicks on the cells of a heat map, of which Streamlit itself tells nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from llmopt_ui.own_component import own_component

_JS = Path(__file__).with_suffix(".js")


def hear_cells(place: str, take: Callable[[int, int], None]) -> None:
    """Call `take` with the row and the column of a cell that is clicked, before the page is drawn again.

    Args:
        place: Key of the container that holds the map.
        take: What is done; its row and column count from 0.
    """
    key = f"{place}_clicks"

    def clicked() -> None:
        cell = getattr(st.session_state.get(key), "cell", None)
        if isinstance(cell, list | tuple) and len(cell) == 2 and all(isinstance(part, int) for part in cell):
            take(*cell)

    own_component(_JS, isolated=True)(key=key, data={"place": place}, on_cell_change=clicked, height=0)
