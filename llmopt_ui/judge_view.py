"""How far the built-in judge agrees with people, in Settings."""

from __future__ import annotations

import streamlit as st

from llmopt_core.evaluation.judge_agreement import AGREEMENT, JUDGE, SUMMARY
from llmopt_core.evaluation.metrics import METRICS
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
    st.markdown(SUMMARY)
    st.dataframe(
        [
            {
                "Metric": METRICS[row.metric].title,
                "Data": row.data + (", wrong ones made by rule" if row.made else ""),
                "What is judged": row.question,
                "Items": row.items,
                "AUC": row.auc,
                "Accuracy": row.accuracy,
                "Kappa": row.kappa,
            }
            for row in AGREEMENT
        ],
        hide_index=True,
        width="stretch",
        height="content",
        column_config={
            "AUC": st.column_config.NumberColumn(
                format="%.2f", help="Chance that a right item scores above a wrong one; 0.5 is guessing."
            ),
            "Accuracy": st.column_config.NumberColumn(format="%.2f"),
            "Kappa": st.column_config.NumberColumn(format="%.2f", help="Agreement beyond chance; 0 is chance."),
        },
    )
    st.caption(
        f"{JUDGE}, measured by python benchmarks/judge.py; docs/judge.md says how to read it. Measure it on labelled "
        "answers of your own with the same command."
    )
