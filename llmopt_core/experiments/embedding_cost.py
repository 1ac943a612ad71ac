"""What an endpoint must still embed before a configuration can search, and what that costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llmopt_core.experiments.indexing import chunk_with_cache, read_chunks
from llmopt_core.experiments.pipeline import Pipeline
from llmopt_core.index.embedding_cache import find_missing_vectors
from llmopt_core.index.plan import text_to_embed
from llmopt_core.models.base import Embedder
from llmopt_core.models.prefixes import query_side
from llmopt_core.models.tokenizers import tokenizer
from llmopt_core.retrieval.spec import RetrievalSpec

# The default of `Endpoint.embedding_batch`; an endpoint may take another number, hence roughly.
_PER_CALL = 96


@dataclass(frozen=True, slots=True)
class EmbeddingCost:
    """Texts without a vector. `cost_usd` is None where the endpoint has no price for the model."""

    texts: int = 0
    tokens: int = 0
    cost_usd: float | None = 0.0

    @property
    def calls(self) -> int:
        """Calls to the endpoint, roughly."""
        # Rounded up.
        return -(-self.texts // _PER_CALL)


def embedding_cost(pipeline: Pipeline, questions: Sequence[str]) -> EmbeddingCost:
    """For all chunks and these questions; nothing where the embedding model runs on this machine. Sends nothing."""
    retrieval = pipeline.configuration.retrieval
    if retrieval is None or not retrieval.embedding.endpoint:
        return EmbeddingCost()
    embedder = pipeline.models.embedder_at_use(retrieval.embedding)
    # Models with prefixes read questions and passages otherwise; without, both are one side and a text counts once.
    sides: dict[str, tuple[Embedder, list[str]]] = {}
    for side, texts in ((embedder, _chunk_texts(pipeline, retrieval)), (query_side(embedder), questions)):
        sides.setdefault(side.name, (side, []))[1].extend(texts)
    missing: list[str] = []
    for side, side_texts in sides.values():
        distinct = list(dict.fromkeys(side_texts))
        missing += [distinct[place] for place in find_missing_vectors(distinct, side, pipeline.models.cache)]
    # The tokenizer of OpenAI's embedding models; others count a little otherwise.
    tokens = sum(map(tokenizer("cl100k_base").count, missing))
    endpoint = pipeline.models.endpoint(retrieval.embedding.endpoint)
    return EmbeddingCost(len(missing), tokens, endpoint.usage(retrieval.embedding.model, tokens, 0).cost_usd)


def _chunk_texts(pipeline: Pipeline, retrieval: RetrievalSpec) -> list[str]:
    place = (retrieval, pipeline.documents, pipeline.models)
    if retrieval.chunking.method == "semantic" and read_chunks(*place) is None:
        # Cutting embeds every sentence, and what is cut once more. With a blank behind it the second is a text of its
        # own: equal texts count once.
        return [part for document in pipeline.documents for part in (document.text, f"{document.text} ")]
    return [text_to_embed(chunk, retrieval.embedding.of) for chunk in chunk_with_cache(*place)]
