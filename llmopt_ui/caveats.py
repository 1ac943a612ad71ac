"""What must be said beside scores: trained on these questions, or made over other documents."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from llmopt_core.experiments.caveats import RunCaveats, caveats
from llmopt_core.experiments.training_overlap import TrainingOverlap
from llmopt_ui import format as fmt


def caveats_view(runs: Sequence[RunCaveats]) -> None:
    """A red sentence for each run that was trained on its questions, a quiet one for the rest."""
    for caveat in caveats(runs):
        if caveat.severe:
            st.markdown(red(caveat.text))
        else:
            st.caption(f":material/info: {fmt.markdown(caveat.text)}")


def red(text: str) -> str:
    """A sentence in red Markdown; what users typed is not read as Markdown."""
    return f":red[:material/warning: {fmt.markdown(text)}]"


def overlap_sentences(overlap: TrainingOverlap) -> None:
    """The same of one run alone, without its name."""
    if overlap.warning:
        st.markdown(red(overlap.warning))
    if overlap.note:
        st.caption(f":material/info: {fmt.markdown(overlap.note)}")
