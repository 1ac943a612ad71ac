"""How far the built-in judge agrees with people, in Settings."""

from __future__ import annotations

import streamlit as st

from llmopt_ui.components import section


def judge_view() -> None:
    """What the judge measures, and its agreement with human labels."""
    section("The built-in judge")
    st.markdown(
        "It runs Ragas' own metrics with fixed rules in place of a language model, so the same answer always gets the "
        "same score. It measures **grounding**: does the retrieved text say this? An answer copied from the wrong "
        "place of the right text looks grounded to it. For correctness, compare Answer F1, or let a strong model judge."
    )
    section("How far it agrees with people")
    st.markdown(
        "Agreement with human labels is measured per metric (AUC, accuracy, kappa). To measure it on labelled answers "
        "of your own, run:"
    )
    st.code("python benchmarks/judge.py DATA", language="bash")
