"""Every pair of configurations: how far each lies from the baseline, and the matrix of all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.reporting.verdict_words import INSIDE_NOISE, verdict_words
from llmopt_core.statistics.paired_comparison import Comparison
from llmopt_ui import format as fmt
from llmopt_ui.chart_view import show_chart
from llmopt_ui.components import section
from llmopt_ui.evaluation.comparison import Selection
from llmopt_ui.evaluation.pair_address import open_pair
from llmopt_ui.evaluation.pair_charts import forest, matrix_map
from llmopt_ui.runs.results import Entry, comparison_family, every_pair
from llmopt_ui.session import state
from llmopt_ui.theme import comparison_style

PAIR_METRIC = "pair_metric"


def every_pair_view(selection: Selection, comparison: Sequence[Entry], usual: str) -> None:
    """The section: differences from the baseline with their intervals, then each against each."""
    section("Every pair", "Differences over the questions that both answered. Click one to see it head to head.")
    metric = st.selectbox(
        "Metric", selection.metrics, selection.metrics.index(usual), key=PAIR_METRIC, format_func=metric_title,
        bind="query-params", width=220,
    )  # fmt: skip
    others = {entry.name: entry.comparisons[metric] for entry in comparison if metric in entry.comparisons}
    if not others:
        st.caption("No two of these have a value of this metric on the same question.")
        return
    baseline = fmt.markdown(selection.baseline)
    event = show_chart(
        forest(others, metric_title(metric), selection.baseline, _drawn_margin(others, selection.margin)),
        f"forest_{metric}",
        f"Difference of each configuration from {selection.baseline} with its interval",
        on_select="rerun",
        selection_mode="points",
    )
    _take_click(event.selection.points, metric)
    for name, one in others.items():
        # The style says of the noise, here stands how wide it is.
        more = verdict_words(one).removeprefix(one.verdict).replace(f"{INSIDE_NOISE}, ", "")
        # Escaping drops the space at the beginning.
        words = (" " if more.startswith(" ") else "") + fmt.markdown(more)
        change = fmt.change(one.difference, one.low, one.high)
        text, button = st.columns([5, 1], gap="small", vertical_alignment="center")
        text.markdown(
            f"{selection.inks[name].dot}\u00a0**{fmt.markdown(name)}** against {baseline}: "
            f"{comparison_style(one).markdown}{words}, {change}"
        )
        button.button(
            "Head to head", key=f"pair_{metric}_{name}", type="tertiary", icon=":material/compare_arrows:",
            on_click=open_pair, args=(selection.baseline, name, metric),
        )  # fmt: skip
    st.caption(fmt.markdown(comparison_family(selection.family).in_short))
    if len(selection.runs) > 2:
        _matrix(selection, metric)


def _matrix(selection: Selection, metric: str) -> None:
    matrix = every_pair(selection.runs, metric, selection.margin)
    event = show_chart(
        matrix_map(matrix),
        f"matrix_{metric}",
        "Verdict of each configuration (row) against each other (column)",
        on_select="rerun",
        selection_mode="points",
    )
    _take_click(event.selection.points, metric)
    st.caption(fmt.markdown(f"Rows against columns. {matrix.family} {matrix.unit[:1].upper()}{matrix.unit[1:]}."))


def _drawn_margin(comparisons: Mapping[str, Comparison], margin: float) -> float:
    """In the unit of the metric: of values that are not between 0 and 1 the margin is a share of the baseline."""
    return next((one.margin for one in comparisons.values() if one.margin is not None), margin)


def _take_click(points: Sequence[Mapping[str, object]], metric: str) -> None:
    data = points[0].get("customdata") if points else None
    if not isinstance(data, (list, tuple)) or len(data) < 2:
        return
    pair = (str(data[0]), str(data[1]), metric)
    # Streamlit tells the selection again at every drawing; without this nobody could come back to this tab.
    if pair == state().last_pair:
        return
    state().last_pair = pair
    open_pair(*pair)
    st.rerun()
