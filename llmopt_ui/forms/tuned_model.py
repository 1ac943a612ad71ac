"""Tuned models as a choice wherever a model is chosen. Draws nothing while there are none."""

from __future__ import annotations

import streamlit as st

from llmopt_core.labs.finetuning.catalogue import list_chat_models
from llmopt_core.models.base import BUILTIN, ModelSpec
from llmopt_ui.resources import settings


def choose_tuned_model(before: ModelSpec, endpoint: str, token: str) -> tuple[ModelSpec, str]:
    """Choose a tuned model of an endpoint, or its base model.

    Returns:
        The spec with adapter, name and mode of what was chosen, and a text that differs where that is not what `before`
        had, for the keys of fields that are filled from it.
    """
    # Adapters are files for the built-in model; another endpoint has none.
    there = before.model_copy(update={"adapter": before.adapter if endpoint == BUILTIN else ""})
    specs = {model.name: model.spec for model in list_chat_models(settings(), endpoint)}
    current = there.adapter or (there.name if there.name in specs else "")
    # The present one also where its model was deleted, or the form would change it unseen.
    names = list(dict.fromkeys(["", *specs, current]))
    if names == [""]:
        return there, ""
    choice = st.selectbox("Fine-tuned model", names, names.index(current),
                          format_func=lambda name: name or "Base model", key=f"edit_tuned_{endpoint}_{token}",
                          persist_state="session",
                          help="Made by fine-tuning jobs; asked the way it was trained.")  # fmt: skip
    if choice == current:
        return there, ""
    spec = specs.get(choice)
    # "Base model" has no spec: then the endpoint as it is.
    target = spec if isinstance(spec, ModelSpec) else ModelSpec(endpoint=endpoint)
    changes = {"adapter": target.adapter, "name": target.name, "mode": target.mode}
    return there.model_copy(update=changes), f"_{choice or 'base'}"
