"""The button of a step: it makes the configuration or the data ready, and opens the lab that goes on with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from llmopt_core.errors import LlmOptError
from llmopt_core.experiments.versions.prompts import few_shot_from, save_few_shot
from llmopt_core.labs.evaluation.adviser.changes import save_proposal
from llmopt_core.labs.evaluation.adviser.prepare import (
    good_records,
    other_model,
    prepare_few_shot,
    save_good_answers,
)
from llmopt_core.labs.evaluation.adviser.step import Area, Proposal, Step
from llmopt_core.labs.finetuning.without_few_shot import without_shots
from llmopt_core.models.base import BUILTIN
from llmopt_core.runs.question_splits import part_name, part_of
from llmopt_core.runs.values import Project, Run
from llmopt_core.types.parts import SEARCH
from llmopt_ui import format as fmt
from llmopt_ui import navigation
from llmopt_ui.button_to import button_to
from llmopt_ui.components import show_error
from llmopt_ui.keys import endpoints
from llmopt_ui.lab_keys import EMBEDDER_BASE, EMBEDDER_SET, TRAINING_VERSION
from llmopt_ui.model_choice import model_choice
from llmopt_ui.navigation import DOCUMENTS, EVALUATION, FINETUNING, PROMPTS, RETRIEVAL, SETTINGS, PageSpec
from llmopt_ui.pickers import open_next
from llmopt_ui.resources import settings, store
from llmopt_ui.runs.start import RUN_CONFIGURATIONS, RUN_SET
from llmopt_ui.session import notify, state

PAGES_OF_AREAS: Mapping[Area, PageSpec] = {
    "documents": DOCUMENTS, "prompts": PROMPTS, "retrieval": RETRIEVAL, "finetuning": FINETUNING,
    "evaluation": EVALUATION,
}  # fmt: skip
_DATA_QUESTIONS = "Data questions"
_NO_DATA_PAGE = (
    "No configuration of this version asks a database. Keep these questions as a category of their own, answer them by "
    "queries outside, and bring the answers in with *Import results*, so that they stand beside the others."
)


def action_view(project: Project, step: Step, page: PageSpec, key: str) -> None:
    """The button of a step, where something can be made ready.

    Args:
        project: Whose.
        step: What is advised.
        page: Of its lab.
        key: Of the place, unique on its page.
    """
    # What another tool made has no settings to start from.
    run = store().run(step.run_id) if step.run_id is not None else None
    is_ours = run is not None and not run.imported
    if step.proposal is not None:
        _configuration_button(project, step, step.proposal, page, key)
    elif step.preparation == "choose":
        button_to(EVALUATION, "Choose them in Run", f"step_choose_{key}", "Run",
                  **{RUN_CONFIGURATIONS: list(step.configurations)})  # fmt: skip
    elif step.preparation == "database":
        _database(key)
    elif run is not None and is_ours:
        _prepared(project, step, run, key)
    elif run is not None and step.preparation:
        st.caption("Its settings are not known here: it was made by another tool. Try the step there, or make the "
                   "configuration here under Evaluation, Configurations.")  # fmt: skip


def _prepared(project: Project, step: Step, run: Run, key: str) -> None:
    if step.preparation == "few-shot":
        if st.button("Create it with examples", key=f"step_shots_{key}", icon=":material/add:", help="Takes "
                     "questions outside of this set where there are any, else good answers of this run, and says "
                     "which. Opens Prompts, Few-shot. Nothing is run yet."):  # fmt: skip
            _few_shot(project, run)
    elif step.preparation == "training-set":
        if st.button("Prepare the training set", key=f"step_training_{key}", icon=":material/add:", help="Takes the "
                     "answers of this run that are known to be right, and opens Fine-tuning. Nothing is trained "
                     "yet."):  # fmt: skip
            _training_set(run)
    elif step.preparation == "pairs":
        part = part_of(run.evaluation_set)
        # What is held back is no data to train on.
        set_name = part_name(part[0], SEARCH) if part else run.evaluation_set
        names = [item.name for item in store().configurations(project) if item.fingerprint == run.fingerprint]
        base = {EMBEDDER_BASE: names[0]} if names else {}
        button_to(FINETUNING, "Pair its questions with their sources", f"step_pairs_{key}", "Embedding model",
                  **{EMBEDDER_SET: set_name}, **base)  # fmt: skip
    elif step.preparation == "model":
        with st.popover("Choose the model", icon=":material/neurology:", key=f"step_model_{key}"):
            _model_form(project, run, key)


def _configuration_button(project: Project, step: Step, proposal: Proposal, page: PageSpec, key: str) -> None:
    if st.button(
        f"Create {fmt.markdown(fmt.shorten(proposal.name, 40))}",
        key=f"step_create_{key}",
        icon=":material/add:",
        help=f"Saves it as a configuration and opens {page.title}. Nothing is run yet.",
    ):
        # No callback: what is saved there changes the steps, and this button would be gone when it is asked.
        _create(project, proposal)
        # Pages that look at configurations by other fields than the editor's: the lab of retrieval has two sides.
        choices = {"left": proposal.base, "right": state().next_configuration} if page is RETRIEVAL else {}
        _go(page, step.view, choices)


def _create(project: Project, proposal: Proposal, more: str = "") -> str:
    saved = save_proposal(store(), project, proposal)
    state().next_configuration = saved.name
    told = more or "Evaluate it under Evaluation, Run, and see whether it is better."
    notify(f"{saved.name} is saved. {told}")
    return saved.name


def _go(page: PageSpec, view: str, choices: Mapping[str, Any]) -> None:
    state().widget_values = ({page.tabs: view} if view and page.tabs else {}) | dict(choices)
    st.switch_page(page.file, query_params={})


def _few_shot(project: Project, run: Run) -> None:
    try:
        prepared = prepare_few_shot(store(), run)
        name = _create(project, prepared.proposal, prepared.sentence)
        save_few_shot(store(), project, name, few_shot_from(prepared.proposal.spec["prompt"]["few_shot"]),
                      prepared.sentence)  # fmt: skip
    except LlmOptError as error:
        show_error(str(error))
        return
    open_next("few_shot", name)
    _go(PROMPTS, "Few-shot", {})


def _training_set(run: Run) -> None:
    try:
        records = without_shots(good_records(store(), run), run.configuration)
        version, sentence = save_good_answers(store(), run, records)
    except LlmOptError as error:
        show_error(str(error))
        return
    notify(sentence)
    open_next(TRAINING_VERSION, version.label)
    _go(FINETUNING, "Training data", {})


def _model_form(project: Project, run: Run, key: str) -> None:
    names = list(endpoints(settings()))
    before = (run.configuration.get("model") or {}).get("endpoint", BUILTIN)
    endpoint = st.selectbox("Endpoint", sorted(names, key=lambda name: name == before), key=f"step_endpoint_{key}")
    model = model_choice(st, endpoint, "", f"step_model_name_{key}")
    if len(names) == 1:
        st.caption("A stronger model takes an endpoint: add one in Settings.")
        button_to(SETTINGS, "Open Settings", f"step_settings_{key}")
    is_same = endpoint == before and model in ("", (run.configuration.get("model") or {}).get("name", ""))
    if st.button("Create it and open Run", key=f"step_stronger_{key}", type="primary", disabled=is_same):
        name = _create(project, other_model(run.name, run.configuration, endpoint, model))
        own = [one.name for one in store().configurations(project) if one.fingerprint == run.fingerprint]
        _go(EVALUATION, "Run", {RUN_SET: run.evaluation_set, RUN_CONFIGURATIONS: [*own[:1], name]})


def _database(key: str) -> None:
    page = next((page for page in navigation.PAGES if page.title == _DATA_QUESTIONS), None)
    if page is None:
        st.caption(_NO_DATA_PAGE)
    else:
        button_to(page, f"Open {_DATA_QUESTIONS}", f"step_database_{key}")
