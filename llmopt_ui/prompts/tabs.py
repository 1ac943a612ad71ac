"""The tabs of the prompt lab. A tab is one line in `TABS`; its module is loaded when it is opened."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from llmopt_core.runs.values import Project

VIEW = "prompts_view"
TABS = {
    "Editor": "llmopt_ui.prompts.editor:editor_view",
    "Few-shot": "llmopt_ui.prompts.few_shot:few_shot_view",
    "Side by side": "llmopt_ui.prompts.side_by_side:side_view",
    "Blind vote": "llmopt_ui.prompts.vote:vote_view",
    "Instruction search": "llmopt_ui.prompts.instruction:instruction_view",
}
"""Title -> `module:function`; the function is given the project."""

_STYLE = Path(__file__).with_name("style.css")

# Streamlit hands over a text area when it loses focus or at Ctrl+Enter. Half a second after the last key, and when the
# page is left, this presses Ctrl+Enter, so that a closed tab loses nothing that was typed.
_HAND_OVER = """
export default function () {
  let timer = 0, typed = null;
  const hand = () => {
    clearTimeout(timer);
    if (!typed) return;
    const press = { key: "Enter", code: "Enter", keyCode: 13, ctrlKey: true, bubbles: true, cancelable: true };
    typed.dispatchEvent(new KeyboardEvent("keydown", press));
    typed = null;
  };
  const heard = (event) => {
    if (!(event.target instanceof HTMLTextAreaElement) || !event.target.closest(".stTextArea")) return;
    clearTimeout(timer);
    typed = event.target;
    if (!event.isComposing) timer = setTimeout(hand, 500);
  };
  document.addEventListener("input", heard, true);
  document.addEventListener("compositionend", heard, true);
  document.addEventListener("visibilitychange", hand);
  window.addEventListener("pagehide", hand);
  return () => {
    hand();
    document.removeEventListener("input", heard, true);
    document.removeEventListener("compositionend", heard, true);
    document.removeEventListener("visibilitychange", hand);
    window.removeEventListener("pagehide", hand);
  };
}
"""


def prompt_frame() -> None:
    """What every tab needs: the style of answers, and text areas that hand over what is typed."""
    st.html(_STYLE)
    _component()(key="prompt_hand_over", height=0)


def view_of(tab: str) -> Callable[[Project], None]:
    """The function that draws a tab."""
    module, _, function = TABS[tab].partition(":")
    view: Callable[[Project], None] = getattr(importlib.import_module(module), function)
    return view


@st.cache_resource(show_spinner=False)
def _component() -> Callable[..., object]:
    return st.components.v2.component("llmopt.hand_over", js=_HAND_OVER)
