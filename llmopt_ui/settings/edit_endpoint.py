"""Changing an endpoint in Settings; its models are a list to choose from once it was tested."""

from __future__ import annotations

from typing import Any

import streamlit as st
from pydantic import ValidationError

from llmopt_core.errors import BadInput, field_problem
from llmopt_core.models.endpoint_file import save_endpoint
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.refusal_text import PARAMETERS
from llmopt_ui.components import told_plainly
from llmopt_ui.resources import settings
from llmopt_ui.session import notify, state

_HELP = (
    "What an endpoint refuses in words is learnt by itself. One per line, by hand: max_tokens = max_completion_tokens "
    "sends it under another name, seed = leaves it out."
)


def models_of(endpoint: str) -> list[str]:
    """The models that an endpoint listed when it was tested in this session."""
    found = state().endpoint_checks.get(endpoint)
    return list(getattr(found, "models", ()))


def shutdown_of(endpoint: str, model: str) -> str:
    """The day on which a model is switched off, as its endpoint said in this session; else empty."""
    found = state().endpoint_checks.get(endpoint)
    return str(getattr(found, "shutdowns", {}).get(model, ""))


def edit_form(endpoint: Endpoint) -> None:
    """Its address, key's variable, default model and limits, folded away."""
    name, known = endpoint.name, models_of(endpoint.name)
    with (
        st.expander("Edit", icon=":material/edit:"),
        st.form(f"endpoint_edit_{name}", border=False),
    ):
        left, right = st.columns(2, gap="medium")
        url = left.text_input("Base URL", endpoint.base_url, key=f"endpoint_edit_url_{name}")
        variable = right.text_input("Variable of its key", endpoint.api_key_env, key=f"endpoint_edit_variable_{name}")
        options = list(dict.fromkeys([*([endpoint.default_model] if endpoint.default_model else []), *known]))
        model = left.selectbox(
            "Default model",
            options,
            0 if endpoint.default_model else None,
            key=f"endpoint_edit_model_{name}_{len(known)}",
            accept_new_options=True,
            placeholder="Choose or type one" if known else "Type one; Test lists them",
        )
        calls = right.number_input(
            "Calls at once", 1, 1000, endpoint.max_concurrency, key=f"endpoint_edit_calls_{name}"
        )
        seconds = left.number_input(
            "Longest wait (s)", 1.0, 3600.0, endpoint.timeout_seconds, 10.0, key=f"endpoint_edit_seconds_{name}"
        )
        lines = "\n".join(f"{key} = {other or ''}".rstrip() for key, other in endpoint.parameters.items())
        names = right.text_area("Parameters", lines, key=f"endpoint_edit_parameters_{name}", help=_HELP, height=80)
        pressed = st.form_submit_button("Save endpoint")
    if not pressed:
        return
    with told_plainly():
        changes = {
            "base_url": (url or "").strip(),
            "api_key_env": (variable or "").strip(),
            "default_model": (model or "").strip(),
            "max_concurrency": calls,
            "timeout_seconds": seconds,
            "parameters": parameters_from(names or ""),
        }
        save_endpoint(settings(), edited(endpoint, changes))
        notify(f"Endpoint {name} saved.")
        st.rerun()


def edited(endpoint: Endpoint, changes: dict[str, Any]) -> Endpoint:
    """The endpoint with changes.

    Raises:
        BadInput: One is wrong.
    """
    if not changes["base_url"]:
        raise BadInput("An endpoint needs a base URL, such as http://127.0.0.1:11434/v1.")
    try:
        return Endpoint.model_validate({**endpoint.model_dump(mode="json"), **changes})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise BadInput(f"{first['loc'][0]}: {field_problem(first)}.") from None


def parameters_from(text: str) -> dict[str, str | None]:
    """Parameters with their other names, one per line.

    Raises:
        BadInput: A line names no parameter.
    """
    found: dict[str, str | None] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        name, sign, other = (part.strip() for part in line.partition("="))
        if not name and not sign:
            continue
        if name not in PARAMETERS or not sign:
            raise BadInput(
                f"Parameters, line {number}: write name = other name, or name = to leave it out, where name is one of "
                f"{', '.join(PARAMETERS)}."
            )
        found[name] = other or None
    return found
