"""The tabs of the prompt lab. A tab is one line in `TABS`; its module is loaded when it is opened."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from llmopt_ui.hand_over import hand_over_typing

VIEW = "prompts_view"
TABS = {
    "Editor": "llmopt_ui.prompts.editor:editor_view",
    "Few-shot": "llmopt_ui.prompts.few_shot:few_shot_view",
    "Side by side": "llmopt_ui.prompts.side_by_side:side_by_side_view",
    "Blind vote": "llmopt_ui.prompts.vote:vote_view",
    "Instruction search": "llmopt_ui.prompts.instruction:instruction_view",
}
"""Title -> `module:function`; the function is given the project."""

_STYLE = Path(__file__).with_name("style.css")


def prompt_frame() -> None:
    """What every tab needs: the style of answers, and text areas that hand over what is typed."""
    st.html(_STYLE)
    hand_over_typing("prompt_hand_over")
