"""Which judge grades answers."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from llmopt_core.models.base import BUILTIN, EmbeddingSpec, ModelSpec
from llmopt_core.types import Spec

# Raise it whenever a verdict could change: a word list, a weight, a border. Scores of another version are not reused.
BUILTIN_JUDGE_VERSION = "4"
# The prompts are those of Ragas 0.4.3; raise the number when the way replies are read changes. 2: the last object of a
# reply that fits is its verdict, thinking and quotations are passed over, and an item without a verdict makes no score.
# 3: nor do two objects that contradict each other. 4: nor where the words before a later one are of many more kinds.
LLM_JUDGE_VERSION = "ragas-0.4.3-4"


class JudgeSpec(Spec):
    """An LLM on an endpoint, or the built-in deterministic judge. The word `builtin` stands for the latter.

    Attributes:
        endpoint: Name of an endpoint; `builtin` is the deterministic judge, never the built-in chat model.
        model: Model name at the endpoint; empty takes the endpoint's default.
        questions: How many questions answer relevancy generates per answer (Ragas: strictness).
        embedding: Embeds questions for answer relevancy, and answers for semantic similarity.
    """

    endpoint: str = BUILTIN
    model: str = ""
    # 0, so that the same answer gets the same verdict as far as a service allows.
    temperature: float = Field(default=0.0, ge=0.0, le=2.0)
    # Verdicts on every statement of a long answer, each with its reason, are long; cut ones are lost.
    max_tokens: int = Field(default=2048, ge=64)
    questions: int = Field(default=3, ge=1, le=10)
    embedding: EmbeddingSpec = EmbeddingSpec()

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, value: Any) -> Any:
        if isinstance(value, str):
            # A bare word in YAML is `judge: builtin`; any other is an endpoint without its model, or a slip.
            if value != BUILTIN:
                raise ValueError(f"judge is 'builtin' or {{endpoint: NAME, model: NAME}}, not '{value}'")
            return {}
        return value

    @model_validator(mode="after")
    def _builtin_has_no_model(self) -> JudgeSpec:
        if self.is_builtin and self.model:
            raise ValueError("the built-in judge is not a model: name an endpoint, or leave the model out")
        return self

    @property
    def is_builtin(self) -> bool:
        """Whether the deterministic judge grades."""
        return self.endpoint == BUILTIN

    @property
    def name(self) -> str:
        """Who is asked."""
        return "built-in judge" if self.is_builtin else f"{self.model or 'default model'} on {self.endpoint}"

    @property
    def label(self) -> str:
        """What stands beside its numbers, with the version of the judge: numbers of two versions are not compared."""
        if self.is_builtin:
            return f"{self.name} v{BUILTIN_JUDGE_VERSION}"
        return f"{self.name} (judge v{LLM_JUDGE_VERSION.rpartition('-')[2]})"  # the number behind the last dash

    @property
    def version(self) -> str:
        """Changes whenever this judge could grade the same answer differently."""
        return f"builtin-{BUILTIN_JUDGE_VERSION}" if self.is_builtin else f"{LLM_JUDGE_VERSION}-{self.fingerprint}"

    @property
    def chat_model(self) -> ModelSpec:
        """The model that is asked; chat mode, whatever the endpoint's own mode."""
        return ModelSpec(
            endpoint=self.endpoint,
            name=self.model,
            mode="chat",
            temperature=self.temperature,
            max_tokens=self.max_tokens,
        )
