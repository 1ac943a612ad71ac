"""Two settings of a sweep, question by question."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from llmopt_core.labs.chunking.result import TITLES, SweepResult, by_recall, compare_settings
from llmopt_core.labs.chunking.tables import Advice
from llmopt_core.statistics.paired_comparison import Comparison
from llmopt_ui import format as fmt
from llmopt_ui.chunking.sweep.charts import MEASURES, format_interval, format_metric
from llmopt_ui.components import plain_fragment, section
from llmopt_ui.tables import show_table
from llmopt_ui.theme import verdict

FIRST, SECOND = "sweep_first", "sweep_second"


@plain_fragment
def compare_view(result: SweepResult, advice: Advice) -> None:
    """Choose two; each measure with its difference and verdict."""
    section("Compare two settings", "Both answered the same questions, so they are compared question by question.")
    names = [result.names[position] for position in by_recall(result)]
    # Two different ones at first: where one is both, the next best.
    other = advice.frugal if advice.frugal != advice.best else by_recall(result)[1]
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        first = st.selectbox(
            "Baseline", names, names.index(result.names[advice.best]), key=FIRST, bind="query-params", width=300
        )
        second = st.selectbox(
            "Compared with it", names, names.index(result.names[other]), key=SECOND, bind="query-params", width=300
        )
    if first == second:
        st.caption("Choose two different settings.")
        return
    a, b = result.names.index(first), result.names.index(second)
    show_table(compare_table(result, a, b), "Two settings compared", "sweep_compare")
    st.caption(
        "Paired test of the mean difference at 5 % on the same questions, with the interval that goes with it; for "
        "context tokens fewer is better. Equivalent means within the margin; cannot tell does not mean equal. "
        f"Tested on {fmt.markdown(result.unit)}."
    )


def compare_table(result: SweepResult, a: int, b: int) -> pd.DataFrame:
    """One row per measure, in Markdown."""
    rows = []
    for name in MEASURES:
        comparisons = compare_settings(result, a, b, name)
        rows.append(
            {
                "Measure": f"**{TITLES[name]}**",
                fmt.markdown(result.names[a]): _mean(result, a, name),
                fmt.markdown(result.names[b]): _mean(result, b, name),
                "Difference": _difference(name, comparisons),
                "p": fmt.DASH
                if comparisons.p_value is None
                # A chance is never nothing, so not 0.000.
                else f"{comparisons.p_value:.3f}".replace("0.000", "<\u00a00.001"),
                "Verdict": verdict(comparisons.verdict).markdown,
                "Pairs": f"{comparisons.pairs:,}",
            }
        )
    return pd.DataFrame(rows)


def _mean(result: SweepResult, position: int, name: str) -> str:
    summary = result.settings[position].summaries[name]
    text = f"**{format_metric(name, summary.mean)}**"
    return text if summary.low is None else f"{text}  \n:gray[{format_interval(name, summary)}]"


def _difference(name: str, comparison: Comparison) -> str:
    text = f"**{format_difference(name, comparison.difference)}**"
    if comparison.low is None or comparison.high is None:
        return text
    return f"{text}  \n:gray[{format_difference(name, comparison.low)} to {format_difference(name, comparison.high)}]"


def format_difference(name: str, value: float | None) -> str:
    """A difference with its sign, in the digits of its measure."""
    if value is None:
        return fmt.DASH
    text = format_metric(name, abs(value))
    # A difference that is rounded to nothing has no sign.
    sign = "" if value == 0 or text == format_metric(name, 0) else ("+" if value > 0 else "−")
    return f"{sign}{text}"
