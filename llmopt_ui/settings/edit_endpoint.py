"""Changing an endpoint in Settings; its models are a list to choose from."""

from __future__ import annotations

from typing import Any

import streamlit as st
from pydantic import ValidationError

from llmopt_core.errors import BadInput, field_problem
from llmopt_core.models.body_fields import parameter_lines, parameters_in
from llmopt_core.models.endpoint_file import save_endpoint
from llmopt_core.models.endpoints import Endpoint
from llmopt_ui.components import show_errors
from llmopt_ui.forms.request_fields import PARAMETERS_HELP
from llmopt_ui.model_choice import models_of, shutdown_note
from llmopt_ui.resources import settings
from llmopt_ui.session import notify


def edit_form(endpoint: Endpoint) -> None:
    """Its address, key's variable, default model and limits, folded away."""
    name, models = endpoint.name, models_of(endpoint.name)
    with (
        st.expander("Edit", icon=":material/edit:"),
        st.form(f"endpoint_edit_{name}", border=False),
    ):
        left, right = st.columns(2, gap="medium")
        url = left.text_input("Base URL", endpoint.base_url, key=f"endpoint_edit_url_{name}")
        variable = right.text_input("Variable of its key", endpoint.api_key_env, key=f"endpoint_edit_variable_{name}")
        # The present model first: an endpoint that is off lists none, and the field must still hold it.
        options = list(dict.fromkeys([*([endpoint.default_model] if endpoint.default_model else []), *models]))
        model = left.selectbox(
            "Default model",
            options,
            0 if endpoint.default_model else None,
            # A new field when the list has come: Streamlit would keep the empty one.
            key=f"endpoint_edit_model_{name}_{len(models)}",
            accept_new_options=True,
            placeholder="Choose or type one" if models else "Type one; it lists none",
        )
        if note := shutdown_note(name, endpoint.default_model):
            left.caption(note)
        calls = right.number_input(
            "Calls at once", 1, 1000, endpoint.max_concurrency, key=f"endpoint_edit_calls_{name}"
        )
        seconds = left.number_input(
            "Longest wait (s)", 0.0, 3600.0, endpoint.timeout_seconds, 10.0, key=f"endpoint_edit_seconds_{name}"
        )
        batch = right.number_input(
            "Texts per embedding call", 1, 2048, endpoint.embedding_batch, key=f"endpoint_edit_batch_{name}",
            help="Where the service refuses so many at once, half of them are sent.",
        )  # fmt: skip
        names = left.text_area(
            "Parameters", parameter_lines(endpoint.parameters), key=f"endpoint_edit_parameters_{name}",
            help=PARAMETERS_HELP, placeholder="temperature =", height=110,
        )  # fmt: skip
        models_text = right.text_area(
            "Models to choose from", "\n".join(endpoint.models), key=f"endpoint_edit_models_{name}",
            help="One per line, for an endpoint that does not list them itself.", height=110,
        )  # fmt: skip
        thinks = left.checkbox(
            "Answers begin with thinking", endpoint.begins_with_thinking, key=f"endpoint_edit_thinks_{name}",
            help="For models whose opening mark of thinking is part of the prompt: an answer that the limit of tokens "
            "cuts before the closing mark is then thinking. Once a whole answer was seen, this is known without.",
        )  # fmt: skip
        save = st.form_submit_button("Save endpoint")
    if not save:
        return
    with show_errors():
        changes = {
            "base_url": (url or "").strip(),
            "api_key_env": (variable or "").strip(),
            "default_model": (model or "").strip(),
            "max_concurrency": calls,
            "timeout_seconds": seconds,
            "parameters": parameters_in(names or ""),
            "embedding_batch": batch,
            "begins_with_thinking": thinks,
            # One per line, without blanks, empty lines and doubles, in the order that was typed.
            "models": tuple(dict.fromkeys(line.strip() for line in (models_text or "").splitlines() if line.strip())),
        }
        save_endpoint(settings(), apply_changes(endpoint, changes))
        notify(f"Endpoint {name} saved.")
        st.rerun()


def apply_changes(endpoint: Endpoint, changes: dict[str, Any]) -> Endpoint:
    """The endpoint with changes.

    Raises:
        BadInput: One is wrong.
    """
    if not changes["base_url"]:
        raise BadInput("An endpoint needs a base URL, such as http://127.0.0.1:11434/v1.")
    try:
        # Validated as a whole, since `model_copy` would take any value unseen.
        return Endpoint.model_validate({**endpoint.model_dump(mode="json"), **changes})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise BadInput(f"{first['loc'][0]}: {field_problem(first)}.") from None
