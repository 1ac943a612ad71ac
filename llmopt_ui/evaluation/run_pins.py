"""Runs that the address names: a link shows the same ones later, and an old run can be opened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import streamlit as st

from llmopt_core.experiments.pinned_runs import PinnedRuns, find_pinned_runs, run_ids
from llmopt_core.runs.values import Run
from llmopt_ui import format as fmt

RUNS = "runs"
UNPIN = "runs_unpin"


def pin(ids: Sequence[int]) -> None:
    """Show these runs and no others from now on."""
    st.query_params[RUNS] = ids_text(ids)


def ids_text(ids: Iterable[int]) -> str:
    """Ids of runs as an address holds them."""
    return ",".join(map(str, ids))


def unpin() -> None:
    """Show the runs that count now."""
    st.query_params.pop(RUNS, None)


def runs_in_address(runs: Sequence[Run]) -> PinnedRuns:
    """The runs that the address names, and a line that says so; none where it names none that is there.

    Args:
        runs: Those of the project that have records.
    """
    ids = st.query_params.get(RUNS, "")
    if not ids:
        return PinnedRuns()
    # Of this project only: ids are the workspace's, and a link may be of another project.
    pins = find_pinned_runs(runs, run_ids(ids))
    if not pins.runs:
        st.warning("The runs that this link names are not in this project. The current ones are shown.",
                   icon=":material/link_off:")  # fmt: skip
        return PinnedRuns()
    with st.container(border=True, horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f":material/keep: {fmt.markdown(_describe(pins.runs))}", width="stretch")
        st.button("Show the current runs", key=UNPIN, type="tertiary", icon=":material/update:", on_click=unpin)
    for sentence in pins.notes:
        st.caption(f":material/info: {fmt.markdown(sentence)}")
    return pins


def _describe(runs: Mapping[str, Run]) -> str:
    """`2 chosen runs on questions, of 3 Nov 2026, 10:00 to 4 Nov 2026, 11:30; later runs are not shown`."""
    moments = sorted(run.created_at for run in runs.values())
    first, last = fmt.full_moment(moments[0]), fmt.full_moment(moments[-1])
    when = first if first == last else f"{first} to {last}"
    on = next(iter(runs.values())).evaluation_set
    return f"{fmt.plural(len(runs), 'chosen run')} on {on}, of {when}. Others are not shown."
