"""The tab Embedding model: tune it on the project's own questions, watch it, and see what it brought and cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from llmopt_core.experiments.configuration import Configuration, configuration_from
from llmopt_core.finetuning.finetuners import all_jobs
from llmopt_core.finetuning.jobs.job import Job
from llmopt_core.labs.finetuning.catalogue import list_embedding_models
from llmopt_core.labs.finetuning.embedder import (
    EmbedderParts,
    EmbedderPlan,
    Whole,
    parts_by_document,
    plan_of,
    retrieval_of,
    start_embedder,
)
from llmopt_core.labs.finetuning.held_out_sets import find_held_out_sets
from llmopt_core.labs.finetuning.jobs import free_name
from llmopt_core.labs.finetuning.sources import sample_chinese
from llmopt_core.runs.values import Project
from llmopt_core.types import Document, EvaluationSet, Example
from llmopt_ui import format as fmt
from llmopt_ui.button_to import button_to
from llmopt_ui.chart_view import show_chart
from llmopt_ui.components import empty_state, section, show_errors
from llmopt_ui.evaluation_sets import set_choices
from llmopt_ui.finetuning.embedder_charts import parts_bar
from llmopt_ui.finetuning.embedder_gain import outcome_view
from llmopt_ui.finetuning.fields import hyperparameter_fields
from llmopt_ui.finetuning.job import status_word
from llmopt_ui.finetuning.jobs import follow_training
from llmopt_ui.finetuning.start import access, request_from
from llmopt_ui.finetuning.tabs import finetuning_state
from llmopt_ui.forms.configuration import CONFIGURATION, NEW
from llmopt_ui.lab_keys import EMBEDDER_BASE, EMBEDDER_SET
from llmopt_ui.navigation import EVALUATION
from llmopt_ui.pickers import apply_request, open_next
from llmopt_ui.resources import models, settings, store
from llmopt_ui.retrieval_configurations import retrieval_configurations
from llmopt_ui.session import notify

SET, BASE, SHARE, WHOLE, START, JOB = (
    EMBEDDER_SET,
    EMBEDDER_BASE,
    "embedder_share",
    "embedder_whole",
    "embedder_start",
    "embedder_job",
)

WHOLES: dict[Whole, str] = {"documents": "Whole documents", "passages": "Whole passages"}


def embedder_view(project: Project) -> None:
    """The whole tab."""
    jobs = [job for job in all_jobs(settings()) if job.kind == "embedding"]
    plans = [(job, plan) for job in jobs if (plan := plan_of(store(), project, job)) is not None]
    st.caption(
        "Questions learn to lie near the chunks that answer them. Worth it where the built-in model cannot see that "
        "they belong together: another language, jargon, abbreviations. On plain English there is little to win."
    )
    # Jobs are the workspace's; those with a plan are this project's.
    active = [job for job, _ in plans if not job.has_ended]
    if active:
        follow_training(project, active)
    with (
        st.expander("Fine-tune an embedding model", expanded=not plans, icon=":material/model_training:"),
        show_errors(),
    ):
        _form(project, jobs)
    finished_jobs = [(job, plan) for job, plan in plans if job.has_ended]
    if finished_jobs:
        _results(project, finished_jobs)


def _results(project: Project, finished_jobs: Sequence[tuple[Job, EmbedderPlan]]) -> None:
    section(
        "Before and after",
        "Dense search among all chunks, on questions whose documents or passages were never trained on.",
    )
    jobs = {job.id: (job, plan) for job, plan in finished_jobs}
    apply_request(JOB, list(jobs))
    if len(jobs) > 1:
        names = {key: f"{job.name} · {status_word(job)}" for key, (job, _) in jobs.items()}
        job_id = st.selectbox("Fine-tuned model", list(jobs), key=JOB, width=420, format_func=names.__getitem__)
    else:
        # A selector with one choice would only take room.
        job_id = next(iter(jobs))
    with show_errors():
        outcome_view(project, *jobs[job_id])


def _with_spans(project: Project, names: Sequence[str]) -> int | None:
    """The first set whose questions point into documents, of those that are not held back."""
    held_back = find_held_out_sets(store(), project, names)
    free = (name for name in names if name not in held_back)
    pointing = (name for name in free if any(e.references for e in store().evaluation_set(project, name).examples))
    # A generator: sets are read only until one fits.
    choice = next(pointing, next((name for name in names if name not in held_back), None))
    return None if choice is None else names.index(choice)


def _form(project: Project, jobs: Sequence[Job]) -> None:
    sets = [item.name for item in set_choices(project)]
    configurations = {item.name: item for item in retrieval_configurations(project)}
    _example(project, sets)
    if not sets or not configurations:
        with empty_state("Not ready yet", "It takes an evaluation set whose questions have sources, and a "
                         "configuration with retrieval.", ":material/quiz:"):  # fmt: skip
            if not sets:
                button_to(EVALUATION, "Add questions", "embedder_to_questions", "Questions")
            if not configurations:
                button_to(EVALUATION, "Make a configuration", "embedder_to_configurations", "Configurations",
                      **{CONFIGURATION: NEW})  # fmt: skip
        return
    # Before the field is drawn, whose value it sets.
    apply_request(SET, sets)
    one, two, three = st.columns(3, gap="medium")
    help_text = "Its questions are paired with the chunks that hold their sources."
    set_name = one.selectbox("Evaluation set", sets, _with_spans(project, sets), key=SET, help=help_text,
                           placeholder="All are held back: choose with care")  # fmt: skip
    if set_name is None:
        return
    base = two.selectbox("Chunks and search of", list(configurations), key=BASE,
                         help="Its chunking cuts the passages; its embedding model is the one to beat.")  # fmt: skip
    share = three.slider("Held back (%)", 10, 60, 30, 5, key=SHARE, help="Questions that are not trained on; they "
                         "measure what the training brought.")  # fmt: skip
    configuration = configuration_from(configurations[base].spec)
    name = one.text_input("Name of the fine-tuned model", free_name(f"{set_name}-embedder", jobs,
                          list_embedding_models(settings())), max_chars=30,
                          key=f"embedder_name_{set_name}_{finetuning_state().forms}")  # fmt: skip
    seed = two.number_input("Seed", 0, 1_000_000, 0, key="embedder_seed", help="Also decides what is held back.")
    whole = three.selectbox("Held back are", list(WHOLES), format_func=WHOLES.__getitem__, key=WHOLE,
                            help="Whole documents: what it does with documents it has never seen. Whole passages: what "
                            "it does with other questions about the documents it knows.")  # fmt: skip
    # Reckoned before the start, so that one sees how many questions there are to learn from and to measure with.
    parts = _parts_of(project, set_name, configuration, share / 100, int(seed), whole)
    show_chart(parts_bar(parts.documents), "embedder_parts", "Questions per part")
    _describe_parts(parts)
    training_count = fmt.plural(len(parts.train) + len(parts.validation), "question")
    st.caption(f"Measure it with the held-back questions, which are kept as a set of their own: {training_count} of "
               f"the set “{fmt.markdown(set_name)}” it learns.")  # fmt: skip
    with st.container(border=True):
        values = hyperparameter_fields("embedding")
    request = request_from(name=(name or "").strip(), seed=int(seed), base_model="builtin", hyperparameters=values)
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        submit = st.button("Start the training", key=START, type="primary", icon=":material/play_arrow:")
        st.caption("A few minutes for some hundred pairs; nothing leaves this machine.")
    if submit:
        job = start_embedder(access(), store(), project, request, parts=parts, configuration=configuration,
                             set_name=set_name)  # fmt: skip
        # A new name is proposed in an empty field; the last one is taken now.
        finetuning_state().forms += 1
        open_next(JOB, job.id)
        notify(f"{job.name} started; it goes on when this page is closed.")
        st.rerun()


def _describe_parts(parts: EmbedderParts) -> None:
    sentence = f"The parts share no {parts.whole[:-1]}."
    if not parts.validation:
        sentence += f" There are too few {parts.whole} for a validation loss."
    if parts.omissions:
        sentence += f" {fmt.plural(parts.omissions, 'question')} left out: no source in a chunk, or on both sides."
    st.caption(sentence)


def _parts_of(  # noqa: PLR0917
    project: Project, name: str, configuration: Configuration, share: float, seed: int, whole: Whole
) -> EmbedderParts:
    documents = store().document_list(project)
    questions = store().evaluation_set(project, name)
    # Everything that decides the parts; the arguments with an underscore are not hashed.
    key = (
        [(item.name, item.version) for item in documents],
        questions.version,
        configuration.fingerprint,
        share,
        seed,
        whole,
    )
    return _parts(key, questions.examples, project, configuration, share, seed, whole)


@st.cache_data(max_entries=16, show_spinner="Cutting the documents …")
def _parts(
    key: Any,
    _examples: Sequence[Example],
    _project: Project,
    _configuration: Configuration,
    _share: float,
    _seed: int,
    _whole: Whole,
) -> EmbedderParts:
    documents: Sequence[Document] = store().documents(_project)
    retrieval = retrieval_of(_configuration)
    # The only method of cutting that asks a model.
    encode = models().embedder(retrieval.embedding).encode if retrieval.chunking.method == "semantic" else None
    return parts_by_document(
        _examples, documents, _configuration, held_back_share=_share, whole=_whole, seed=_seed, encode=encode
    )


def _example(project: Project, sets: Sequence[str]) -> None:
    """The example that comes along, where the project has its documents and not its questions yet."""
    sample = sample_chinese([item.name for item in store().document_list(project)])
    # Only beside its own documents: elsewhere its sources would point to nothing.
    if sample is None or sample.name in sets:
        return
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        st.button("Load the example", key="embedder_sample", icon=":material/download:", on_click=_load,
                  args=(project, sample))  # fmt: skip
        st.caption(f"{len(sample.examples)} Chinese questions about these English documents; the built-in model reads "
                   "no Chinese.")  # fmt: skip


def _load(project: Project, sample: EvaluationSet) -> None:
    store().save_evaluation_set(project, sample)
    open_next(SET, sample.name)
    notify(f"The evaluation set {sample.name} is there, with {len(sample.examples)} questions.")
