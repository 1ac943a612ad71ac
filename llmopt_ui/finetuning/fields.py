"""Hyperparameters as fields, each with a plain note beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from llmopt_core.finetuning.training.explanations import NOTES
from llmopt_core.finetuning.training.hyperparameters import EmbeddingSettings, LoraSettings, ServiceSettings
from llmopt_core.types import Spec
from llmopt_ui.forms.fields import Fields

TITLES = {
    "epochs": "Epochs",
    "n_epochs": "Epochs",
    "batch_size": "Batch size",
    "learning_rate": "Learning rate",
    "learning_rate_multiplier": "Learning rate multiplier",
    "schedule": "Schedule",
    "warmup_share": "Warm-up share",
    "weight_decay": "Weight decay",
    "rank": "Rank",
    "alpha": "Alpha",
    "dropout": "Dropout",
    "layers": "Layers",
    "text_format": "Text format",
    "max_tokens": "Longest example (tokens)",
    "evaluations": "Measurements",
    "validation_examples": "Validation examples each time",
    "patience": "Patience (early stopping)",
    "keep_best": "Keep the best",
    "checkpoint_every": "Steps between checkpoints",
    "beta": "Beta",
    "scale": "Scale",
}
_CHOICES: Mapping[str, Mapping[str, str]] = {
    "schedule": {"linear": "Linear", "cosine": "Cosine", "constant": "Constant"},
    "layers": {"all": "All linear layers", "attention": "Attention only"},
    "text_format": {"completion": "Plain text (completion)", "chat": "Chat template"},
}
_FIRST = {
    "lora": ("epochs", "learning_rate", "batch_size", "rank", "text_format", "patience"),
    "embedding": ("epochs", "learning_rate", "batch_size"),
    "service": ("n_epochs", "batch_size", "learning_rate_multiplier"),
}
_KINDS: Mapping[str, type[Spec]] = {"lora": LoraSettings, "embedding": EmbeddingSettings, "service": ServiceSettings}
# What suits the built-in model better than the defaults of the core, which fit any model.
_USUAL: Mapping[str, Mapping[str, Any]] = {
    "lora": {"text_format": "completion", "patience": 3},
    "embedding": {"epochs": 3, "learning_rate": 1e-4},
}


def hyperparameter_fields(kind: str, *, preference: bool = False) -> dict[str, Any]:
    """Draw the fields of a kind of job; gives what was chosen, without what is left to the service.

    Args:
        kind: `lora`, `embedding` or `service`.
        preference: Whether preference pairs are trained on, which have one more.
    """
    fields = _KINDS[kind].model_fields
    first = list(_FIRST[kind]) + (["beta"] if preference else [])
    # Beta belongs to preference pairs alone, where it is among the first.
    rest = [name for name in fields if name not in first and name != "beta"]
    rows = _field_rows(kind, first)
    if rest:
        with st.expander("Further hyperparameters"):
            rows |= _field_rows(kind, rest)
    # What is left out a service chooses by the data.
    return {name: value for name, value in rows.items() if value is not None}


def _field_rows(kind: str, names: Sequence[str]) -> dict[str, Any]:
    rows = {}
    for name in names:
        field, note = st.columns([2, 5], gap="medium", vertical_alignment="center")
        with field:
            rows[name] = _field(kind, name)
        note.caption(NOTES[name])
    return rows


def _field(kind: str, name: str) -> Any:
    fields = Fields("tune", name)
    default: Any = _USUAL.get(kind, {}).get(name, _KINDS[kind].model_fields[name].default)
    title = TITLES.get(name, name)
    if name in _CHOICES:
        return fields.choice(title, kind, _CHOICES[name], str(default))
    # Before numbers: to Python a bool is an int.
    if isinstance(default, bool):
        return fields.toggle(title, kind, default)
    # Only fields of services have no default here.
    if default is None:
        whole = name in ("n_epochs", "batch_size")
        return fields.number(title, kind, 1 if whole else 0.0, None, None, placeholder="Auto")
    if isinstance(default, int):
        # No patience means never stopping early; everything else counts from 1.
        return fields.number(title, kind, 0 if name == "patience" else 1, None, default)
    # Learning rates are far below the other fractions; two decimals would show 0.00.
    step, digits = (1e-4, "%.6f") if name == "learning_rate" else (0.05, "%.2f")
    return fields.number(title, kind, 0.0, None, float(default), step, format=digits)
