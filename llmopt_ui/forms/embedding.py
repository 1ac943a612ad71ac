"""Which embedding model, and where it runs: from a list, or by any name."""

from __future__ import annotations

from typing import Any

import streamlit as st

from llmopt_core.labs.finetuning.catalogue import list_embedding_models
from llmopt_core.models.base import BUILTIN, BUILTIN_EMBEDDING, EmbeddingSpec
from llmopt_ui.keys import endpoints
from llmopt_ui.model_choice import embedding_models_of, model_choice, sure_embedding_models_of
from llmopt_ui.resources import settings

LOCAL = "On this machine"
_HELP = (
    "The built-in all-MiniLM-L6-v2 reads English. For other languages name a multilingual model (a folder, a hub name, "
    "or one of an endpoint), or search by words."
)


def embedding_fields(before: EmbeddingSpec, endpoint_key: str, model_key: str, place: Any = st) -> dict[str, str]:
    """Choose endpoint and model of an embedding; the endpoint is empty for this machine.

    Args:
        before: As it was.
        endpoint_key: Of the first widget, which is drawn where there is an endpoint.
        model_key: Of the second.
        place: Where the first stands.
    """
    others = [name for name in endpoints(settings()) if name != BUILTIN]
    # An endpoint that was removed is still what is saved.
    others += [before.endpoint] if before.endpoint and before.endpoint not in others else []
    endpoint_choice = LOCAL
    if others:
        runs = [LOCAL, *others]
        index = runs.index(before.endpoint or LOCAL)
        endpoint_choice = place.selectbox(
            "Embedding model runs", runs, index, key=endpoint_key, persist_state="session"
        )
    # Names of models mean nothing at another endpoint.
    same = endpoint_choice == (before.endpoint or LOCAL)
    if endpoint_choice == LOCAL:
        return {"endpoint": "", "model": _local_choice(before.model if same else BUILTIN_EMBEDDING, model_key)}
    first = before.model if same else next(iter(sure_embedding_models_of(endpoint_choice)), "")
    name = model_choice(
        st, endpoint_choice, first, f"{model_key}_{endpoint_choice}", label="Embedding model",
        models=embedding_models_of(endpoint_choice), persist_state="session",
        placeholder="text-embedding-3-small",
    )  # fmt: skip
    return {"endpoint": endpoint_choice, "model": name}


def _local_choice(before: str, key: str) -> str:
    """A model on this machine: the built-in one, those that were tuned, and any by folder or hub name."""
    labels = {BUILTIN_EMBEDDING: f"{BUILTIN_EMBEDDING} (built in)"}
    for model in list_embedding_models(settings()):
        if isinstance(model.spec, EmbeddingSpec):
            labels[model.spec.model] = f"{model.name} (fine-tuned)"
    # A folder of one's own, by its last part.
    labels.setdefault(before, before.rsplit("/", 1)[-1])
    names = list(labels)
    choice = st.selectbox("Embedding model", names, names.index(before), key=key, accept_new_options=True, help=_HELP,
                          format_func=lambda name: labels.get(name, name), persist_state="session")  # fmt: skip
    # An emptied field is no model.
    return str(choice or "").strip() or before
