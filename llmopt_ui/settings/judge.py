"""How far the built-in judge agrees with people, in Settings."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from llmopt_core.evaluation.judge_agreement import AGREEMENT, JUDGE, SUMMARY, Measured
from llmopt_core.evaluation.metrics import METRICS
from llmopt_ui.charts import CONFIG
from llmopt_ui.components import section
from llmopt_ui.theme import NEUTRAL, themed

_MADE = "wrong ones made by rule"


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
    st.plotly_chart(
        agreement_chart(AGREEMENT),
        config={**CONFIG, "displayModeBar": False},
        key="judge_agreement",
        alt="AUC of the built-in judge per metric and data set",
    )
    rows = [
        {
            "Metric": METRICS[row.metric].title,
            "Data": row.data,
            "What is judged": row.question + (f" ({_MADE})" if row.made else ""),
            "AUC": f"{row.auc:.2f}",
            "Accuracy": f"{row.accuracy:.2f}",
            "Kappa": f"{row.kappa:.2f}",
            "Items": f"{row.items:,}",
        }
        for row in AGREEMENT
    ]
    st.table(rows, border="horizontal", hide_index=True, alt="Agreement of the built-in judge with people")
    st.caption("Kappa is agreement beyond chance; 0 is chance.")
    st.caption(
        f"{JUDGE}, measured by python benchmarks/judge.py; docs/judge.md says how to read it. Measure it on labelled "
        "answers of your own with the same command."
    )


def agreement_chart(rows: Sequence[Measured]) -> go.Figure:
    """How well the judge ranks right above wrong: a dot per metric and data set."""
    figure = go.Figure()
    for made, symbol, name in ((False, "circle", "labelled by people"), (True, "circle-open", _MADE)):
        shown = [row for row in rows if row.made == made]
        figure.add_scatter(
            x=[row.auc for row in shown],
            y=[[METRICS[row.metric].title for row in shown], [_place(row) for row in shown]],
            mode="markers",
            name=name,
            marker={"symbol": symbol, "size": 11, "color": "#0072B2", "line": {"width": 2, "color": "#0072B2"}},
            customdata=[[row.items, row.accuracy] for row in shown],
            hovertemplate="%{y}<br>AUC %{x:.2f}, accuracy %{customdata[1]:.2f}, %{customdata[0]} items<extra></extra>",
        )
    figure.add_vline(0.5, line={"dash": "dash", "color": NEUTRAL}, annotation_text="guessing")
    figure.update_layout(
        height=440,
        margin={"t": 40, "l": 10},
        xaxis={"title": "AUC (0.5 is guessing, 1 is perfect)", "range": [0.47, 1.03]},
        yaxis={"automargin": True, "autorange": "reversed"},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 1, "xanchor": "right"},
    )
    return themed(figure)


def _place(row: Measured) -> str:
    return f"{row.data}: {row.question}"
