"""Quality and cost, quality and time: the picture, its rule, and its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.labs.evaluation.pictures.pareto import RULE, Candidate, Front, pareto_front
from llmopt_core.statistics.intervals import Summary
from llmopt_ui import format as fmt
from llmopt_ui.chart_view import show_chart
from llmopt_ui.components import section
from llmopt_ui.evaluation.comparison import Selection
from llmopt_ui.evaluation.pictures.front_chart import front_chart, place_words
from llmopt_ui.evaluation.pictures.marks import notes_of, records_bar, take_click
from llmopt_ui.runs.results import Entry, every_pair
from llmopt_ui.tables import show_table

_AXES = {"cost": "Cost of a question (USD), judging with it", "time": "Time of a question (seconds), judging with it"}
_WORDS = {"cost": "Cost of a question", "time": "Time of a question"}


def front_view(selection: Selection, comparison: Sequence[Entry], metric: str, kind: str) -> None:
    """The picture; `kind` is `cost` or `time`."""
    matrix = every_pair(selection.runs, metric, selection.margin)
    front = pareto_front([_candidate(entry, metric, kind) for entry in comparison], matrix.verdict)
    section(f"{metric_title(metric)} against {'cost' if kind == 'cost' else 'time'}", RULE)
    notes, key = notes_of(comparison), f"front_{kind}_{metric}"
    if front.drawn:
        words = {one.name: _price_words(one.price, kind) for one in front.drawn}
        show_chart(
            front_chart(front, selection.inks, metric_title(metric), _AXES[kind], words=words, notes=notes),
            key,
            f"{metric_title(metric)} of each configuration against what a question takes",
            on_select=lambda: take_click(key, metric),
            selection_mode="points",
        )
    if front.missing:
        named = ", ".join(f"{fmt.markdown(name)} ({fmt.markdown(why)})" for name, why in front.missing.items())
        st.caption(f":material/info: Not drawn, which is not 0: {named}.")
    if kind == "cost" and front.drawn and not any(one.price for one in front.drawn):
        st.caption(":material/info: Nothing that is drawn was paid for, so only the height tells them apart.")
    st.caption(fmt.markdown(f"{RULE} {matrix.family} {matrix.unit[:1].upper()}{matrix.unit[1:]}."))
    records_bar(selection, metric, "front")
    _numbers(selection, comparison, metric, front, kind=kind, notes=notes)


def _candidate(entry: Entry, metric: str, kind: str) -> Candidate:
    each = entry.each
    price = each.cost_usd if kind == "cost" else each.seconds
    why = "all answers came from the cache" if entry.from_cache else _unknown(entry, kind)
    quality = entry.summaries.get(metric) or Summary(None, None, None, 0, entry.run.total)
    return Candidate(entry.name, quality, price, why, entry.overlap_count > 0)


def _unknown(entry: Entry, kind: str) -> str:
    if entry.run.imported:
        return f"its files say no {kind}"
    if not entry.each.asked:
        return "no answer was asked afresh"
    return "its model has no price here" if kind == "cost" else "no time is recorded"


def _price_words(price: float | None, kind: str) -> str:
    words = fmt.money(price) if kind == "cost" else fmt.duration(price)
    return f"{words} a question"


def _numbers(
    selection: Selection,
    comparison: Sequence[Entry],
    metric: str,
    front: Front,
    *,
    kind: str,
    notes: Mapping[str, str],
) -> None:
    there = {one.name: one for one in front.drawn}
    rows = [
        {
            "Configuration": f"{selection.inks[entry.name].dot}\u00a0**{fmt.markdown(entry.name)}**"
            + (f"  \n:orange[{fmt.markdown(notes[entry.name])}]" if notes[entry.name] else ""),
            metric_title(metric): _quality(entry, metric),
            _WORDS[kind]: fmt.markdown(
                _price_words(there[entry.name].price, kind) if entry.name in there else front.missing[entry.name]
            ),
            "Place": fmt.markdown(place_words(entry.name, front)) if entry.name in there else ":gray[not drawn]",
        }
        for entry in comparison
    ]
    with st.expander("As a table", icon=":material/table:"):
        show_table(rows, f"{metric_title(metric)} and what a question takes, by configuration", "front")


def _quality(entry: Entry, metric: str) -> str:
    summary = entry.summaries.get(metric)
    if summary is None or summary.mean is None:
        return ":gray[not scored]"
    interval = f" :gray[{fmt.unbroken(fmt.interval(summary.low, summary.high))}]" if summary.low is not None else ""
    return f"**{fmt.score(summary.mean)}**{interval}  \n:gray[{summary.scored:,} of {summary.total:,} scored]"
