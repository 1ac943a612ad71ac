"""Local embedding models through sentence-transformers, for whole texts and for tokens."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from llmopt_core.execution.timing import exclude_wait
from llmopt_core.models.base import Embedder, Vectors
from llmopt_core.models.local.threads import all_threads, one_thread, use_threads
from llmopt_core.models.local.weights import identity_of, load_once
from llmopt_core.models.prefixes import prefixes_of
from llmopt_core.text.valid_text import without_surrogates

# Rule of thumb for a CPU: larger batches take memory and hardly any less time.
_BATCH = 32
# Texts per turn at the model: others get theirs in between.
_TURN = 512
# Up to so many texts are questions, not passages to index.
_FEW = 4


class LocalEmbedder:
    """A SentenceTransformer; its tokenizer is behind a lock, as it must not be used from two threads at once.

    A few texts are embedded beside others, as many at once as there are lanes; many have all threads for themselves.
    """

    def __init__(self, model: Any, name: str) -> None:
        self.name = name
        self.dimension = int(model.get_embedding_dimension())
        # Some have none; 512 is what models of BERT's kind read.
        self.max_tokens = int(model.max_seq_length or 512)
        self._model = model
        self._lock = threading.Lock()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.encode`. Texts are sorted by length, so that a batch holds little padding."""
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for positions in _turns(texts):
            batch = [without_surrogates(texts[i]) for i in positions]
            if len(batch) <= _FEW:
                # No lock around the arithmetic: several questions are embedded side by side, each in its lane.
                with exclude_wait(one_thread()):
                    vectors[positions] = self._embed(batch)
                continue
            # Lane before lock, always: the other order would let two threads wait for each other.
            with exclude_wait(all_threads()), exclude_wait(self._lock):
                vectors[positions] = self._model.encode(
                    batch, batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False
                )
        return vectors

    def encode_tokens(self, texts: Sequence[str]) -> list[tuple[list[int], Vectors]]:
        """See `TokenEmbedder.encode_tokens`."""
        by_position: dict[int, tuple[list[int], Vectors]] = {}
        for positions in _turns(texts, _BATCH):
            batch = [without_surrogates(texts[i]) for i in positions]
            with exclude_wait(one_thread() if len(batch) <= _FEW else all_threads()):
                rows = self._tokens(batch)
            by_position.update(zip(positions, rows, strict=True))
        return [by_position[i] for i in range(len(texts))]

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """The token ids that `encode_tokens` gives, without running the model."""
        # Marks of beginning and end match those of every passage, and say nothing.
        special = set(self._model.tokenizer.all_special_ids)
        batch = [without_surrogates(text) for text in texts]
        with exclude_wait(self._lock):
            encoding = self._model.tokenizer(batch, truncation=True, max_length=self.max_tokens) if batch else {}
        return [[token for token in ids if token not in special] for ids in encoding.get("input_ids", ())]

    def _features(self, batch: list[str]) -> dict[str, Any]:
        with exclude_wait(self._lock):
            features = self._model.preprocess(batch)
        return {key: value.to(self._model.device) if hasattr(value, "to") else value
                for key, value in features.items()}  # fmt: skip

    def _embed(self, batch: list[str]) -> Vectors:
        """What the model's own `encode` gives, to the last bit, without its lock around the arithmetic."""
        import torch

        with torch.inference_mode():
            states = self._model(self._features(batch))["sentence_embedding"]
            # In 32 bits, as `encode` does it: models with 16-bit weights would round the length.
            vectors: Vectors = torch.nn.functional.normalize(states.float(), p=2, dim=1).cpu().numpy()
        return vectors

    def _tokens(self, batch: list[str]) -> list[tuple[list[int], Vectors]]:
        import torch

        special = set(self._model.tokenizer.all_special_ids)
        with torch.inference_mode():
            features = self._features(batch)
            states = self._model(features)["token_embeddings"]
            states = torch.nn.functional.normalize(states.float(), dim=-1).cpu().numpy()
        rows = []
        for ids, vectors in zip(features["input_ids"].tolist(), states, strict=True):
            places = [i for i, token in enumerate(ids) if token not in special]
            # A copy: a slice would keep the padded batch in memory as long as one row of it.
            rows.append(([ids[i] for i in places], np.ascontiguousarray(vectors[places], dtype=np.float32)))
        return rows


def _turns(texts: Sequence[str], size: int = _TURN) -> Iterator[list[int]]:
    """Positions of texts of similar length, longest first as running out of memory should show at once."""
    # Characters stand for tokens: close enough to put texts of like length together.
    order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
    for start in range(0, len(order), size):
        yield order[start : start + size]


class LazyEmbedder:
    """A local model known by its identity, and loaded when something must be embedded.

    Args:
        name: Identity of the weights.
        load: Gives the model.
    """

    def __init__(self, name: str, load: Callable[[], Embedder]) -> None:
        self.name = name
        self._load = load

    @property
    def dimension(self) -> int:
        """See `Embedder.dimension`."""
        # Loads the model: most stages find every vector in the cache and never ask.
        return self._load().dimension

    @property
    def max_tokens(self) -> int:
        """See `Embedder`."""
        return self._load().max_tokens

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.encode`."""
        return self._load().encode(texts)


_models: dict[str, LocalEmbedder] = {}


def lazy_embedder(name: str, threads: int) -> Embedder:
    """The model, loaded only when it has something to do where its identity is known without."""
    identity = identity_of(name)
    # A hub name whose revision only the download tells; without it no key of a cached vector can be made.
    if identity is None:
        return local_embedder(name, threads)
    return cast(Embedder, LazyEmbedder(identity, lambda: local_embedder(name, threads)))


def local_embedder(name: str, threads: int) -> LocalEmbedder:
    """The process's one copy of a model, loaded at first use. Errors as in `weights.load_once`."""
    return load_once(_models, name, lambda path, local: _make(path, local, threads), LocalEmbedder)


def _make(path: str, local: bool, threads: int) -> Any:
    import transformers
    from sentence_transformers import SentenceTransformer

    use_threads(threads)
    transformers.utils.logging.disable_progress_bar()
    # `local_files_only`, or it asks the hub for a newer version at each start.
    model = SentenceTransformer(path, local_files_only=local)
    if prefixes_of(path, Path(path)):
        # They are written before the texts, questions and passages apart: one more here would be one too many.
        model.default_prompt_name = None
    return model
