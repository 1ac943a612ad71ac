"""All runs of a project: evaluations and comparisons of prompts told apart, and any of them opened again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pandas as pd
import streamlit as st

from llmopt_core.experiments.imported_runs import import_source, judge_of_runs
from llmopt_core.runs.values import Project, Run
from llmopt_ui import format as fmt
from llmopt_ui.components import section, to_tab
from llmopt_ui.evaluation.import_results import import_button
from llmopt_ui.evaluation.run_pins import pin
from llmopt_ui.navigation import EVALUATION, PROMPTS
from llmopt_ui.pickers import open_next
from llmopt_ui.tables import FULL_ROOM, ticked_rows
from llmopt_ui.viewer_time import moment_column

TABLE, OPEN = "history", "history_open"
WHOLE, SIDE, IMPORTED = "Evaluation", "Side by side", "Imported"
_COLUMNS = ["Configuration", "Kind", "Questions", "Answered", "What went wrong", "Time", "Cost", "Judge", "Started"]


def history_view(project: Project, runs: Sequence[Run]) -> None:
    """All runs of the project, newest first; those that are ticked can be opened."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        with st.container(width="content"):
            section("All runs", "Tick runs to open them. *Side by side* are parts of comparisons on the page Prompts.")
        import_button(project, "history_import")
    if not runs:
        st.caption("No runs yet.")
        return
    # One judge for all needs no column; runs without scores have none.
    judges = {judge_of_runs([run]) for run in runs}
    if len(judges) == 1 and "" not in judges:
        st.caption(f"All graded by {fmt.markdown(min(judges))}.")
    rows = ticked_rows(
        history_table(runs),
        [run.id for run in runs],
        TABLE,
        room=FULL_ROOM,
        height=560,
        column_config={
            "Started": moment_column(),
            "Time": st.column_config.TextColumn(alignment="right"),
            "Cost": st.column_config.TextColumn(alignment="right"),
        },
        alt="All runs of the project",
    )
    _open([runs[row] for row in rows])


def _open(selection: Sequence[Run]) -> None:
    """The button that opens the ticked runs, or what to tick."""
    problem = open_problem(selection)
    if problem or not selection:
        st.caption(problem or "Tick runs to open their results as they were, also old ones.")
        return
    label, comparison = f"Open {fmt.plural(len(selection), 'run')}", selection[0].comparison
    # Comparisons of prompts are shown on their own page.
    if comparison:
        if st.button(label, key=OPEN, type="primary", icon=":material/open_in_new:"):
            open_next("comparison", comparison)
            st.switch_page(PROMPTS.file, query_params=to_tab("Side by side"))
        return
    st.button(label, key=OPEN, type="primary", icon=":material/open_in_new:", on_click=_show,
              # In the order in which they were made, whatever was ticked first.
              args=(sorted(run.id for run in selection),))  # fmt: skip


def _show(ids: Sequence[int]) -> None:
    pin(ids)
    st.session_state[EVALUATION.tabs] = "Results"


def open_problem(selection: Sequence[Run]) -> str:
    """Why these runs cannot be opened together; empty where they can."""
    if any(not run.done for run in selection):
        return "A run without records has nothing to open."
    # From what shows elsewhere to what cannot be compared: the first reason that is true is the one to mend.
    if len({run.comparison for run in selection}) > 1:
        return "Tick evaluations, or runs of one comparison: they are shown on different pages."
    if len({(run.evaluation_set, run.set_version) for run in selection}) > 1:
        return "Tick runs on the same questions; these are on different ones, or on different versions of a set."
    if len({run.judge for run in selection}) > 1:
        return "Tick runs with the same judge: scores of different judges are never compared."
    return ""


def history_table(runs: Sequence[Run]) -> pd.DataFrame:
    """One row per run."""
    rows = [
        (
            run.name,
            SIDE if run.comparison else IMPORTED if run.imported else WHOLE,
            run.evaluation_set,
            _answer_counts(run),
            run.error,
            _time_of(run),
            _cost_of(run),
            # The column is narrow and its name says that it is a judge.
            judge_of_runs([run]).replace("built-in judge", "built-in"),
            _moment_of(run),
        )
        for run in runs
    ]
    table = pd.DataFrame(rows, columns=_COLUMNS)
    # What says nothing takes no room: narrow windows have little.
    empty = {
        "What went wrong": not any(run.error for run in runs),
        "Kind": not any(run.comparison or run.imported for run in runs),
        "Cost": not any(run.usage.cost_usd or run.budget_usd for run in runs),
        "Judge": len({judge_of_runs([run]) for run in runs}) == 1,
    }
    return table.drop(columns=[name for name, is_empty in empty.items() if is_empty])


def _answer_counts(run: Run) -> str:
    """How many questions were answered, how many failed, and how a run stands that is not finished."""
    # A failed question has a record, too, so it counts as done.
    counts = f"{run.done - run.failed:,} of {run.total:,}" + (f", {run.failed:,} failed" if run.failed else "")
    return counts if run.status == "finished" else f"{run.status.replace('-', ' ')}, {counts}"


def _time_of(run: Run) -> str:
    source = import_source(run.imported)
    return fmt.duration(run.seconds if source is None or source.has_seconds else None)


def _moment_of(run: Run) -> datetime | None:
    source = import_source(run.imported)
    return run.created_at if source is None or source.has_date else None


def _cost_of(run: Run) -> str:
    most = "" if run.budget_usd is None else f" of {fmt.dollars(run.budget_usd)}"
    return f"{fmt.money(run.usage.cost_usd)}{most}"
