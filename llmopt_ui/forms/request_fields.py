"""What a configuration adds to its requests or leaves out of them, folded away."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from llmopt_core.models.base import ModelSpec
from llmopt_core.models.body_fields import extra_body_in, parameter_lines, parameters_in

_EFFORTS = ["", "none", "minimal", "low", "medium", "high"]
PARAMETERS_HELP = (
    "What an endpoint refuses in words is learnt by itself. One per line, by hand: max_tokens = max_completion_tokens "
    "sends it under another name, seed = leaves it out."
)


def request_fields(before: ModelSpec, token: str) -> dict[str, Any]:
    """Reasoning effort, further fields, and parameters that are renamed or left out.

    Raises:
        BadInput: What was typed is no such thing.
    """
    used = bool(before.reasoning_effort or before.extra_body or before.parameters)
    with st.expander("Reasoning and further fields of the request", icon=":material/data_object:", expanded=used):
        left, right = st.columns(2, gap="medium")
        effort = left.selectbox(
            "Reasoning effort",
            list(dict.fromkeys([*_EFFORTS, before.reasoning_effort])),
            list(dict.fromkeys([*_EFFORTS, before.reasoning_effort])).index(before.reasoning_effort),
            format_func=lambda word: word or "As the model prefers",
            key=f"edit_effort_{token}",
            accept_new_options=True,
            persist_state="session",
        )
        names = left.text_area(
            "Parameters",
            parameter_lines(before.parameters),
            key=f"edit_parameters_{token}",
            help=f"{PARAMETERS_HELP} These go before those of the endpoint.",
            placeholder="temperature =",
            height=110,
            persist_state="session",
        )
        extra = right.text_area(
            "Further fields",
            json.dumps(before.extra_body, indent=1, ensure_ascii=False) if before.extra_body else "",
            key=f"edit_extra_{token}",
            help="JSON or YAML that is added to the body of each request (extra_body), as the endpoint wants it.",
            placeholder='{"top_k": 20}',
            height=196,
            persist_state="session",
        )
    return {
        "reasoning_effort": (effort or "").strip(),
        "parameters": parameters_in(names or ""),
        "extra_body": extra_body_in(extra or ""),
    }
