"""Names -> endpoints, embedding models and rerankers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import cast

from llmopt_core.errors import BadInput
from llmopt_core.execution.budget import Budget
from llmopt_core.models.base import BUILTIN_EMBEDDING, Embedder, EmbeddingSpec, Reranker, TokenEmbedder
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.local.weights import local_prefixes, local_window
from llmopt_core.models.prefixes import Prefixes, find_prefixes, set_by_hand, with_prefixes
from llmopt_core.models.trust import check_trust
from llmopt_core.settings import Settings


class EmbeddingRegistry:
    """The embedding half of `Models`: how each embedder and reranker is made and shared.

    Args:
        settings: Workspace and threads.
        endpoints: Endpoints by name.
        keys: Keys by endpoint name, for keys that are not in the environment.
    """

    def __init__(self, settings: Settings, endpoints: Mapping[str, Endpoint], keys: Mapping[str, str]) -> None:
        self.settings = settings
        self._endpoints, self._keys = dict(endpoints), dict(keys)
        self._embedders: dict[str, Embedder] = {}
        self._endpoint_embedders: dict[tuple[str, str], Embedder] = {}
        self._budget = Budget()

    def endpoint(self, name: str) -> Endpoint:
        """The endpoint of that name.

        Raises:
            BadInput: There is none; the message lists those there are.
        """
        if name not in self._endpoints:
            names = ", ".join(sorted(self._endpoints))
            raise BadInput(f"There is no endpoint named {name!r} (there: {names}); add it in Settings or in the file.")
        return self._endpoints[name]

    def register_embedder(self, name: str, embedder: Embedder) -> None:
        """Let an embedder of your own stand for the model of that name, for whole texts and tokens."""
        self._embedders[name] = embedder

    def embedder(self, spec: EmbeddingSpec) -> Embedder:
        """The embedding model, as passages need it; `prefixes.query_side` gives it as questions do.

        A local one is loaded here at first use.

        Raises:
            BadInput: No such endpoint, folder or hub name.
            MissingDependency: A package or the weights are missing.
        """
        return with_prefixes(self._plain_embedder(spec), self.prefixes(spec))

    def prefixes(self, spec: EmbeddingSpec) -> Prefixes:
        """What is written before questions and passages. Loads nothing."""
        if spec.endpoint:
            entry = self.endpoint(spec.endpoint).embedding_model(spec.model)
            # From the weakest word to the strongest: the table, the endpoint's settings, the configuration.
            return set_by_hand(spec, find_prefixes(spec.model).override(entry.query_prefix, entry.passage_prefix))
        # What a caller registered is taken as it is; and where both are said, no file of weights has to be looked up.
        if spec.model in self._embedders or (spec.query_prefix is not None and spec.passage_prefix is not None):
            return set_by_hand(spec, Prefixes())
        return set_by_hand(spec, local_prefixes(spec.model))

    def window(self, spec: EmbeddingSpec) -> int | None:
        """Tokens that the model reads, its special tokens among them; None where only loading tells. Loads nothing."""
        if spec.model in self._embedders:
            return self._embedders[spec.model].max_tokens
        if spec.endpoint:
            return self.embedder(spec).max_tokens
        return local_window(spec.model)

    def _plain_embedder(self, spec: EmbeddingSpec) -> Embedder:
        if spec.model in self._embedders:
            return self._embedders[spec.model]
        if spec.endpoint:
            return self._endpoint_embedder(spec)
        from llmopt_core.models.local.embedding import local_embedder

        return local_embedder(spec.model, self.settings.threads)

    def embedder_at_use(self, spec: EmbeddingSpec) -> Embedder:
        """`embedder`, but a local model is loaded only when something must be embedded."""
        if spec.model in self._embedders or spec.endpoint:
            return self.embedder(spec)
        from llmopt_core.models.local.embedding import lazy_embedder

        return with_prefixes(lazy_embedder(spec.model, self.settings.threads), self.prefixes(spec))

    def token_embedder(self, name: str = BUILTIN_EMBEDDING) -> TokenEmbedder:
        """The token vectors of a local embedding model. Errors as in `embedder`."""
        embedder = self._plain_embedder(EmbeddingSpec(model=name))
        if not hasattr(embedder, "encode_tokens"):
            raise BadInput(f"The embedding model {name!r} gives no token vectors; use {BUILTIN_EMBEDDING}.")
        return cast(TokenEmbedder, embedder)

    def cross_encoder(self, name: str) -> Reranker:
        """A sentence-transformers CrossEncoder from a folder or by hub name. Errors as in `embedder`."""
        from llmopt_core.models.local.cross_encoder import local_cross_encoder

        return local_cross_encoder(name, self.settings.threads)

    def _endpoint_embedder(self, spec: EmbeddingSpec) -> Embedder:
        from llmopt_core.models.openai.embedding import EndpointEmbedder

        place = (spec.endpoint, spec.model)
        if place not in self._endpoint_embedders:
            endpoint = self.endpoint(spec.endpoint)
            # The budget as a function: the embedder outlives that of this moment.
            self._endpoint_embedders[place] = EndpointEmbedder(
                endpoint, spec.model, self._key(endpoint), lambda: self._budget
            )
        return self._endpoint_embedders[place]

    def _key(self, endpoint: Endpoint) -> str:
        """The endpoint's key; nothing is read for, and nothing goes to, a host that only a foreign file knows."""
        check_trust(self.settings, [endpoint])
        from_environment = os.environ.get(endpoint.api_key_env, "") if endpoint.api_key_env else ""
        return self._keys.get(endpoint.name) or from_environment
