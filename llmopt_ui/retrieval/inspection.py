"""Inspections of the page: taken from memory, made at once where that is quick, else by a job."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Thread

import streamlit as st

from llmopt_core.errors import LlmOptError, StorageError
from llmopt_core.execution.event_loop import run_in_loop
from llmopt_core.experiments.keys import lab_identity
from llmopt_core.labs.retrieval.inspection_cache import (
    LOOK,
    InspectionCache,
    LookSide,
    index_key,
    inspections_of,
    is_quick,
    load_ahead,
    look_arguments,
    look_key,
)
from llmopt_core.labs.retrieval.question_inspection import Inspection, QuestionLab
from llmopt_core.runs.values import Job, Project
from llmopt_core.types import Answer, Example, fingerprint
from llmopt_ui.components import show_error
from llmopt_ui.job_panel import follow_job
from llmopt_ui.resources import model_maker, models, settings, start_job, store
from llmopt_ui.retrieval.sides import Side, texts_of

START = "retrieval_look"


def inspection_cache() -> InspectionCache:
    """What this process has looked at, for all sessions."""
    return inspections_of(settings())


def documents_key(project: Project) -> str:
    """Stands for all documents of a project; the time stands for what a document says of itself beside its text."""
    documents = store().document_list(project)
    # Sorted, so that the order in which the store lists them plays no part.
    return fingerprint(project.id, sorted([item.name, item.version, item.saved_at.isoformat()] for item in documents))


def key_of(project: Project, side: Side, example: Example) -> str:
    """What the side's inspection is kept by."""
    return look_key(documents_key(project), side.configuration, example, texts_of(side, example), _identity_of(side))


def _identity_of(side: Side) -> str:
    """Stands for the weights and addresses behind the side's names; what is unknown is told by the look itself."""
    try:
        return lab_identity(side.configuration, models())
    except LlmOptError:
        return ""


def inspections(project: Project, sides: Sequence[Side], example: Example) -> list[tuple[Side, Inspection]] | None:
    """What each side did with the question; None where it must be looked up first, which the page then offers.

    A side that cannot be looked at says so in its place, and is left out.
    """
    missing = _open_sides(project, sides, example)
    # All or none: where one side needs a job, that job looks at all that is missing.
    if missing and all(_inspect_now(project, side, example) for side in missing):
        with st.spinner("Looking it up …"):
            for side in missing:
                _inspect(project, side, example)
    # Again: some were just looked at, or failed.
    missing = _open_sides(project, sides, example)
    for side in sides:
        _problem(side, key_of(project, side, example))
    if missing:
        _offer_inspection(project, missing, example)
        return None
    pairs = [(side, inspection_cache().get(key_of(project, side, example))) for side in sides]
    return [(side, one) for side, one in pairs if one is not None]


def _open_sides(project: Project, sides: Sequence[Side], example: Example) -> list[Side]:
    """The sides that are not looked at yet, as far as is known without trouble."""
    keys = [(side, key_of(project, side, example)) for side in sides]
    return [side for side, key in keys if inspection_cache().get(key) is None and not inspection_cache().problem(key)]


def _problem(side: Side, key: str) -> None:
    """Why a side cannot be shown, and another try."""
    problem = inspection_cache().problem(key)
    if problem:
        show_error(f"{side.name}: {problem}")
        st.button("Try again", key=f"look_again_{side.place}", icon=":material/refresh:", type="tertiary",
                  on_click=inspection_cache().forgive, args=(key,))  # fmt: skip


def answer_from_context(project: Project, side: Side, inspection: Inspection) -> Answer:
    """Answer from what was handed over.

    Raises:
        EndpointError: The model failed.
    """
    # Before the loop starts: inside it there is no session to read keys from.
    make, documents = model_maker(), store().documents(project)

    async def ask() -> Answer:
        # Closed at the end, or connections of each answer would stay open in their loop.
        async with make() as models:
            return await QuestionLab(side.configuration, documents, models).answer(inspection)

    return run_in_loop(ask())


def cached_answer(project: Project, side: Side, inspection: Inspection) -> Answer | None:
    """The answer where it was given before."""
    lab = QuestionLab(side.configuration, store().documents(project), models())
    return lab.read_answer(inspection)


def _inspect_now(project: Project, side: Side, example: Example) -> bool:
    index = index_key(documents_key(project), side.configuration)
    # The index is in memory, and either no model is asked or its texts are written by hand: a moment.
    if inspection_cache().is_open(index) and (is_quick(side.configuration) or texts_of(side, example) is not None):
        return True
    if texts_of(side, example) is not None:
        return False
    try:
        return QuestionLab(side.configuration, store().documents(project), models()).is_cached(example)
    # "At once", so that the failure is shown in its place and no job is offered that would fail as well.
    except LlmOptError as error:
        inspection_cache().fail(key_of(project, side, example), str(error))
        return True


def _inspect(project: Project, side: Side, example: Example) -> None:
    make, texts, cache = model_maker(), texts_of(side, example), inspection_cache()

    async def look() -> None:
        async with make() as models:
            lab = QuestionLab(side.configuration, documents, models)
            inspection = await lab.look(example, texts=texts)
            # An index is open only where something was searched; an answer from the cache never built it.
            cache.put(key, inspection, index if lab.has_searched else None)

    documents = store().documents(project)
    index, key = index_key(documents_key(project), side.configuration), key_of(project, side, example)
    if inspection_cache().problem(key):
        return
    try:
        run_in_loop(look())
    # A full or locked disk is no fault of this side and may be over at the next look, so it is not kept as one.
    except StorageError:
        raise
    except LlmOptError as error:
        inspection_cache().fail(key, str(error))


def _offer_inspection(project: Project, missing: Sequence[Side], example: Example) -> None:
    keys = [key_of(project, side, example) for side in missing]
    job = _job(project, keys)
    if job is not None and job.active:
        follow_job(job)
        return
    # Shown with its error and a way to resume; below it one can also begin anew.
    if job is not None and job.status != "finished":
        follow_job(job)
    for side in missing:
        if is_quick(side.configuration):
            # Without documents in the key: models are the same for all projects.
            _load_ahead(index_key("", side.configuration), side)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Look it up", key=START, type="primary", icon=":material/search:",
            on_click=_start, args=(project, tuple(missing), example),
        )  # fmt: skip
        st.caption(_offer_text(missing), width="content")


@st.cache_resource(show_spinner=False, max_entries=16)
def _load_ahead(key: str, _side: Side) -> Thread:
    """While the user chooses what to ask, the models are loaded; once per embedding model."""
    return load_ahead(_side.configuration, model_maker())


def _offer_text(missing: Sequence[Side]) -> str:
    if all(is_quick(side.configuration) for side in missing):
        return "The first look at a configuration prepares its index; after that each question takes a moment."
    return "This asks a model for each stage that needs one; what it said is kept."


def _job(project: Project, keys: Sequence[str]) -> Job | None:
    """The latest job that looks at all of these, perhaps among others."""
    jobs = [
        job for job in store().jobs(project) if job.kind == LOOK and set(keys) <= set(job.arguments.get("keys", ()))
    ]
    # Ids grow with time, which the clock does not always.
    return max(jobs, key=lambda job: job.id, default=None)


def _start(project: Project, missing: Sequence[Side], example: Example) -> None:
    keys = documents_key(project)
    sides = [_build_look_side(project, keys, side, example) for side in missing]
    start_job(LOOK, project, look_arguments(sides, example), {"documents": keys})


def _build_look_side(project: Project, documents: str, side: Side, example: Example) -> LookSide:
    texts = texts_of(side, example)
    return LookSide(
        configuration=side.configuration,
        texts=None if texts is None else tuple(texts),
        key=key_of(project, side, example),
        index=index_key(documents, side.configuration),
    )
