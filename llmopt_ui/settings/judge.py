"""How far the built-in judge agrees with people, in Settings."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from llmopt_core.evaluation.judge_agreement import AGREEMENT, BLIND, JUDGE, SUMMARY, JudgeAgreement
from llmopt_core.evaluation.judges.families import FAMILIES, Family
from llmopt_core.evaluation.metrics.registry import METRICS
from llmopt_core.reporting.glossary import explain_terms
from llmopt_core.statistics.intervals import Summary
from llmopt_ui.chart_view import show_chart
from llmopt_ui.charts import whiskers
from llmopt_ui.components import section
from llmopt_ui.tables import show_table
from llmopt_ui.theme import NEUTRAL, apply_theme

_BLUE = "#0072B2"
_RULE_MADE = "wrong ones made by rule"
_LANGUAGES = {"en": "English", "zh": "Chinese"}


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
    alt = "AUC of the built-in judge per metric and data set"
    show_chart(agreement_chart(AGREEMENT), "judge_agreement", alt, plain=True)
    rows = [
        {
            "Metric": METRICS[row.metric].title,
            "Data": row.data + (", made" if row.is_artificial else ""),
            "What is judged": row.question,
            "AUC": f"{row.auc:.2f} ({row.low:.2f} to {row.high:.2f})",
            "Accuracy": f"{row.accuracy:.2f}",
            "Kappa": f"{row.kappa:.2f}",
            "Items": f"{row.items:,}",
        }
        for row in AGREEMENT
    ]
    with st.expander("As a table"):
        show_table(rows, "Agreement of the built-in judge with people")
        st.caption(
            explain_terms("auc")
            + " Kappa is agreement beyond chance; 0 is chance. In brackets the 95 % interval, documents drawn anew."
        )
    section("What it catches, and what it rejects wrongly")
    st.markdown(BLIND)
    alt = "Share of wrong statements caught and of right ones rejected, per family"
    show_chart(families_chart(FAMILIES), "judge_families", alt, plain=True)
    with st.expander("As a table"):
        st.table(
            [
                {
                    "Statements": family.name,
                    "Language": _LANGUAGES[family.language],
                    "": "right, rejected" if family.right else "wrong, caught",
                    "Share": f"{family.share:.0%} ({family.low:.0%} to {family.high:.0%})",
                    "Cases": f"{family.rejections} of {family.cases}",
                    "Documents": str(family.documents),
                }
                for family in FAMILIES
            ],
            border="horizontal",
            hide_index=True,
            alt="Families of statements that the built-in judge accepts or rejects",
        )
        st.caption(
            "Statements written for this test, on documents that nothing was fitted or chosen on; in brackets the "
            "95 % interval, with documents drawn anew."
        )
    st.caption(
        f"{JUDGE}. docs/judge.md tells how to read this, and how to measure the judge on labelled answers of your own.",
        help="Measured by python benchmarks/judge.py and python benchmarks/judge_families.py.",
    )


def agreement_chart(rows: Sequence[JudgeAgreement]) -> go.Figure:
    """How well the judge ranks right above wrong: a dot per metric and data set."""
    figure = go.Figure()
    for by_rule, symbol, name in ((False, "circle", "labelled by people"), (True, "circle-open", _RULE_MADE)):
        # Two traces, so that the legend tells them apart: mistakes made by rule are easier to catch than those of
        # people.
        group = [row for row in rows if row.is_artificial == by_rule]
        figure.add_scatter(
            x=[row.auc for row in group],
            y=[_place(row) for row in group],
            mode="markers",
            name=name,
            marker={"symbol": symbol, "size": 11, "color": _BLUE, "line": {"width": 2, "color": _BLUE}},
            error_x=whiskers([Summary(row.auc, row.low, row.high, row.items, row.items) for row in group], _BLUE),
            customdata=[[row.items, row.accuracy, row.low, row.high] for row in group],
            hovertemplate="%{y}<br>AUC %{x:.2f} (%{customdata[2]:.2f} to %{customdata[3]:.2f}), "
            "accuracy %{customdata[1]:.2f}, %{customdata[0]} items<extra></extra>",
        )
    # Where guessing stands.
    figure.add_vline(0.5, line={"dash": "dash", "color": NEUTRAL})
    return apply_theme(
        figure,
        height=100 + 38 * len(rows),
        # From chance up: below it there is nothing to show, and a little room for marks at both ends.
        xaxis={"title": "AUC (0.5 is guessing, 1 is perfect)", "range": [0.47, 1.03]},
        yaxis={
            "autorange": "reversed",
            "categoryorder": "array",
            "categoryarray": [_place(row) for row in rows],
        },
    )


def families_chart(rows: Sequence[Family]) -> go.Figure:
    """Per family the share that the judge rejects: high is good for wrong statements, low for right ones."""
    figure = go.Figure()
    for right, name, colour in ((False, "wrong, caught", _BLUE), (True, "right, rejected", "#D55E00")):
        group = [row for row in rows if row.right == right]
        figure.add_scatter(
            x=[row.share for row in group],
            # Two lists make Plotly group the rows by the first.
            y=[[_LANGUAGES[row.language] for row in group], [row.name for row in group]],
            mode="markers",
            name=name,
            marker={"symbol": "diamond-open" if right else "circle", "size": 11, "color": colour, "line": {"width": 2}},
            error_x=whiskers([Summary(row.share, row.low, row.high, row.cases, row.cases) for row in group], colour),
            customdata=[[row.rejections, row.cases] for row in group],
            hovertemplate=f"%{{y}}<br>{name}: %{{customdata[0]}} of %{{customdata[1]}} (%{{x:.0%}})<extra></extra>",
        )
    return apply_theme(
        figure,
        height=640,
        xaxis={"title": "Share of statements that the judge rejects", "range": [-0.03, 1.03], "tickformat": ".0%"},
        yaxis={"autorange": "reversed"},
    )


def _place(row: JudgeAgreement) -> str:
    """What was measured, in two lines that a narrow window has room for."""
    return f"<b>{METRICS[row.metric].title}</b>, {row.data}<br>{row.question}"
