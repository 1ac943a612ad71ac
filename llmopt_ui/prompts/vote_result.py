"""What a blind vote comes to: win rates with intervals, and the votes as files."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from llmopt_core.experiments.comparison import Comparison
from llmopt_core.experiments.votes import PairResult, rate_words, tally, tally_words
from llmopt_core.finetuning.data.examples import TrainingSet
from llmopt_core.labs.prompts.grid import Grid
from llmopt_core.labs.prompts.votes import preference_pairs, votes_csv
from llmopt_core.reporting.glossary import explain_terms
from llmopt_core.runs.store_labs import Vote
from llmopt_ui import format as fmt
from llmopt_ui.chart_view import show_chart
from llmopt_ui.components import downloads, section
from llmopt_ui.tables import data_table
from llmopt_ui.theme import NEUTRAL, apply_theme, figure_text, verdict

_PROMPT_OF_PREFERENCE = ""
_WIDTHS = {name: st.column_config.Column(width=width) for name, width in {
    "Pair": 165, "Won, lost, tied": 95, "Win rate (95 %)": 115, "p": 80, "The first is": 150
}.items()}  # fmt: skip


def vote_result(comparison: Comparison, grid: Grid, votes: Sequence[Vote]) -> None:
    """The picture, the table, who voted, and the files."""
    result = tally(grid.names, votes)
    section("What the votes say", "An example counts once per pair, for whichever answer more of its voters preferred.")
    if not any(pair.rate.scored for pair in result.pairs):
        st.caption("No vote prefers an answer yet.")
        return
    show_chart(win_rates(result.pairs), f"vote_rates_{comparison.id}", "Share of votes won by each of the two")
    data_table(_table(result.pairs), column_config=_WIDTHS,
                 alt="Wins, losses and ties of each pair of variants")  # fmt: skip
    st.caption(fmt.markdown(tally_words(result)), help=explain_terms("p", "together"))
    _files(comparison, grid, votes)


def win_rates(pairs: Sequence[PairResult]) -> go.Figure:
    """A dot with its 95 % interval per pair; the line in the middle is where neither wins more often."""
    # Backwards, as Plotly draws from the bottom up; pairs without a decision have no rate.
    visible = [pair for pair in pairs if pair.rate.share is not None][::-1]
    titles = [
        f"{figure_text(fmt.shorten(p.first, 32))} against {figure_text(fmt.shorten(p.second, 32))}" for p in visible
    ]
    share = [100 * (p.rate.share or 0.0) for p in visible]
    ends = {
        "array": [100 * (p.rate.high or 0.0) - s for p, s in zip(visible, share, strict=True)],
        "arrayminus": [s - 100 * (p.rate.low or 0.0) for p, s in zip(visible, share, strict=True)],
    }
    figure = go.Figure(
        go.Scatter(
            x=share,
            y=titles,
            mode="markers+text",
            text=[f"{value:.0f} %" for value in share],
            textposition="top center",
            marker={"size": 14, "color": [verdict(p.verdict).colour for p in visible]},
            error_x={"type": "data", "symmetric": False, "thickness": 2, "width": 6, "color": NEUTRAL, **ends},
            customdata=[[p.wins, p.losses, p.ties, _between(p), fmt.p_value(p.p_value)] for p in visible],
            hovertemplate="<b>%{y}</b><br>won %{customdata[0]}, lost %{customdata[1]}, tied %{customdata[2]}<br>"
            "win rate %{x:.0f} % (95 % interval %{customdata[3]})<br>p %{customdata[4]}<extra></extra>",
        )
    )
    figure.add_vline(50, line={"dash": "dash", "color": NEUTRAL})
    return apply_theme(
        figure,
        height=130 + 56 * len(visible),
        margin={"t": 24},
        # A little beyond 0 and 100 on both sides, for marks and figures at the ends.
        xaxis={"title": "Questions won by the first, of those decided (%)", "range": [-7, 107], "dtick": 25},
        yaxis={"range": [-0.6, len(visible) - 0.3]},
        showlegend=False,
    )


def _table(pairs: Sequence[PairResult]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Pair": [f"{p.first} against {p.second}" for p in pairs],
            "Won, lost, tied": [f"{p.wins}, {p.losses}, {p.ties}" for p in pairs],
            "Win rate (95 %)": [rate_words(p) for p in pairs],
            "p": [fmt.p_value(p.p_value) for p in pairs],
            "The first is": [verdict(p.verdict).text for p in pairs],
        }
    )


def _between(pair: PairResult) -> str:
    low, high = pair.rate.low, pair.rate.high
    return fmt.DASH if low is None or high is None else f"{100 * low:.0f} to {100 * high:.0f} %"


def _files(comparison: Comparison, grid: Grid, votes: Sequence[Vote]) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        prompt_name = st.selectbox(
            "Input of the preference pairs", [_PROMPT_OF_PREFERENCE, *grid.names],
            key=f"vote_asked_{comparison.id}", width=340,
            format_func=lambda name: f"As {name} asked" if name else "As the preferred answer was asked",
            help="A model is fine-tuned on pairs of answers to one input. Choose the prompt it will be asked with.",
        )  # fmt: skip
        pairs = preference_pairs(grid, votes, prompt_name or "")
        stem = fmt.file_stem(f"votes-{comparison.project}-{comparison.id}")
        label = f"{fmt.plural(len(pairs), 'preference pair')} to train on (JSONL)"
        downloads(
            # With the count: Streamlit would keep the content that a button was first drawn with.
            f"vote_files_{comparison.id}_{len(votes)}",
            (label, TrainingSet(stem, tuple(pairs)).to_jsonl(), f"{stem}-dpo.jsonl"),
            ("Votes (CSV)", votes_csv(votes), f"{stem}.csv"),
        )
