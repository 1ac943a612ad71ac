"""The way from a finished job to an evaluation: one click, with a configuration that asks the tuned model."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from llmopt_core.errors import LlmOptError
from llmopt_core.experiments.comparison_parents import record_origins_by_name
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.experiment import list_configurations, save_configuration
from llmopt_core.finetuning.data.examples import TrainingExample
from llmopt_core.finetuning.jobs.job import FineTunedModel, Job
from llmopt_core.labs.finetuning.jobs import configuration_for_training
from llmopt_core.labs.finetuning.prompt_match import (
    SAMPLE_SIZE,
    examples_of_job,
    find_matching_configuration,
    has_instructions,
    questions_for,
)
from llmopt_core.labs.finetuning.structured_outputs import prompting_baseline
from llmopt_core.labs.finetuning.training_pairs import with_tuned_model, without_examples
from llmopt_core.models.base import BUILTIN, ModelSpec
from llmopt_core.runs.values import Project
from llmopt_ui.components import show_error
from llmopt_ui.finetuning.tabs import FACTORIAL, open_tab
from llmopt_ui.navigation import EVALUATION
from llmopt_ui.resources import settings, store
from llmopt_ui.runs.start import RUN_CONFIGURATIONS, RUN_SET
from llmopt_ui.session import notify

_TRAINING_PROMPT = "As its training examples ask"


def evaluate_row(project: Project, job: Job, tuned_model: FineTunedModel) -> None:
    """How it is asked, and the buttons that go on to the evaluation and to the 2 x 2."""
    configurations = list_configurations(store(), project)
    by_name = {c.name: c for c in configurations if not c.model.adapter}
    examples = _first_examples(job.id)
    alike = find_matching_configuration(by_name.values(), examples)
    choices = [_TRAINING_PROMPT, *by_name]
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        choice = st.selectbox("Asked as", choices, choices.index(alike or _TRAINING_PROMPT),
                             key=f"tuning_asked_{job.id}",
                             width=280, help="Its prompt and retrieval, without few-shot examples.")  # fmt: skip
        submit = st.button("Evaluate it", key=f"tuning_evaluate_{job.id}", type="primary",
                            icon=":material/bar_chart:")  # fmt: skip
        st.button("Compare base and fine-tuned, plain and RAG", key=f"tuning_square_{job.id}",
                  icon=":material/grid_view:", on_click=open_tab, args=(FACTORIAL,),
                  kwargs={"square_tuned": tuned_model.name})  # fmt: skip
    if choice == _TRAINING_PROMPT and not alike and has_instructions(examples):
        st.caption(":material/info: Its training examples hold more than a question each. Choose the configuration "
                   "that asks as they do; a bare question is not what it has learned to answer.")  # fmt: skip
    if submit:
        try:
            _to_evaluation(project, _configurations(job, tuned_model, by_name.get(choice)), examples)
        except LlmOptError as error:
            show_error(str(error))


@st.cache_data(max_entries=64, show_spinner=False)
def _first_examples(job_id: str) -> list[TrainingExample]:
    try:
        return examples_of_job(settings(), job_id, SAMPLE_SIZE)
    # Files of an old job may be gone; then nothing is known of how its examples ask.
    except LlmOptError:
        return []


def _configurations(job: Job, tuned_model: FineTunedModel, like: Configuration | None) -> list[Configuration]:
    """What is evaluated: the tuned model last, and what it must beat (for `like` that is `like` itself)."""
    if like is None or not isinstance(tuned_model.spec, ModelSpec):
        examples = examples_of_job(settings(), job.id)
        base = [prompting_baseline(tuned_model, examples)] if examples and tuned_model.spec.endpoint == BUILTIN else []
        return [*base, configuration_for_training(tuned_model, examples)]
    with_adapter = with_tuned_model(without_examples(like), tuned_model.spec)
    return [like, with_adapter.model_copy(update={"name": f"{like.name} · {tuned_model.name}"})]


def _to_evaluation(
    project: Project, configurations: Sequence[Configuration], examples: Sequence[TrainingExample]
) -> None:
    names = {item.name for item in store().configurations(project)}
    for configuration in configurations:
        # What it is compared with may have been changed by the user, and stays as it is; that of the tuned model is
        # made anew.
        if configuration.name not in names or configuration is configurations[-1]:
            save_configuration(store(), project, configuration)
    record_origins_by_name(store(), project, configurations)
    st.session_state["evaluation_view"] = "Run"
    st.session_state[RUN_CONFIGURATIONS] = [configuration.name for configuration in configurations]
    questions = questions_for(store(), project, examples, str(st.session_state.get(RUN_SET) or ""))
    if questions:
        st.session_state[RUN_SET] = questions
    notify(
        f"The configuration {configurations[-1].name} asks the fine-tuned model; choose the questions and press "
        "Evaluate."
    )
    # Without them Streamlit would try to clear the address, which widgets that stand in it forbid.
    st.switch_page(EVALUATION.file, query_params={})
