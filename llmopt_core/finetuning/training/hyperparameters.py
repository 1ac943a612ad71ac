"""What one can set for a training run, with ranges."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError, field_validator

from llmopt_core.errors import BadInput, field_problem
from llmopt_core.types import Spec

S = TypeVar("S", bound=Spec)


class LoopSettings(Spec):
    """What every training on this machine has.

    Attributes:
        epochs: How often each example is seen.
        batch_size: Examples per step.
        learning_rate: Highest step size, reached after the warm-up.
        schedule: How the learning rate falls after the warm-up.
        warmup_share: Part of the steps in which it rises.
        max_tokens: Longer examples are left out (chat) or cut (embeddings).
        evaluations: How often the validation loss is measured on the way, evenly spread.
        validation_examples: At most this many are used for the curve; all of them at the end.
        patience: Stop after this many measurements without a better validation loss; 0 never stops early.
        keep_best: Whether the model with the lowest validation loss is the result, rather than the last.
        checkpoint_every: Steps between checkpoints.
    """

    # Upper bounds are there to catch slips (a learning rate of 10), not to mark what is useful.
    epochs: int = Field(default=3, ge=1, le=100)
    batch_size: int = Field(default=8, ge=1, le=512)
    learning_rate: float = Field(default=1e-3, gt=0.0, le=0.1)
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    warmup_share: float = Field(default=0.05, ge=0.0, le=0.5)
    weight_decay: float = Field(default=0.0, ge=0.0, le=1.0)
    # Memory grows with its square where attention is written out, see `lora_run`.
    max_tokens: int = Field(default=1024, ge=8, le=8192)
    evaluations: int = Field(default=10, ge=1, le=1000)
    # At ten measurements of 64 examples the curve takes a small part of the time.
    validation_examples: int = Field(default=64, ge=1)
    patience: int = Field(default=0, ge=0, le=1000)
    keep_best: bool = True
    # Smaller loses less to a kill and writes more often; a checkpoint is a few megabytes.
    checkpoint_every: int = Field(default=25, ge=1)


class LoraSettings(LoopSettings):
    """Hyperparameters of a LoRA run on the built-in chat model.

    Attributes:
        rank: Size of the adapter's matrices.
        alpha: Strength; the adapter's output is scaled by alpha / rank. 0 takes twice the rank.
        dropout: Share of the adapter's inputs left out at random while training.
        layers: Which linear layers get an adapter.
        text_format: `chat` trains on the model's chat template, `completion` on plain text. The tuned model has to be
            asked the same way; the configuration made from a finished job does.
    """

    rank: int = Field(default=16, ge=1, le=256)
    alpha: float = Field(default=0.0, ge=0.0, le=1024.0)
    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    layers: Literal["all", "attention"] = "all"
    text_format: Literal["chat", "completion"] = "chat"

    @property
    def scaling(self) -> float:
        """Alpha / rank."""
        return (self.alpha or 2.0 * self.rank) / self.rank


class EmbeddingSettings(LoopSettings):
    """Hyperparameters of an embedding run: questions learn to lie near their passages.

    The loss is MultipleNegativesRankingLoss: the other passages of a batch are the wrong ones, so larger batches are
    harder and better.

    Attributes:
        scale: Cosine similarities are multiplied by this before the loss.
    """

    epochs: int = Field(default=1, ge=1, le=50)
    batch_size: int = Field(default=32, ge=2, le=512)
    # Far smaller than LoRA's: here all weights of the model move.
    learning_rate: float = Field(default=5e-5, gt=0.0, le=0.01)
    warmup_share: float = Field(default=0.1, ge=0.0, le=0.5)
    # all-MiniLM-L6-v2 reads 256 word pieces by default, and has positions for 512.
    max_tokens: int = Field(default=256, ge=8, le=512)
    validation_examples: int = Field(default=256, ge=1)
    checkpoint_every: int = Field(default=50, ge=1)
    # The usual one for this loss, and sentence-transformers' default.
    scale: float = Field(default=20.0, gt=0.0)


class ServiceSettings(Spec):
    """Hyperparameters of an OpenAI-compatible service; what is None, or `auto`, is left to the service.

    Attributes:
        beta: For preference pairs: how close the model stays to where it started.
    """

    n_epochs: int | None = Field(default=None, ge=1, le=50)
    batch_size: int | None = Field(default=None, ge=1, le=256)
    learning_rate_multiplier: float | None = Field(default=None, gt=0.0)
    beta: float | None = Field(default=None, gt=0.0, le=2.0)

    @field_validator("*", mode="before")
    @classmethod
    def _auto_is_none(cls, value: Any) -> Any:
        # OpenAI's own word for leaving it to the service; YAML and forms pass it on as a text.
        return None if value == "auto" else value


def settings_from(kind: type[S], values: dict[str, Any]) -> S:
    """Checked hyperparameters.

    Raises:
        BadInput: An unknown name or a value out of range; says which.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        # The first is enough; pydantic would list one problem several times for a union.
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        field_names = ", ".join(kind.model_fields)
        hint = f"; known are {field_names}" if first["type"] == "extra_forbidden" else ""
        raise BadInput(f"Hyperparameter {where}: {field_problem(first)}{hint}.") from None
