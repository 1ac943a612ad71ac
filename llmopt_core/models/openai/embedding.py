"""Embedding models on OpenAI-compatible endpoints. Import this module at use: it loads the SDK."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import httpx2
import numpy as np

from llmopt_core.errors import EndpointError
from llmopt_core.execution.budget import Budget
from llmopt_core.models.base import Vectors
from llmopt_core.models.calls.meter import quote
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.openai.client import make_sync_client
from llmopt_core.models.openai.embedding_answers import TOO_FEW_VECTORS, read_vectors
from llmopt_core.models.openai.retry import with_retries_here
from llmopt_core.models.openai.wire_answers import check_no_error, read_counts
from llmopt_core.models.openai.wire_errors import endpoint_error
from llmopt_core.models.openai.wire_json import read_json
from llmopt_core.models.prefixes import find_window
from llmopt_core.models.tokenizers import tokenizer
from llmopt_core.text.valid_text import without_surrogates

# Refusals that fewer texts would not change; every other one is tried with one text alone.
# `The model x does not exist`, `invalid api_key`: without this list each of them would cost one more call.
_ABOUT_ELSE = re.compile(
    r"no such model|\b(?:un|not |in)?(?:known|supported|valid|available) (?:model|deployment)|"
    r"model\b.{0,80}\b(?:not (?:found|exist|available|support)|n't exist|does not|is not|unknown|invalid)|"
    r"api[ _-]?key|credential|billing|credit|balance|content (?:policy|filter)|encoding_format",
    re.IGNORECASE,
)
# What services call a failure or a rate although it is the size of the batch.
_BATCH = re.compile(
    r"batch[ _-]?size|too large to process|out of memory|request too large|\b(?:texts|inputs)\b.{0,40}"
    r"(?:limit|exceed|at most|max|range|too (?:many|long)|larger)|(?:too many|number of) (?:texts|inputs)|"
    r"(?:\u6587\u672c|input).{0,20}(?:\u6700\u591a|\u6700\u5927|\u8d85\u8fc7|\u8fc7\u591a)",
    re.IGNORECASE,
)
_OPENAI_WINDOW = 8191  # Tokens per text; many servers cut longer ones without a word.
# Batches at once. A guess: local servers work on one after the other anyway, services count tokens per minute.
_PARALLEL = 4


class EndpointEmbedder:
    """`/v1/embeddings` of an endpoint. Safe to use from several threads.

    Args:
        endpoint: Where the model runs.
        model: Its name there.
        key: Blotted out of error messages.
        budget: Gives the budget that calls are made within; by default one without limits.
    """

    def __init__(
        self, endpoint: Endpoint, model: str, key: str = "", budget: Callable[[], Budget] | None = None
    ) -> None:
        # Names the vectors in caches and indexes: address, version and model decide them.
        self.name = f"{endpoint.base_url}|{endpoint.api_version}|{model}"
        own = Budget()
        # Endpoints do not tell; without a word of the user or a known name it is OpenAI's limit.
        self.max_tokens = endpoint.embedding_model(model).window or find_window(model) or _OPENAI_WINDOW
        self._budget = budget or (lambda: own)
        self._endpoint = endpoint
        self._model = model
        self._key = key
        self._client = make_sync_client(endpoint, key)
        self._dimension = 0  # 0: not known yet.
        # Shrinks while it works: the next `encode` starts with what was taken last.
        self._batch = endpoint.embedding_batch
        # Plain numbers are asked for first, as they need no unpacking; a few servers refuse a field that they do not
        # know.
        self._names_format = True
        self._lock = threading.Lock()

    @property
    def dimension(self) -> int:
        """Length of a vector, found by embedding one word where nothing was embedded yet."""
        if not self._dimension:
            self._embed(["dimension"])
        return self._dimension

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.encode`.

        Raises:
            EndpointError: The endpoint failed for good, or its answer does not fit the question.
        """
        size = self._batch  # Taken once: threads below may make it smaller meanwhile.
        batches = [texts[i : i + size] for i in range(0, len(texts), size)]
        if len(batches) <= 1:
            return self._embed(batches[0]) if batches else np.zeros((0, self.dimension), dtype=np.float32)
        with ThreadPoolExecutor(min(_PARALLEL, self._endpoint.max_concurrency)) as threads:
            # Accounts of this part of the work are known in its own context only.
            # A copy each: one context cannot be entered by two threads at once.
            parts = [threads.submit(copy_context().run, self._embed, batch) for batch in batches]
            try:
                return np.concatenate([part.result() for part in parts])
            except Exception as error:
                # What has not begun would be paid for nothing; what was made before is handed on, to be kept.
                threads.shutdown(cancel_futures=True)
                results = [part.result() if _is_done(part) else None for part in parts]
                setattr(error, "vectors", {  # noqa: B010
                    number * size + place: row
                    for number, rows in enumerate(results) if rows is not None for place, row in enumerate(rows)
                })  # fmt: skip
                raise

    def _embed(self, texts: Sequence[str]) -> Vectors:
        """One call; a batch that the service finds too large is halved, for later ones too."""
        try:
            return self._embed_once(texts)
        except EndpointError as error:
            # Before the test for size: halving would not help, and each half would be refused again.
            if self._names_format and error.kind == "bad-request" and "encoding_format" in str(error):
                self._names_format = False
                return self._embed(texts)
            if len(texts) < 2 or not self._may_be_too_many(error, texts):
                raise
        # Halves and not single texts: a limit of 10 is found with 96 texts in four refusals.
        half = (len(texts) + 1) // 2
        # The batch shrinks only after the half was taken: a refusal that has another cause must not make all later
        # calls small.
        first = self._embed(texts[:half])
        with self._lock:
            self._batch = min(self._batch, half)
        return np.concatenate([first, self._embed(texts[half:])])

    def _may_be_too_many(self, error: EndpointError, texts: Sequence[str]) -> bool:
        """Whether fewer texts may be taken; where the words do not tell, one text alone is the proof.

        Services say it in too many words and languages, some as a failure, some by leaving vectors out.
        """
        if error.kind == TOO_FEW_VECTORS or _BATCH.search(str(error)):
            # Whatever the status: a server that ran out of memory calls it 500, some call it 429.
            return error.kind in (TOO_FEW_VECTORS, "bad-request", "server-error", "rate-limited")
        if error.kind != "bad-request" or _ABOUT_ELSE.search(str(error)):
            return False
        try:
            # The shortest text is the cheapest proof, and itself within any limit of length.
            self._embed_once([min(filter(str.strip, texts), key=len, default=" ")])
        except EndpointError:
            return False
        return True

    def _embed_once(self, texts: Sequence[str]) -> Vectors:
        # Endpoints refuse an empty text.
        inputs = [without_surrogates(text) or " " for text in texts]
        # No `dimensions`: vectors of another length would need a name of their own in every cache.
        body: dict[str, Any] = {"input": inputs, "model": self._model}
        if self._names_format:
            body["encoding_format"] = "float"

        def ask() -> Vectors:
            # Each try is paid for itself, so each needs its room in the budget.
            budget = self._budget()
            # A hundred texts cost a hundred times what one question does: the first of them is no trial call.
            tokens = None if budget.usd is None else sum(map(tokenizer("cl100k_base").count, inputs))
            with budget.call(quote(self._endpoint, self._model, inputs, tokens=tokens)) as call:
                options: Any = {"max_retries": 0}
                response = self._client.post("/embeddings", body=body, options=options, cast_to=httpx2.Response)
                answer = read_json(response.content)
                # Before the answer is checked: what cannot be read was paid for as well.
                call.enter(self._endpoint.usage(self._model, _tokens(answer, inputs), 0))
                check_no_error(answer)
                return read_vectors(answer, len(inputs))

        vectors = with_retries_here(ask, self._endpoint.max_retries, self._explain)
        self._note(vectors.shape[1])
        return vectors

    def _explain(self, error: Exception, attempts: int) -> EndpointError:
        return endpoint_error(error, self._endpoint, self._model, self._key, attempts)

    def _note(self, dimension: int) -> None:
        with self._lock:
            # Vectors of two models in one index would be compared without an error, and mean nothing.
            if self._dimension and self._dimension != dimension:
                raise EndpointError(
                    f"Endpoint {self._endpoint.name!r} changed the length of its vectors from {self._dimension} to "
                    f"{dimension}; the model behind {self._model!r} was replaced, so index again.",
                    "bad-answer",
                )
            self._dimension = dimension


def _tokens(answer: Any, texts: Sequence[str]) -> int:
    """Tokens that the endpoint says it read; counted here, with OpenAI's encoding, where it does not say."""
    return read_counts(answer).prompt or sum(map(tokenizer("cl100k_base").count, texts))


def _is_done(part: Future[Vectors]) -> bool:
    return not part.cancelled() and part.exception() is None
