"""What to do next: the adviser's steps with their records, the way to the lab, and a configuration that tries each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from llmopt_core.experiments.margin import project_margin
from llmopt_core.labs.evaluation.adviser.advise import advise
from llmopt_core.labs.evaluation.adviser.causes import Examination
from llmopt_core.labs.evaluation.adviser.drops import read_drops
from llmopt_core.labs.evaluation.adviser.from_store import entry_clusters, examine_run, situation_of
from llmopt_core.labs.evaluation.adviser.setup import ProjectSetup
from llmopt_core.labs.evaluation.adviser.step import Advice, Step
from llmopt_core.runs.values import Project, Run
from llmopt_core.statistics.intervals import Summary
from llmopt_ui import format as fmt
from llmopt_ui.components import to_tab
from llmopt_ui.navigation import EVALUATION
from llmopt_ui.resources import store
from llmopt_ui.runs.project_setup import setup_of
from llmopt_ui.runs.results import Entry, scores_of, version_of
from llmopt_ui.runs.step_actions import PAGES_OF_AREAS, action_view

_MOST = 4
"""More would be a list, and no advice; `llmopt advise` gives all."""
_RECORDS = 3
"""Links to records beside a step; the others open with a click."""
_LINKS_AT_MOST = 50


def advice_on(project: Project, entries: Sequence[Entry], setup: ProjectSetup | None = None) -> Advice:
    """What the adviser says on these runs; what records say is read once per run.

    Args:
        project: Whose runs they are; what was dropped on its ladder is not proposed again.
        entries: The runs.
        setup: What the project has; read if None.
    """
    scores = scores_of({entry.name: entry.run for entry in entries}) if entries else {}
    each = {entry.run.id: entry.each for entry in entries}
    setup = setup or setup_of(project, entries)
    drops, margin = read_drops(store(), project), project_margin(store(), project)
    clusters = entry_clusters(store(), entries)
    return advise(situation_of(entries, scores, each, _examine, setup, dropped=drops, margin=margin, clusters=clusters))


def _examine(run: Run, summaries: Mapping[str, Summary]) -> Examination:
    return _examination(version_of(run), run, summaries)


@st.cache_resource(max_entries=64, show_spinner="Reading what failed …")
def _examination(version: tuple[int, int, int, str], _run: Run, _summaries: Mapping[str, Summary]) -> Examination:
    return examine_run(store(), _run, _summaries)


def steps_view(project: Project, advice: Advice, key: str) -> None:
    """The steps in boxes, the most useful first, and what was tried already.

    Args:
        project: Whose.
        advice: What is advised.
        key: Of the place, unique on its page.
    """
    if not advice.steps:
        st.caption("No kind of failure is more than chance: measure on more or harder questions, or ship it.")
    for number, step in enumerate(advice.steps[:_MOST]):
        with st.container(border=True, gap="xsmall", key=f"flush_step_{key}_{number}"):
            _step_view(project, step, f"{key}_{number}")
    for trial in advice.tried:
        st.caption(f"Not proposed again, {fmt.markdown(trial.rule)}: {fmt.markdown(trial.sentence)}")


def _step_view(project: Project, step: Step, key: str) -> None:
    page = PAGES_OF_AREAS[step.area]
    st.page_link(
        page.file,
        label=f"**{fmt.markdown(step.title)}**",
        icon=":material/arrow_forward:",
        icon_position="right",
        query_params=to_tab(step.view, (step.run_id or 0) if step.view == "Results" else 0),
    )
    st.caption(fmt.markdown(step.reason))
    for name, text, more in (("Expected", step.expected, step.elsewhere), ("Cost", step.cost, "")):
        if text:
            st.caption(f"**{name}:** {fmt.markdown(text)}", help=fmt.markdown(more) if more else None)
    if step.evidence and step.run_id is not None:
        _evidence_view(step, step.run_id, key)
    action_view(project, step, page, key)


def _evidence_view(step: Step, run_id: int, key: str) -> None:
    remaining = step.evidence[_RECORDS:]
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.caption("**Records:**", width="content")
        for example in step.evidence[:_RECORDS]:
            _record_link(run_id, example)
        if remaining:
            with st.popover(f"and {len(remaining)} more", type="tertiary", key=f"step_evidence_{key}"):
                for example in remaining[:_LINKS_AT_MOST]:
                    _record_link(run_id, example)
                if len(remaining) > _LINKS_AT_MOST:
                    st.caption(f"and {len(remaining) - _LINKS_AT_MOST} more: Evaluation, Failures has all of them.")


def _record_link(run_id: int, example: str) -> None:
    address = to_tab("Results", run_id) | {"example": example}
    st.page_link(EVALUATION.file, label=fmt.markdown(fmt.shorten(example, 24)), query_params=address)
