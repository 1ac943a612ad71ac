"""What to do next: the adviser's steps with their records, the way to the lab, and a configuration that tries each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import streamlit as st

from llmopt_core.labs.evaluation.adviser.advise import advise
from llmopt_core.labs.evaluation.adviser.causes import Examination
from llmopt_core.labs.evaluation.adviser.changes import save_proposal
from llmopt_core.labs.evaluation.adviser.from_store import examine_run, situation_of
from llmopt_core.labs.evaluation.adviser.setup import ProjectSetup
from llmopt_core.labs.evaluation.adviser.step import Advice, Area, Proposal, Step
from llmopt_core.runs.values import Project, Run
from llmopt_core.statistics.intervals import Summary
from llmopt_ui import format as fmt
from llmopt_ui.components import to_tab
from llmopt_ui.navigation import DOCUMENTS, EVALUATION, FINETUNING, PROMPTS, RETRIEVAL, PageSpec
from llmopt_ui.resources import store
from llmopt_ui.runs.results import Entry, scores_of, version_of
from llmopt_ui.session import notify, state

_PAGES: Mapping[Area, PageSpec] = {
    "documents": DOCUMENTS, "prompts": PROMPTS, "retrieval": RETRIEVAL, "finetuning": FINETUNING,
    "evaluation": EVALUATION,
}  # fmt: skip
_MOST = 4
"""More would be a list, and no advice; `llmopt advise` gives all."""
_RECORDS = 3
"""Links to records beside a step; the others are named in the hint."""
_IDS_AT_MOST = 30


def advice_on(entries: Sequence[Entry], setup: ProjectSetup | None = None, dropped: Collection[str] = ()) -> Advice:
    """What the adviser says on these runs; what records say is read once per run.

    Args:
        entries: The runs.
        setup: What the project has.
        dropped: Fingerprints of the configurations that a person has dropped: they are not proposed again.
    """
    scores = scores_of({entry.name: entry.run for entry in entries}) if entries else {}
    each = {entry.run.id: entry.each for entry in entries}
    return advise(situation_of(entries, scores, each, _examine, setup, dropped=dropped))


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
    page = _PAGES[step.area]
    st.page_link(
        page.file,
        label=f"**{fmt.markdown(step.title)}**",
        icon=":material/arrow_forward:",
        icon_position="right",
        query_params=to_tab(step.view),
    )
    st.caption(fmt.markdown(step.reason))
    for name, text, more in (("Expected", step.expected, step.elsewhere), ("Cost", step.cost, "")):
        if text:
            st.caption(f"**{name}:** {fmt.markdown(text)}", help=fmt.markdown(more) if more else None)
    if step.evidence and step.run_id is not None:
        _evidence_view(step, step.run_id)
    if step.proposal is not None and st.button(
        f"Create {fmt.markdown(fmt.shorten(step.proposal.name, 40))}",
        key=f"step_create_{key}",
        icon=":material/add:",
        help=f"Saves it as a configuration and opens {page.title}. Nothing is run yet.",
    ):
        # No callback: what is saved there changes the steps, and this button would be gone when it is asked.
        _create(project, step.proposal, page, step.view)
        st.switch_page(page.file, query_params={})


def _evidence_view(step: Step, run_id: int) -> None:
    remaining = len(step.evidence) - _RECORDS
    ids = ", ".join(step.evidence[:_IDS_AT_MOST])
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.caption("**Records:**", width="content", help=fmt.markdown(ids))
        for example in step.evidence[:_RECORDS]:
            address = to_tab("Results", run_id) | {"example": example}
            st.page_link(EVALUATION.file, label=fmt.markdown(fmt.shorten(example, 24)), query_params=address)
        if remaining > 0:
            st.caption(f"and {remaining} more", width="content")


def _create(project: Project, proposal: Proposal, page: PageSpec, view: str) -> None:
    saved = save_proposal(store(), project, proposal)
    state().next_configuration = saved.name
    # Pages that look at configurations by other fields than the editor's: the lab of retrieval has two sides.
    choices = {"left": proposal.base, "right": saved.name} if page is RETRIEVAL else {}
    state().widget_values = ({page.tabs: view} if view and page.tabs else {}) | choices
    notify(f"{saved.name} is saved. Evaluate it under Evaluation, Run, and see whether it is better.")
