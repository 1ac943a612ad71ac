"""A thumb and a comment below a row of the grid."""

from __future__ import annotations

import streamlit as st

from llmopt_core.experiments.comparison import Comparison
from llmopt_core.labs.prompts.row_notes import RowNote, Thumb, save_note
from llmopt_ui.resources import store
from llmopt_ui.session import report_problem

_THUMBS: dict[int | None, Thumb] = {None: "", 0: "down", 1: "up"}


def row_note(comparison: Comparison, example_id: str, note: RowNote) -> None:
    """The fields, which keep what they are given at once."""
    thumb, comment = f"row_thumb_{comparison.id}_{example_id}", f"row_comment_{comparison.id}_{example_id}"
    places = {word: place for place, word in _THUMBS.items()}
    # Only at the first drawing: what is clicked or typed since must not be set back.
    st.session_state.setdefault(thumb, places[note.thumb])
    st.session_state.setdefault(comment, note.comment)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.feedback(
            "thumbs", key=thumb, on_change=_save, args=(comparison, example_id, thumb, comment), width="content"
        )
        st.text_input("Comment on this row", key=comment, placeholder="Comment", label_visibility="collapsed",
                      max_chars=2000, on_change=_save, args=(comparison, example_id, thumb, comment))  # fmt: skip


def _save(comparison: Comparison, example_id: str, thumb: str, comment: str) -> None:
    note = RowNote(_THUMBS[st.session_state.get(thumb)], (st.session_state.get(comment) or "").strip())
    with report_problem():
        save_note(store(), comparison, example_id, note)
