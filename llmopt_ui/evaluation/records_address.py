"""Records in the address: what the tab Records shows, and how a mark of a picture leads there."""

from __future__ import annotations

from typing import Any

import streamlit as st

from llmopt_ui.evaluation.comparison import EXAMPLE
from llmopt_ui.session import state

OF, BY, BAND, CATEGORY = "records_of", "records_by", "records_band", "records_category"
ANY = "all"
"""Chosen where nothing narrows the records down; in no address."""


def open_records(configuration: str, metric: str, band: str = ANY, category: str | None = None) -> None:
    """Show these records at the next rerun.

    Args:
        configuration: Whose, by the name it is shown under.
        metric: By which score.
        band: Only those whose score lies in this band.
        category: Only those of this category; None for all.
    """
    values = {OF: configuration, BY: metric, BAND: band, CATEGORY: category_value(category)}
    for name, value in values.items():
        # The pickers hold what was chosen last; without it they take what the address says.
        st.session_state.pop(f"{name}_choice", None)
        if value != ANY:
            st.query_params[name] = value
        else:
            st.query_params.pop(name, None)
    st.query_params.pop(EXAMPLE, None)
    state().go_to_tab = "Records"


def category_value(category: str | None) -> str:
    """A category as the address holds it, where the questions without one are told from all."""
    return ANY if category is None else f"={category}"


def clicked_point(key: str) -> dict[str, Any]:
    """The mark of a picture that was clicked last; empty where none is."""
    event: Any = st.session_state.get(key)
    points = event.selection.points if event else []
    return dict(points[0]) if points else {}


def clicked_names(key: str, least: int) -> list[str]:
    """What the mark carries, where it carries at least so much."""
    data = clicked_point(key).get("customdata")
    return list(map(str, data)) if isinstance(data, list | tuple) and len(data) >= least else []
