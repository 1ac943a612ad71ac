"""What the strategies reached: the ladder, what repair and voting did, difficulty, comparators, audited golds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from llmopt_core.answering.tools.sql.open_database import find_source
from llmopt_core.errors import BadInput
from llmopt_core.labs.data_questions.accuracy import (
    COMPARATORS,
    EXECUTION,
    accuracy,
    accuracy_by_level,
    comparator_rows,
    unprovable,
)
from llmopt_core.labs.data_questions.golds.job import latest_findings
from llmopt_core.labs.data_questions.repair_effect import repair_effect
from llmopt_core.labs.data_questions.sources import SavedSource
from llmopt_core.labs.evaluation.ladder.build import build_ladder
from llmopt_core.labs.evaluation.ladder.decide import decide
from llmopt_core.labs.evaluation.ladder.rung import Ladder, Rung
from llmopt_core.reporting.verdict_words import verdict_words
from llmopt_core.runs.values import Project, Run, SavedSet
from llmopt_core.statistics.intervals import Summary
from llmopt_core.text.csv_text import csv_of
from llmopt_core.types import Record
from llmopt_ui import format as fmt
from llmopt_ui.components import downloads, section, show_errors
from llmopt_ui.data_questions.question_sets import audit_arguments
from llmopt_ui.resources import store
from llmopt_ui.session import notify
from llmopt_ui.tables import data_table, show_table

RUNG, REASON, KEEP, DROP = "rung_choice", "rung_reason", "rung_keep", "rung_drop"
DISPUTED, COMPARED = "rung_disputed", "rung_compared"
_VERDICTS = {1.0: "right", 0.0: "wrong", None: "no verdict"}


def ladder_results(project: Project, source: SavedSource, questions: SavedSet, runs: Sequence[Run]) -> None:
    """All of it, from the runs that count."""
    ladder = build_ladder(store(), project, EXECUTION)
    ids = {run.id for run in runs}
    steps = [rung for rung in ladder.rungs if rung.run_id in ids]
    if not steps:
        st.caption("None of the runs on this set is over yet.")
        return
    records = {rung.name: _records(rung.run_id or 0, rung.summary.total) for rung in steps}
    findings = latest_findings(store(), project, audit_arguments(source, questions))
    doubtful = None if findings is None else {name for name, found in findings.items() if found}
    _ladder(steps, records, doubtful)
    _decision(ladder, steps)
    _repairs(records)
    _levels(records, _dialect(source))
    _comparators(records)


@st.cache_resource(max_entries=32, show_spinner=False)
def _records(run_id: int, _done: int) -> list[Record]:
    return store().records(run_id)


def _dialect(source: SavedSource) -> str:
    try:
        return find_source(source.source).dialect
    # Gone, or one of several databases below a folder.
    except BadInput:
        return "sqlite"


def _ladder(steps: Sequence[Rung], records: Mapping[str, Sequence[Record]], doubtful: set[str] | None) -> None:
    rows = []
    for rung in steps:
        found = records[rung.name]
        row = {
            "Strategy": f"{rung.sign} {fmt.markdown(rung.name)}",
            "Accuracy": _summary(rung.summary),
            "Against its parent": _against(rung),
            "Each question": fmt.markdown(_cost(rung)),
            "Unprovable": str(len(unprovable(found))),
        }
        if doubtful is not None:
            row["On audited golds"] = _summary(accuracy(found, doubtful))
        rows.append(row)
    show_table(rows, "The strategies with their accuracy, each against its parent", "data_ladder")
    note = "Unprovable: both results are empty, so such a question counts neither as right nor as wrong."
    if doubtful is None:
        note += " Audit the right queries in the tab Golds to see the accuracy on those that can be trusted beside it."
    st.caption(note)
    for rung in steps:
        if rung.state != "baseline":
            st.caption(fmt.markdown(f"{rung.sign} {rung.name}: {rung.reason}"))
    downloads("data_ladder_file", ("Ladder (CSV)", lambda: csv_of(_plain(steps)), "strategies.csv"))


def _plain(steps: Sequence[Rung]) -> list[dict[str, object]]:
    return [
        {
            "strategy": rung.name, "state": rung.state, "accuracy": rung.summary.mean, "low": rung.summary.low,
            "high": rung.summary.high, "scored": rung.summary.scored, "total": rung.summary.total,
            "parent": rung.parent, "difference": rung.difference,
            "verdict": rung.comparison.verdict if rung.comparison else "", "usd_per_question": rung.each.cost_usd,
            "seconds_per_question": rung.each.seconds, "reason": rung.reason,
        }
        for rung in steps
    ]  # fmt: skip


def _summary(summary: Summary) -> str:
    if summary.mean is None:
        return ":gray[not scored]"
    ends = f"  \n:gray[{fmt.interval(summary.low, summary.high)}, {summary.scored} scored]"
    return f"**{fmt.score(summary.mean)}**{ends if summary.low is not None else ''}"


def _against(rung: Rung) -> str:
    if rung.comparison is None:
        return "baseline" if rung.state == "baseline" else ":gray[not comparable]"
    one = rung.comparison
    words = fmt.markdown(fmt.change(one.difference, one.low, one.high))
    return f"{words}  \n:gray[{fmt.markdown(verdict_words(one))}, against {fmt.markdown(rung.parent)}]"


def _cost(rung: Rung) -> str:
    cost = fmt.money(rung.each.cost_usd) if rung.each.cost_usd is not None else ""
    seconds = fmt.short_time(rung.each.seconds) if rung.each.seconds is not None else ""
    return " · ".join(filter(None, (cost, seconds))) or fmt.DASH


def _decision(ladder: Ladder, steps: Sequence[Rung]) -> None:
    """A person keeps or drops a strategy, whatever its verdict proposes; the ladder of the Overview says the same."""
    open_steps = [rung.name for rung in steps if rung.state != "baseline"]
    if not open_steps:
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        name = st.selectbox("Decide on", open_steps, key=RUNG, width=220)
        reason = st.text_input("Why", key=REASON, placeholder="A reason in a few words", max_chars=1000, width=320)
        keep = st.button("Keep", key=KEEP, icon=":material/check:")
        drop = st.button("Drop", key=DROP, icon=":material/close:")
    if keep or drop:
        with show_errors():
            rung = next(one for one in steps if one.name == name)
            decide(store(), ladder, rung, "kept" if keep else "dropped", reason or "")
            notify(f"{name} is {'kept' if keep else 'dropped'}.")
            st.rerun()


def _repairs(records: Mapping[str, Sequence[Record]]) -> None:
    effects = {name: effect for name, found in records.items() if (effect := repair_effect(found)) is not None}
    if not effects:
        return
    section("What repair and voting turned", "Of the same answers: the first query against the one that counts.")
    for name, effect in effects.items():
        sign = ":green[:material/check:]" if effect.is_worth_it else ":red[:material/close:]"
        st.markdown(f"{sign} **{fmt.markdown(name)}** {fmt.markdown(effect.sentence)}")
        ids = [("mended", effect.mended), ("harmed", effect.harmed)]
        words = [f"{word}: {fmt.shorten(', '.join(found), 300)}" for word, found in ids if found]
        if words:
            st.caption(fmt.markdown(" · ".join(words)))


def _levels(records: Mapping[str, Sequence[Record]], dialect: str) -> None:
    section("By difficulty", "Spider's levels, from the right query alone.")
    rows = [
        {"Strategy": fmt.markdown(name), **{level: _summary(one) for level, one in found.items()}}
        for name, found in ((name, accuracy_by_level(one, dialect)) for name, one in records.items())
    ]
    show_table(rows, "Accuracy by difficulty", "data_levels")


def _comparators(records: Mapping[str, Sequence[Record]]) -> None:
    section("Where the comparators disagree", "Our own rule decides; the others are those of four published scripts.")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        name = st.selectbox("Strategy", list(records), key=COMPARED, width=320)
        only = st.toggle("Only where they disagree", True, key=DISPUTED)
    rows = comparator_rows(records[name])
    disputed = [row for row in rows if row.is_disputed]
    st.caption(f"They disagree on {len(disputed)} of {fmt.plural(len(rows), 'answer')}.")
    shown = disputed if only else rows
    if shown:
        table = pd.DataFrame(
            [
                {
                    "Question": row.question,
                    **{COMPARATORS[metric]: _VERDICTS.get(value, "") for metric, value in row.verdicts.items()},
                    "Query": row.sql,
                }
                for row in shown
            ]
        )
        data_table(table, alt="Verdicts of the comparators", lines=2, key="data_comparators")
