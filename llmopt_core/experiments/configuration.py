"""Everything that decides an answer, as one frozen value."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import AliasChoices, Field, ValidationError, field_validator, model_validator

from llmopt_core.answering.fact_check.check import FactCheckSpec
from llmopt_core.answering.tools.sql.spec import DataSpec
from llmopt_core.errors import BadInput, field_problem
from llmopt_core.models.base import ModelSpec
from llmopt_core.prompts.spec import PromptSpec
from llmopt_core.retrieval.spec import RetrievalSpec
from llmopt_core.types import Spec, fingerprint


class Configuration(Spec):
    """Model, prompt, retrieval, fact check, tools and data source under a name.

    The name labels it and is no part of its fingerprint: two configurations that answer alike are the same.
    """

    name: str = Field(min_length=1, max_length=200)
    model: ModelSpec = ModelSpec()
    prompt: PromptSpec = PromptSpec()
    retrieval: RetrievalSpec | None = None
    # `checks` is what it was called in the configurations that were stored first.
    fact_check: FactCheckSpec | None = Field(None, validation_alias=AliasChoices("fact_check", "checks"))

    # Left out where empty: what was stored before there were tools keeps its fingerprint.
    tools: tuple[Literal["sql", "calculator"], ...] = Field(default=(), exclude_if=operator.not_)
    data: DataSpec | None = Field(default=None, exclude_if=lambda value: value is None)

    @model_validator(mode="after")
    def _tools_have_their_source(self) -> Configuration:
        if "sql" in self.tools and self.data is None:
            raise ValueError("the tool sql needs a data source; name one under data: source")
        if len(set(self.tools)) < len(self.tools):
            raise ValueError("a tool is offered once")
        return self

    @field_validator("name")
    @classmethod
    def _visible(cls, name: str) -> str:
        name = name.strip()
        if not name or not name.isprintable():
            raise ValueError("a configuration's name has visible characters only")
        return name

    @property
    def fingerprint(self) -> str:
        """Hash of everything but the name, with the fact check under the names that runs were stored with at first."""
        values = self.model_dump(mode="json", exclude={"name", "fact_check"})
        return fingerprint(
            "Configuration", {**values, "checks": self.fact_check and self.fact_check.fingerprint_values()}
        )

    @property
    def models(self) -> tuple[ModelSpec, ...]:
        """Every chat model it may call."""
        # Each once, in the order of a question's way through them.
        return tuple(dict.fromkeys(_models(self)))

    @property
    def retrieval_asks(self) -> bool:
        """Whether its retrieval calls a chat model."""
        return any(True for _ in _retrieval_models(self.retrieval))


def configuration_from(values: dict[str, Any]) -> Configuration:
    """A configuration that was stored, such as that of a run.

    Raises:
        BadInput: It was made by another version of the program and cannot be read.
    """
    try:
        return Configuration.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadInput(
            f"The stored configuration {values.get('name', '')} cannot be read: {where}: {field_problem(first)}."
        ) from error


def _models(configuration: Configuration) -> Iterator[ModelSpec]:
    yield configuration.model
    if configuration.fact_check is not None and isinstance(configuration.fact_check.judge, ModelSpec):
        yield configuration.fact_check.judge
    yield from _retrieval_models(configuration.retrieval)
    data = configuration.data
    if data is not None and data.routing is not None and data.routing.method == "llm":
        yield data.routing.model


def _retrieval_models(retrieval: RetrievalSpec | None) -> Iterator[ModelSpec]:
    if retrieval is None:
        return
    if retrieval.embedding.writer_model is not None:
        yield retrieval.embedding.writer_model
    if retrieval.transform.method != "none":
        yield retrieval.transform.model
    if retrieval.rerank.method.startswith("llm-"):
        yield retrieval.rerank.llm or ModelSpec()
    if retrieval.routing is not None and retrieval.routing.method == "llm":
        yield retrieval.routing.model
