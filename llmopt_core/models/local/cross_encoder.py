"""Cross-encoders through sentence-transformers: question and passage are read together."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

from llmopt_core.execution.timing import exclude_wait, exclusive
from llmopt_core.models.local.threads import all_threads, use_threads
from llmopt_core.models.local.weights import load_once
from llmopt_core.text.valid_text import without_surrogates
from llmopt_core.types import Usage


class LocalCrossEncoder:
    """A CrossEncoder behind a lock, run beside the event loop."""

    def __init__(self, model: Any, name: str) -> None:
        self.name = name
        self._model = model
        self._lock = threading.Lock()

    async def score(self, question: str, passages: Sequence[str]) -> tuple[list[float], Usage]:
        """See `Reranker.score`. For a model with several labels the last one's score counts."""
        if not passages:
            return [], Usage()
        return await asyncio.to_thread(self._score, question, passages), Usage()

    def _score(self, question: str, passages: Sequence[str]) -> list[float]:
        pairs = [(without_surrogates(question), without_surrogates(passage)) for passage in passages]
        # A question has tens of passages: enough for all threads.
        # The lane first: a thread that held the lock while it waits for a lane could stop one that has the lane.
        with exclusive(all_threads()), exclude_wait(self._lock):
            scores = self._model.predict(pairs, show_progress_bar=False)
        if scores.ndim == 2:
            # By custom the last label is "relevant" or "entailment".
            scores = scores[:, -1]
        return [float(score) for score in scores]


# Never dropped: loading takes seconds, and few models are compared in one process.
_models: dict[str, LocalCrossEncoder] = {}


def local_cross_encoder(name: str, threads: int) -> LocalCrossEncoder:
    """The process's one copy of a cross-encoder, loaded at first use. Errors as in `weights.load_once`."""
    return load_once(_models, name, lambda path, local: _make(path, local, threads), LocalCrossEncoder)


def _make(path: str, local: bool, threads: int) -> Any:
    import transformers
    from sentence_transformers import CrossEncoder

    use_threads(threads)
    # Its bars would stand in the output of `llmopt`, between lines that other programs read.
    transformers.utils.logging.disable_progress_bar()
    return CrossEncoder(path, local_files_only=local)
