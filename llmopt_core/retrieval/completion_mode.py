"""What every stage that asks a model needs to know about it."""

from __future__ import annotations

from llmopt_core.models.base import ModelSpec
from llmopt_core.models.registry import Models


def uses_completion(model: ModelSpec, models: Models) -> bool:
    """Whether the model is given a plain text to continue, rather than messages.

    Raises:
        BadInput: There is no such endpoint.
    """
    return (model.mode or models.endpoint(model.endpoint).mode) == "completion"
