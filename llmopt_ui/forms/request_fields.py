"""What a configuration adds to its requests or leaves out of them, folded away."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from llmopt_core.models.base import ModelSpec
from llmopt_core.models.body_fields import extra_body_in, parameter_lines, parameters_in
from llmopt_ui.forms.fields import Fields

_EFFORTS = {"": "As the model prefers", **{word: word for word in ("none", "minimal", "low", "medium", "high")}}
PARAMETERS_HELP = (
    "What an endpoint refuses in words is learnt by itself. One per line, by hand: max_tokens = max_completion_tokens "
    "sends it under another name, seed = leaves it out."
)


def request_fields(before: ModelSpec, token: str) -> dict[str, Any]:
    """Reasoning effort, further fields, and parameters that are renamed or left out.

    Raises:
        BadInput: What was typed is no such thing.
    """
    # Open where something is set, which must be seen.
    is_filled = bool(before.reasoning_effort or before.extra_body or before.parameters)
    with st.expander("Reasoning and further fields of the request", icon=":material/data_object:", expanded=is_filled):
        left, right = st.columns(2, gap="medium")
        fields = Fields("edit", token, left)
        effort = fields.choice("Reasoning effort", "effort", _EFFORTS, before.reasoning_effort, accept_new_options=True)
        help_text = f"{PARAMETERS_HELP} These go before those of the endpoint."
        lines = parameter_lines(before.parameters)
        names = fields.area("Parameters", "parameters", lines, help=help_text, placeholder="temperature =", height=110)
        extra = fields.at(right).area(
            "Further fields", "extra",
            json.dumps(before.extra_body, indent=1, ensure_ascii=False) if before.extra_body else "",
            help="JSON or YAML that is added to the body of each request (extra_body), as the endpoint wants it.",
            placeholder='{"top_k": 20}', height=196,
        )  # fmt: skip
    return {
        "reasoning_effort": effort.strip(),
        "parameters": parameters_in(names),
        "extra_body": extra_body_in(extra),
    }
