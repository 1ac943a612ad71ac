"""Which model writes the queries."""

from __future__ import annotations

from typing import Any

import streamlit as st

from llmopt_core.models.base import BUILTIN
from llmopt_ui.forms.fields import Fields
from llmopt_ui.keys import endpoints
from llmopt_ui.model_choice import model_choice
from llmopt_ui.resources import settings

_TOKENS, _TOKENS_BUILTIN = 512, 96


def asker_fields(fields: Fields) -> dict[str, Any]:
    """The model of a configuration."""
    left, middle, right = fields.place.columns(3, gap="medium")
    endpoint = fields.at(left).choice("Endpoint", "endpoint", list(endpoints(settings())), BUILTIN)
    model = model_choice(middle, endpoint, "", fields.key("model"), persist_state="session")
    usual = _TOKENS_BUILTIN if endpoint == BUILTIN else _TOKENS
    # Another endpoint is another field, with the tokens that are usual there.
    tokens = fields.at(right).number("Longest query (tokens)", f"tokens_{endpoint}", 16, 131_072, usual, 16)
    if endpoint == BUILTIN:
        st.caption(
            "No key is needed. So small a model gets few queries right: more with solved queries, most with a larger "
            "model at an endpoint of yours, which Settings adds."
        )
    return {"endpoint": endpoint, "name": model, "max_tokens": tokens}
