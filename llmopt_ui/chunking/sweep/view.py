"""The Sweep tab: start a sweep, follow it, read which chunking serves the questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from llmopt_core.errors import BadInput
from llmopt_core.experiments.provenance import DOCUMENTS, EMBEDDING, QUESTIONS, Basis
from llmopt_core.labs.chunking.jobs import SWEEP, embedding_version, texts_version
from llmopt_core.labs.chunking.result import SweepResult
from llmopt_core.runs.values import Job, Project
from llmopt_core.types import EvaluationSet
from llmopt_ui import format as fmt
from llmopt_ui.button_to import button_to
from llmopt_ui.caveats import mark_earlier_state
from llmopt_ui.chunking.sweep.form import sweep_form
from llmopt_ui.components import empty_state
from llmopt_ui.copy_link import copy_link
from llmopt_ui.evaluation_sets import set_choices, set_version, sets_of
from llmopt_ui.job_panel import follow_job, last_failure
from llmopt_ui.navigation import DOCUMENTS as PAGE
from llmopt_ui.navigation import EVALUATION
from llmopt_ui.resources import models, store
from llmopt_ui.session import notify, state

SWEEP_PICKER = "sweep"
AGAIN = "sweep_again"


def sweep_view(project: Project) -> None:
    """The whole tab."""
    jobs = [job for job in store().jobs(project) if job.kind == SWEEP.name]
    for job in [job for job in jobs if job.active]:
        follow_job(job, on_end=_on_end)
    last_failure(jobs)
    sets = _sets_with_places(project)
    if not _ready(project, sets):
        return
    # A cache may have been emptied: then the job is there and its numbers are not.
    results = [job for job in jobs if job.status == "finished" and load_sweep(str(job.result.get("key"))) is not None]
    if not results:
        if not any(job.active for job in jobs):
            st.caption(
                "A sweep cuts your documents in every way below, looks every question up, and measures how much of "
                "the places where the answers stand is found. No answer is generated."
            )
        sweep_form(project, sets)
        return
    with st.expander("New sweep", icon=":material/tune:", key=AGAIN):
        sweep_form(project, sets)
    _results(project, _choose_sweep(project, results))


def _ready(project: Project, sets: Mapping[str, EvaluationSet]) -> bool:
    """Whether there is something to sweep; says what is missing."""
    if not store().document_list(project):
        with empty_state("No documents yet", "A sweep cuts your documents in many ways.", ":material/note_add:"):
            button_to(PAGE, "Add documents", "sweep_to_files", "Files")
        return False
    if not sets:
        box = empty_state(
            "No questions that say where their answers stand",
            "A sweep needs sources: a question file whose `references` name a document with start and end, or "
            "with a quote. Add one on the page Evaluation, or have questions made in the tab Questions.",
            ":material/quiz:",
        )
        with box:
            way = "Mark in the text" if sets_of(project) else "Write questions"
            button_to(PAGE, way, "sweep_to_spans", "Questions", spans_way=way)
            button_to(EVALUATION, "Add a question file", "sweep_to_questions", "Questions")
        return False
    return True


def _results(project: Project, job: Job) -> None:
    from llmopt_ui.chunking.sweep.results import results_view

    result = load_sweep(str(job.result["key"]))
    if result is None:
        return
    try:
        evaluation_set = store().evaluation_set(project, result.set_name, result.set_version)
    except BadInput:
        # Its numbers stay; what the questions were is gone.
        evaluation_set = EvaluationSet(result.set_name, ())
    then, now = _bases(project, job, result)
    mark_earlier_state(then, now, "Make a new sweep to see what holds now.")
    result = _by_documents(str(job.result["key"]), result, evaluation_set)
    results_view(project, result, str(job.result["key"]), evaluation_set)


def _bases(project: Project, job: Job, result: SweepResult) -> tuple[Basis, Basis]:
    """What a sweep rests on, and what it would rest on now."""
    versions = {item.name: item.version for item in store().evaluation_sets(project, parts=True)}
    version = texts_version((item.name, item.version) for item in store().document_list(project))
    then = {QUESTIONS: result.set_version, DOCUMENTS: texts_version(result.documents)}
    now = {QUESTIONS: versions.get(result.set_name, ""), DOCUMENTS: version}
    # Sweeps by words, and those of earlier versions, rest on no embedding model.
    if job.arguments.get("embedding"):
        then[EMBEDDING] = str(job.arguments["embedding"])
        now[EMBEDDING] = embedding_version(result.spec, models())
    return then, now


def _choose_sweep(project: Project, jobs_with_result: Sequence[Job]) -> Job:
    """The sweep that is shown; the newest unless another is chosen."""
    jobs = {str(job.id): job for job in jobs_with_result}
    if str(state().new_sweep) in jobs:
        st.session_state[SWEEP_PICKER] = str(state().new_sweep)
        state().new_sweep = 0
    if st.session_state.get(SWEEP_PICKER, next(iter(jobs))) not in jobs:
        st.session_state.pop(SWEEP_PICKER, None)
    name = next(iter(jobs))
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        if len(jobs) > 1:
            name = st.selectbox("Sweep", list(jobs), key=SWEEP_PICKER, format_func=lambda name: _label(jobs[name]),
                                bind="query-params", width=520)  # fmt: skip
        # By its label, which is what Streamlit's binding reads from an address.
        copy_link(project, "Sweep", {SWEEP_PICKER: _label(jobs[name])}, f"sweep_link_{name}", "A link to this sweep.")
    return jobs[name]


def _label(job: Job) -> str:
    words = "words" if job.arguments.get("search") == "bm25" else "meaning"
    settings = fmt.plural(int(job.arguments.get("settings", 0)), "setting")
    return f"{job.arguments.get('evaluation_set', '')}: {settings} by {words}, {fmt.moment(job.created_at)}"


def _on_end(job: Job) -> None:
    if job.status == "finished":
        state().new_sweep = job.id
        notify("Sweep finished.")


def _sets_with_places(project: Project) -> dict[str, EvaluationSet]:
    """The newest version of each evaluation set that has reference spans."""
    # Read through memory: this is asked at every drawing, and sets may be large.
    sets = {item.name: set_version(project, item.name, item.version) for item in set_choices(project)}
    return {name: item for name, item in sets.items() if any(example.references for example in item.examples)}


@st.cache_resource(max_entries=8, show_spinner=False)
def load_sweep(key: str) -> SweepResult | None:
    """A finished sweep; None where it is kept no more."""
    from llmopt_core.labs.chunking.cache import read_sweep

    return read_sweep(store().cache, key)


@st.cache_resource(max_entries=8, show_spinner=False)
def _by_documents(key: str, _result: SweepResult, _evaluation_set: EvaluationSet) -> SweepResult:
    from llmopt_core.labs.chunking.cache import with_clusters

    return with_clusters(_result, _evaluation_set)
