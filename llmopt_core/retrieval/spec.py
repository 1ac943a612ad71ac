"""What decides which chunks a question finds. Each part rebuilds one stage of the retriever."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from llmopt_core.chunking.spec import ChunkingSpec
from llmopt_core.models.base import EmbeddingSpec, ModelSpec
from llmopt_core.types import Spec

TransformMethod = Literal["none", "hyde", "multi-query", "decompose", "step-back"]
RerankMethod = Literal["none", "late-interaction", "cross-encoder", "llm-likelihood", "llm-yes-no", "llm-listwise"]


class TransformSpec(Spec):
    """What is searched with in place of the bare question.

    Attributes:
        method: `hyde` embeds invented passages that answer the question, averaged with the question itself;
            `multi-query` adds other wordings; `decompose` searches each part of the question and merges what they
            find; `step-back` adds a more general question.
        n: Passages, wordings, or the most parts. Step-back always writes one.
        model: Who writes them. All but `none` need a stronger model than the built-in one, which makes results worse.
        prompt: Replaces the default prompt; a template with `question` and `n`.
    """

    method: TransformMethod = "none"
    n: int = Field(default=3, ge=1, le=16)  # the bound keeps a mistyped number from costing a thousand calls
    model: ModelSpec = ModelSpec()
    prompt: str = ""


class SearchSpec(Spec):
    """How chunks are found.

    Attributes:
        method: By meaning, by words, or both.
        fusion: How both are merged: by reciprocal ranks, or by scores, each divided by the best of its list.
        weight: Share of the dense scores in weighted fusion; the words have the rest.
        rrf_k: Constant of reciprocal rank fusion (Cormack et al. 2009).
        candidates: Taken from each search, and kept after fusion; at least `top_k`.
        filters: On document metadata, see `index.filters`.
        threshold: Candidates with a lower score after fusion are dropped. For dense search it is a cosine similarity.
        mmr: Maximal marginal relevance when the final chunks are chosen: 1 is relevance alone, 0 diversity alone.
    """

    method: Literal["dense", "bm25", "hybrid"] = "dense"
    fusion: Literal["rrf", "weighted"] = "rrf"
    weight: float = Field(default=0.5, ge=0.0, le=1.0)
    rrf_k: int = Field(default=60, ge=1)
    # 30: what a reranker can still put right, at a millisecond of late interaction
    candidates: int = Field(default=30, ge=1, le=1000)
    filters: Mapping[str, Any] = Field(default_factory=dict)
    # Infinity or "not a number" from a YAML file would drop everything or nothing without a word.
    threshold: float | None = Field(default=None, allow_inf_nan=False)
    mmr: float | None = Field(default=None, ge=0.0, le=1.0)


class RerankSpec(Spec):
    """How candidates are put into a better order.

    Attributes:
        method: `late-interaction` compares token by token; `cross-encoder` is a model that reads question and chunk
            together; the others ask an LLM: how likely the question is given the chunk, whether the chunk answers it,
            or for the order of all.
        model: For late interaction the token embedder (empty: the built-in one); for `cross-encoder` its name or
            folder.
        llm: For the `llm-` methods.
        candidates: Only so many of the best are reranked, the rest is dropped; None for all.
        prompt: Replaces the default prompt of an `llm-` method.
    """

    method: RerankMethod = "none"
    model: str = ""
    llm: ModelSpec | None = None
    candidates: int | None = Field(default=None, ge=1)
    prompt: str = ""

    @model_validator(mode="after")
    def _require_name(self) -> RerankSpec:
        # There is none built in, and a name by default would download some 100 MB unasked.
        if self.method == "cross-encoder" and not self.model:
            raise ValueError("a cross-encoder needs the name or folder of its model")
        return self


class RouteSpec(Spec):
    """Settings of one category that replace the general ones; what is left out stays."""

    transform: TransformSpec | None = None
    search: SearchSpec | None = None
    rerank: RerankSpec | None = None
    top_k: int | None = Field(default=None, ge=1)


class LabelledQuestion(Spec):
    """A question whose category is known."""

    question: str
    category: str


class RoutingSpec(Spec):
    """Which category a question has, and what that changes.

    Attributes:
        method: The category stands in the evaluation set (`given`), is that of the most similar labelled example
            (`nearest`), or is chosen by a model (`llm`).
        routes: Settings by category; a category without an entry takes the general settings.
        examples: For `nearest`; for `llm` they are shown to the model.
        model: For `llm`.
        prompt: Replaces the default prompt of `llm`; a template with `question`, `categories` and `examples`.
    """

    method: Literal["given", "nearest", "llm"] = "given"
    routes: Mapping[str, RouteSpec] = Field(default_factory=dict)
    examples: tuple[LabelledQuestion, ...] = ()
    model: ModelSpec = ModelSpec()
    prompt: str = ""

    @model_validator(mode="after")
    def _teachable(self) -> RoutingSpec:
        if self.method == "nearest" and not self.examples:
            raise ValueError("routing by the nearest example needs labelled examples")
        return self

    @property
    def categories(self) -> tuple[str, ...]:
        """All categories, sorted."""
        # Examples may name categories without settings: a question can still be recognised as one, and take the general
        # ones.
        return tuple(sorted({*self.routes, *(example.category for example in self.examples)}))


class RetrievalSpec(Spec):
    """Everything from documents to the chunks handed to the model."""

    chunking: ChunkingSpec = Field(default_factory=ChunkingSpec)
    embedding: EmbeddingSpec = EmbeddingSpec()
    transform: TransformSpec = TransformSpec()
    search: SearchSpec = SearchSpec()
    rerank: RerankSpec = RerankSpec()
    routing: RoutingSpec | None = None
    top_k: int = Field(default=3, ge=1, le=1000)

    @property
    def searches_words(self) -> bool:
        """Whether a question may be searched by its words, in general or in a route."""
        routes = self.routing.routes.values() if self.routing else ()
        return any(search.method != "dense" for search in (self.search, *(route.search for route in routes)) if search)

    def for_category(self, category: str | None) -> RetrievalSpec:
        """The settings in force for a category."""
        # A category without an entry (a new one in the set) is no mistake.
        route = self.routing.routes.get(category) if self.routing and category else None
        if route is None:
            return self
        # None means "as in general"; a field that a route may have is a field of this class of the same name.
        changes = {name: value for name in RouteSpec.model_fields if (value := getattr(route, name)) is not None}
        return self.model_copy(update=changes)
