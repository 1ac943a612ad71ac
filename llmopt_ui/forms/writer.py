"""Who writes what is embedded of a chunk, where that is not its text."""

from __future__ import annotations

from typing import Any

import streamlit as st

from llmopt_core.models.base import BUILTIN, EmbeddingSpec, ModelSpec
from llmopt_ui.forms.fields import Fields
from llmopt_ui.keys import endpoints
from llmopt_ui.model_choice import model_choice
from llmopt_ui.resources import settings


def writer_fields(before: EmbeddingSpec, of: str, token: str) -> dict[str, Any]:
    """The part of an embedding that says what is embedded and who writes it.

    Args:
        before: As it was.
        of: What is embedded now.
        token: Part of the keys.
    """
    # Texts and headings are there already, so nobody writes them.
    if of not in ("summary", "questions"):
        return {"of": of, "writer": None}
    spec = before.writer or ModelSpec()
    fields = Fields("edit", token)
    endpoint = fields.choice("Written by", "writer", list(endpoints(settings())), spec.endpoint)
    key = fields.key("writer_name")
    name = model_choice(st, endpoint, spec.name, key, label="Its model", persist_state="session")
    st.caption(
        "One call per chunk, kept for ever."
        + (" The built-in model writes poor ones: this needs a stronger model." if endpoint == BUILTIN else "")
    )
    # 120 tokens for a new writer: a short summary or a few questions; more would be paid for every chunk.
    spec_after = {"endpoint": endpoint, "name": name, "max_tokens": spec.max_tokens if before.writer else 120}
    return {"of": of, "writer": {**spec.model_dump(mode="json"), **spec_after}}
