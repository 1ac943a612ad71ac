"""What a sweep found: the advice, the pictures, the table, two settings compared."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from llmopt_core.experiments.setting_choices import choice_note
from llmopt_core.labs.chunking.export import questions_csv, sweep_csv, sweep_values
from llmopt_core.labs.chunking.result import (
    EXPLANATIONS,
    TITLES,
    TOKENS,
    SweepResult,
    by_recall,
    language_warning,
    pareto,
)
from llmopt_core.labs.chunking.spec import chunking_name
from llmopt_core.labs.chunking.tables import MARGIN, Advice, advice
from llmopt_core.runs.values import Project
from llmopt_core.types import EvaluationSet
from llmopt_ui import format as fmt
from llmopt_ui.chart_view import show_chart
from llmopt_ui.chunking.sweep.charts import (
    MEASURES,
    format_interval,
    format_metric,
    heat_map,
    method_colour,
    pareto_chart,
    size_lines,
)
from llmopt_ui.chunking.sweep.compare import compare_view
from llmopt_ui.chunking.sweep.misses import misses_view
from llmopt_ui.chunking.sweep.save import save_view
from llmopt_ui.components import downloads, plain_fragment, section
from llmopt_ui.tables import show_table

METRIC, TOP = "sweep_metric", "sweep_top"
PAGE = "sweep_page"
# Rows of a page: a sweep may have hundreds of settings, whose cells are Markdown that the browser has to read.
_ROWS = 10


def results_view(project: Project, result: SweepResult, key: str, evaluation_set: EvaluationSet) -> None:
    """Everything about one sweep. `key` is what it is kept under."""
    advice = _advice(key, result)
    _headline(result, advice)
    _pictures(result, advice)
    _size_charts(result)
    _table(result)
    stem = fmt.file_stem(f"sweep-{result.set_name}")
    best = "Questions of the best setting (CSV)"
    downloads(
        "sweep_download",
        ("Settings (CSV)", lambda: sweep_csv(result), f"{stem}.csv"),
        ("Settings (JSON)", lambda: _json(result), f"{stem}.json"),
        (best, lambda: questions_csv(result, advice.best, evaluation_set), f"{stem}-questions.csv"),
    )
    if len(result.settings) > 1:
        compare_view(result, advice)
    misses_view(project, result, advice, evaluation_set)
    save_view(project, result, advice)


@st.cache_resource(max_entries=16, show_spinner="Comparing …")
def _advice(key: str, _result: SweepResult) -> Advice:
    return advice(_result)


def _json(result: SweepResult) -> str:
    return json.dumps(sweep_values(result), ensure_ascii=False, indent=1)


def _headline(result: SweepResult, advice: Advice) -> None:
    best, frugal = result.settings[advice.best], result.settings[advice.frugal]
    recall = best.summaries["recall"]
    # Too few questions have no interval.
    interval = "" if recall.low is None else f" ({format_interval('recall', recall)})"
    lines = [
        f"Highest recall: {_setting_name(result, advice.best)} finds **{format_metric('recall', recall.mean)}**"
        f"{interval} of the sources' characters, for {format_metric(TOKENS, best.summaries[TOKENS].mean)} context "
        "tokens per question."
    ]
    # Where the best is the cheapest as well there is nothing to choose.
    if advice.frugal != advice.best:
        # Where nothing was found there are no tokens; 1 spares a division by nothing.
        saving = 1 - (frugal.summaries[TOKENS].mean or 0.0) / (best.summaries[TOKENS].mean or 1.0)
        lines.append(
            f"Cheapest that loses less than {MARGIN} recall against it: {_setting_name(result, advice.frugal)} finds "
            f"**{format_metric('recall', frugal.summaries['recall'].mean)}** with **{saving:.0%} fewer** tokens "
            f"({format_metric(TOKENS, frugal.summaries[TOKENS].mean)})."
        )
    with st.container(border=True):
        for line in lines:
            st.markdown(line)
        if warning := language_warning(result):
            st.markdown(f":orange[:material/translate:] {fmt.markdown(warning)}")
        st.caption(fmt.markdown(_summary_line(result)))
        st.caption(fmt.markdown(choice_note(result.set_name)))


def _summary_line(result: SweepResult) -> str:
    recall = result.settings[0].summaries["recall"]
    words = (
        f"{fmt.plural(len(result.settings), 'setting')}, {fmt.plural(len(result.documents), 'document')}, "
        f"{recall.scored:,} of {fmt.plural(recall.total, 'question')} scored, searched by {result.searcher}"
    )
    embedding_note = f", {fmt.plural(result.embedded, 'distinct text')} embedded" if result.embedded else ""
    omissions = f" Left out: {', '.join(item.name for item in result.skipped)}." if result.skipped else ""
    return f"{words}{embedding_note}, {fmt.duration(result.seconds)}.{omissions}"


def _setting_name(result: SweepResult, position: int) -> str:
    return f"{_dot(result, position)}\u00a0**{fmt.markdown(result.names[position])}**"


def _dot(result: SweepResult, position: int) -> str:
    """A dot in the colour of the setting's method."""
    colour = method_colour(result.cutting(result.settings[position]).chunking.method)
    return f':color[●]{{foreground="{colour}"}}'


def _pictures(result: SweepResult, advice: Advice) -> None:
    section(
        "Recall against what it costs", "Every point is a setting; the shape tells how many chunks are handed over."
    )
    figure = pareto_chart(result, (advice.best, advice.frugal))
    show_chart(
        figure,
        "sweep_pareto",
        "Recall over context tokens per question, one point per setting, with a line over the best for their cost",
    )
    st.caption(
        "On the dotted line, more recall costs more tokens; every setting below it is beaten by one that finds as much "
        f"for less.{_shape_legend(result)}"
    )


@plain_fragment
def _size_charts(result: SweepResult) -> None:
    section("Over chunk size")
    tops = sorted({setting.top_k for setting in result.settings})
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        metric = st.selectbox(
            "Measure", MEASURES, key=METRIC, format_func=TITLES.__getitem__, bind="query-params", width=220
        )
        # The middle of them at first, below; a single one needs no choice.
        top = tops[0]
        if len(tops) > 1:
            top = st.segmented_control(
                "Chunks handed over", tops, default=tops[len(tops) // 2], required=True, key=TOP, bind="query-params"
            ) or tops[0]  # fmt: skip
        st.caption(EXPLANATIONS[metric], width="stretch")
    grid = st.grid(2, min_column_width=430, gap="medium")
    figure = size_lines(result, metric, top)
    show_chart(
        figure, "sweep_lines", "One line per method and overlap over chunk size, with 95 % intervals", place=grid
    )
    show_chart(heat_map(result, metric, top), "sweep_heat", "Heat map of method and overlap by chunk size", place=grid)


def _shape_legend(result: SweepResult) -> str:
    # As Plotly's symbols in the chart, in the same order.
    signs = ("●", "■", "◆", "▲", "✚", "✖", "★", "⬢")
    tops = sorted({setting.top_k for setting in result.settings})
    legend = ", ".join(f"{signs[i % len(signs)]} top {top}" for i, top in enumerate(tops))
    return f" Shapes: {legend}." if len(tops) > 1 else ""


def _table(result: SweepResult) -> None:
    section("All settings")
    order, front = by_recall(result), set(pareto(result))
    # Rounded up.
    pages = -(-len(order) // _ROWS)
    page = st.pagination(pages, key=PAGE) if pages > 1 else 1
    positions = order[(page - 1) * _ROWS : page * _ROWS]
    alt = "Settings with mean and 95 % interval of every measure, highest recall first"
    show_table(settings_table(result, positions, front), alt, "sweep")
    st.caption(
        f"Highest recall first; mean with 95 % interval over {fmt.markdown(result.unit)}. "
        ":material/flag: stands on the "
        "dotted line: none finds as much for less. Precision and IoU are small where sources are short: an answer "
        "fills little of a chunk.",
        help="  \n".join(f"**{TITLES[name]}**: {EXPLANATIONS[name]}" for name in MEASURES),
    )


def settings_table(result: SweepResult, positions: Sequence[int], front: set[int]) -> pd.DataFrame:
    """One row per setting, in Markdown."""
    rows = []
    for position in positions:
        setting = result.settings[position]
        flag = " :material/flag:" if position in front else ""
        cutting = result.cutting(setting)
        # Blanks that do not break: a name is read in one piece.
        name = fmt.markdown(chunking_name(cutting.chunking)).replace(" ", "\u00a0")
        note = f":gray[top {setting.top_k}, {cutting.chunks:,} chunks]"
        # Chunks that the embedding model does not read to their end: a reason for low recall that size alone would
        # not show.
        note += f"  \n:orange[{cutting.beyond_window:,} beyond the window]" if cutting.beyond_window else ""
        misses_count = sum(bool(misses) for misses in setting.misses)
        rows.append(
            {
                "Setting": f"{_dot(result, position)}\u00a0**{name}**{flag}  \n{note}",
                **{TITLES[measure]: _cell(result, position, measure) for measure in MEASURES},
                "Missed": f"{misses_count:,}",
            }
        )
    return pd.DataFrame(rows)


def _cell(result: SweepResult, position: int, name: str) -> str:
    summary = result.settings[position].summaries[name]
    if summary.mean is None:
        return ":gray[not scored]"
    text = f"**{format_metric(name, summary.mean)}**"
    if summary.low is not None:
        text += f"  \n:gray[{format_interval(name, summary)}]"
    return text
