"""How questions are turned into queries."""

from __future__ import annotations

import operator
import re
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field, field_validator

from llmopt_core.retrieval.spec import RoutingSpec
from llmopt_core.types import Spec

Method = Literal["plain", "few-shot-question", "few-shot-masked", "few-shot-skeleton"]


class SolvedQuery(Spec):
    """A question whose query is known; `database` names its schema where it is another one."""

    question: str = Field(min_length=1)
    sql: str = Field(min_length=1)
    database: str = ""


class DataSpec(Spec):
    """A data source, and how a model is made to ask it.

    Attributes:
        source: A database file, a folder of databases or of tables, or a URL. Where an example names its `database`,
            the one of that name below the folder is asked.
        method: `plain` shows the schema alone. The others show solved queries too: those with the nearest question,
            with the nearest question after schema words and values are masked, or with the query nearest to one that
            the model drafts first (a hypothetical query, compared by its skeleton).
        examples: The solved queries.
        shots: How many of them to show.
        same_difficulty: Only those as difficult as the draft are shown, by Spider's rules. The draft is the model's
            own; the right query is never looked at.
        reasoning: Whether the model writes columns, then tables, then the query (chain of thought).
        repair: How many times an error goes back to the model with its message.
        repair_empty: Whether an empty result goes back as well.
        samples: How many queries are drafted at most; the most frequent result is taken (self-consistency).
        sample_temperature: Of the samples after the first, where the model's own is 0: equal samples cannot vote.
        tables: How many tables of a large schema are shown.
        sample_values: How many values of each column are shown.
        descriptions: Table or `table.column` -> what it holds, over what the source says itself.
        routing: Which questions go to the database where documents are there too; None sends all.
        categories: Of the router, those that go to the database.
        system, template: Over the built-in prompt; variables: schema, examples, question, dialect.
    """

    source: str = Field(min_length=1, max_length=4000)
    method: Method = "plain"
    examples: tuple[SolvedQuery, ...] = Field(default=(), exclude_if=operator.not_)
    shots: int = Field(default=3, ge=1, le=50)
    same_difficulty: bool = False
    reasoning: bool = False
    repair: int = Field(default=0, ge=0, le=10)
    repair_empty: bool = False
    samples: int = Field(default=1, ge=1, le=50)
    sample_temperature: float = Field(default=0.7, gt=0.0, le=2.0)
    tables: int = Field(default=12, ge=1, le=1000)
    sample_values: int = Field(default=3, ge=0, le=20)
    descriptions: dict[str, str] = Field(default_factory=dict, exclude_if=operator.not_)
    routing: RoutingSpec | None = Field(default=None, exclude_if=lambda value: value is None)
    categories: tuple[str, ...] = Field(default=(), exclude_if=operator.not_)
    system: str = Field(default="", exclude_if=operator.not_)
    template: str = Field(default="", exclude_if=operator.not_)

    def __hash__(self) -> int:
        """Its dictionary has no hash of its own."""
        return hash(self.fingerprint)

    @field_validator("source")
    @classmethod
    def _holds_no_password(cls, source: str) -> str:
        # A configuration is stored and shown; what is in it is no secret any more.
        if "://" not in source:
            return source
        address = urlsplit(source)
        secrets = [address.password or "", *(value for key, value in parse_qsl(address.query) if key == "password")]
        if any(secret and not re.fullmatch(r"\$\{\w+\}", secret) for secret in secrets):
            raise ValueError(
                "the source holds a password; put it into an environment variable and write ${NAME} in its place"
            )
        return source

    @property
    def shows_examples(self) -> bool:
        """Whether solved queries stand in the prompt."""
        return self.method != "plain" and bool(self.examples)

    @property
    def drafts_first(self) -> bool:
        """Whether a query is drafted before the examples are chosen."""
        return self.shows_examples and (self.method == "few-shot-skeleton" or self.same_difficulty)
