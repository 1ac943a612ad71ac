"""Widgets <-> a configuration. What the form does not show stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st
import yaml
from pydantic import ValidationError

from llmopt_core.answering.fact_check.check import FactCheckSpec
from llmopt_core.errors import BadInput, field_problem
from llmopt_core.experiments.comparison_parents import record_origin
from llmopt_core.experiments.configuration import Configuration, configuration_from
from llmopt_core.experiments.descriptive_names import configuration_name
from llmopt_core.models.base import BUILTIN, ModelSpec
from llmopt_core.runs.values import Project, SavedConfiguration
from llmopt_ui import format as fmt
from llmopt_ui.components import downloads, plain_fragment, show_errors
from llmopt_ui.forms.data import data_fields
from llmopt_ui.forms.fields import Fields
from llmopt_ui.forms.prompt import prompt_fields
from llmopt_ui.forms.request_fields import request_fields
from llmopt_ui.forms.retrieval import retrieval_fields
from llmopt_ui.forms.saved_prompt import saved_prompt_choice
from llmopt_ui.forms.tuned_model import choose_tuned_model
from llmopt_ui.keys import endpoints
from llmopt_ui.model_choice import model_choice
from llmopt_ui.resources import settings, store
from llmopt_ui.session import notify, state

CONFIGURATION = "edited"
NAME = "edit_name"
SAVE = "edit_save"
REMOVE = "edit_remove"
NEW = "New configuration"
_MODES = {"": "As the endpoint prefers", "chat": "Chat messages", "completion": "Plain completion"}
_METHODS = {"none": "No fact check", "flag": "Flag what no chunk supports", "revise": "Take out what no chunk supports"}
# Shown in words, as a line break in a field cannot be seen.
_STOPS = {"\n": "End of line", "\n\n": "Empty line"}
# Fits the built-in model, which copies well and follows no long instruction: one chunk, few words, an end at the
# first line.
STARTER = {
    "name": "new",
    "model": {"endpoint": BUILTIN, "max_tokens": 32, "stop": ["\n"]},
    "prompt": {
        "system": "Answer each question with a few words copied from the passage.",
        "template": "Passage: {{ context }}\nQuestion: {{ question }}\nAnswer:",
    },
    "retrieval": {
        "chunking": {"size": 120},
        "search": {"method": "hybrid"},
        "rerank": {"method": "late-interaction"},
        "top_k": 1,
    },
}


def configuration_picker(
    configurations: Sequence[SavedConfiguration], key: str, *, new: bool = False
) -> SavedConfiguration | None:
    """Choose one saved configuration; None stands for a new one."""
    names = [item.name for item in configurations] + ([NEW] if new else [])
    if state().next_configuration in names:
        st.session_state[key] = state().next_configuration
    # Forgotten also where it is not there, or it would jump in when one of that name is made later.
    state().next_configuration = ""
    name = st.selectbox("Configuration", names, key=key, bind="query-params", width=340)
    return next((item for item in configurations if item.name == name), None)


@plain_fragment
def configuration_editor(project: Project, current: SavedConfiguration | None) -> None:
    """Edit a configuration and save it. Saving under its name makes a new version; under another name, a copy."""
    before = configuration_from(current.spec) if current else configuration_from(dict(STARTER))
    # In the keys of all fields: another configuration, or a new version, fills them anew.
    token = f"{current.fingerprint}_{current.name}" if current else "new"
    # The name stands above the fields and is drawn after them: a proposed one says what they hold.
    place = st.container()
    model_tab, prompt_tab, retrieval_tab, data_tab, fact_check_tab, text_tab = st.tabs(
        ["Model", "Prompt", "Retrieval", "Data and tools", "Fact check", "As YAML"]
    )
    with show_errors():
        with model_tab:
            model = model_fields(before.model, token)
        with prompt_tab:
            prompt_choice = saved_prompt_choice(project, before.prompt, token)
            prompt = (
                prompt_fields(before.prompt, token) if prompt_choice is None else prompt_choice.model_dump(mode="json")
            )
        with retrieval_tab:
            retrieval = retrieval_fields(before.retrieval, token)
        with data_tab:
            data = data_fields(project, before, token)
        with fact_check_tab:
            fact_check = fact_check_fields(before.fact_check, token, retrieval is not None)
        spec: dict[str, Any] = {"model": model, "prompt": prompt, "retrieval": retrieval, "fact_check": fact_check,
                                **data}  # fmt: skip
        with place:
            spec = {"name": _name(project, current, spec, f"{NAME}_{token}"), **spec}
        with text_tab, show_errors():
            _as_yaml(spec)
        _buttons(project, current, spec)


def _name(project: Project, current: SavedConfiguration | None, spec: dict[str, Any], key: str) -> str:
    """The name; where none is typed one that says what the fields hold."""
    names = [item.name for item in store().configurations(project)]
    usual = "" if current else configuration_name(spec, names)
    name = st.text_input("Saved under the name", current.name if current else "", key=key, placeholder=usual, width=480,
                          persist_state="session")  # fmt: skip
    return (name or "").strip() or usual


def _buttons(project: Project, current: SavedConfiguration | None, spec: dict[str, Any]) -> None:
    with st.container(horizontal=True, gap="small"):
        if st.button("Save configuration", key=SAVE, type="primary", icon=":material/save:"):
            with show_errors():
                configuration = configuration_of(spec)
                version = store().save_configuration(
                    project, configuration.name, configuration.model_dump(mode="json"), configuration.fingerprint
                )
                if current is not None:
                    record_origin(store(), project, configuration.fingerprint, current.fingerprint)
                state().next_configuration = version.name
                notify(f"{version.name} saved as version {version.version}.")
                st.rerun()
        if current is not None and st.button(
            "Remove from the list", key=REMOVE, type="tertiary", icon=":material/delete:"
        ):
            store().delete_configuration(project, current.name)
            notify(f"{current.name} removed; its runs stay.")
            st.rerun()


def configuration_of(values: dict[str, Any]) -> Configuration:
    """The configuration that the fields describe.

    Raises:
        BadInput: Something is missing or contradicts itself, in words for the user.
    """
    if not values["name"]:
        raise BadInput("Give the configuration a name.")
    embedding = (values["retrieval"] or {}).get("embedding", {})
    # The spec has a default, the built-in model, which no service has.
    if embedding.get("endpoint") and not embedding.get("model"):
        raise BadInput(f"Name the embedding model at {embedding['endpoint']}, in the tab Retrieval.")
    try:
        return Configuration.model_validate(values)
    except ValidationError as error:
        # Pydantic's own message would stand below it with values of the form.
        raise BadInput(sentence_of(error)) from None


def sentence_of(error: ValidationError) -> str:
    """What is wrong with the fields, in one sentence."""
    first = error.errors(include_url=False)[0]
    where = " > ".join(str(part) for part in first["loc"])
    return f"{where}: {field_problem(first)}." if where else f"{field_problem(first).capitalize()}."


def model_fields(before: ModelSpec, token: str) -> dict[str, Any]:
    """Which model, asked how."""
    left, right = st.columns(2, gap="medium")
    fields = Fields("edit", token, left)
    endpoint = fields.choice("Endpoint", "endpoint", list(endpoints(settings())), before.endpoint)
    with left:
        # First: a tuned model brings its own name and mode, from which the fields below are filled.
        before, token_change = choose_tuned_model(before, endpoint, token)
    name = model_choice(right, endpoint, before.name, f"edit_model_{token}{token_change}", persist_state="session")
    if endpoint == BUILTIN:
        st.caption(
            "The built-in model is small: it needs plain completion with worked examples, few tokens and little "
            "context. It can't judge, expand questions or follow long instructions."
        )
    mode = Fields("edit", f"{token}{token_change}", left).choice("Asked by", "mode", _MODES, before.mode)
    # Further ones that were typed before are options as well, or the field would refuse its own value.
    stops = list(dict.fromkeys([*_STOPS, *before.stop]))
    stop = right.multiselect(
        "Stops at",
        stops,
        list(before.stop),
        key=f"edit_stop_{token}",
        format_func=lambda text: _STOPS.get(text, text),
        accept_new_options=True,
        placeholder="Nothing",
        persist_state="session",
    )
    temperature = fields.number("Temperature", "temperature", 0.0, 2.0, before.temperature, 0.1)
    tokens = fields.at(right).number("Longest answer (tokens)", "tokens", 1, 131_072, before.max_tokens, 16)
    # The built-in model sends no request.
    more = {} if endpoint == BUILTIN else request_fields(before, token)
    changes = {
        **more,
        "endpoint": endpoint,
        "name": name,
        "mode": mode,
        "stop": tuple(stop),
        "temperature": temperature,
        "max_tokens": tokens,
    }
    # Fields that the form does not show stay as they were.
    return {**before.model_dump(mode="json"), **changes}


def fact_check_fields(before: FactCheckSpec | None, token: str, retrieves: bool) -> dict[str, Any] | None:
    """What happens to an answer before it counts."""
    spec = before or FactCheckSpec()
    method = st.radio(
        "Fact check",
        list(_METHODS),
        list(_METHODS).index(spec.method),
        format_func=_METHODS.__getitem__,
        key=f"edit_fact_{token}",
        persist_state="session",
    )
    label = "Say “I don't know” when no chunk supports the answer"
    refuse = Fields("edit", token).toggle(label, "refuse", spec.refuse_unsupported)
    if not retrieves and (refuse or method != "none"):
        st.caption("Without retrieval there are no chunks to check against.")
    # None and a check that does nothing are the same; one of them must be the form in which it is stored.
    if method == "none" and not refuse:
        return None
    return {**spec.model_dump(mode="json"), "method": method, "refuse_unsupported": refuse}


def _as_yaml(spec: dict[str, Any]) -> None:
    configuration = configuration_of({**spec, "name": spec["name"] or "unnamed"})
    values = configuration.model_dump(mode="json", exclude_defaults=True)
    text = yaml.safe_dump({"configurations": [values]}, sort_keys=False, allow_unicode=True, width=100)
    st.caption("The same thing for an experiment file.")
    st.code(text, language="yaml", wrap_lines=True)
    downloads("edit_yaml", ("YAML", text, f"{fmt.file_stem(configuration.name)}.yaml"))
