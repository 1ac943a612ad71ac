"""What an embedding model wants written before a question and before a passage, and how much it reads.

Models trained with such prefixes find less without them. They are taken from the model's own `prompts` (the file
`config_sentence_transformers.json`), else by the model's name from the table below; a configuration may say otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from llmopt_core.models.base import Embedder, EmbeddingSpec, Vectors
from llmopt_core.models.tokenizers import tokenizer
from llmopt_core.text.json_text import parse_json


@dataclass(frozen=True, slots=True)
class Prefixes:
    """Put before each question, and before each passage; empty for nothing."""

    query: str = ""
    passage: str = ""

    def override(self, query: str | None, passage: str | None) -> Prefixes:
        """With what somebody set by hand; None leaves it as it is, an empty text takes it away."""
        return Prefixes(self.query if query is None else query, self.passage if passage is None else passage)

    def __bool__(self) -> bool:
        return bool(self.query or self.passage)


def prefixes_of(name: str, folder: Path | None = None) -> Prefixes:
    """The prefixes of a model.

    Args:
        name: Of the model, at the hub, at an endpoint, or of its folder.
        folder: Where its files lie, if that is known.
    """
    return (_own_prefixes(folder) if folder is not None else None) or find_prefixes(name)


def find_prefixes(name: str) -> Prefixes:
    """By name, from the table; none where the name is unknown there."""
    return next((prefixes for pattern, prefixes, _ in _MODELS if pattern.search(_plain(name))), Prefixes())


def find_window(name: str) -> int | None:
    """Tokens that the model reads, by its name; None where it is unknown."""
    return next((window for pattern, _, window in _MODELS if pattern.search(_plain(name))), None)


def _plain(name: str) -> str:
    # `nomic-ai/Nomic_Embed_Text:v1.5/` and its hub name are one row of the table.
    return name.lower().replace("_", "-").rstrip("/").rsplit("/", 1)[-1]


def _own_prefixes(folder: Path) -> Prefixes | None:
    """What the model's own file says; None where it says nothing."""
    try:
        values = parse_json((folder / "config_sentence_transformers.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    prompts = values.get("prompts") if isinstance(values, dict) else None
    if not isinstance(prompts, dict):
        return None
    # Newer versions of sentence-transformers write empty prompts for every model: those say nothing, so the table
    # counts.
    return Prefixes(_first(prompts, _QUERY_NAMES), _first(prompts, _PASSAGE_NAMES)) or None


def _first(prompts: Mapping[str, Any], names: Sequence[str]) -> str:
    return next((prompts[name] for name in names if isinstance(prompts.get(name), str) and prompts[name]), "")


class PrefixedEmbedder:
    """An embedder that writes something before each text. Its name says what, so that no vector is mistaken.

    Args:
        inner: The model.
        prefix: Empty for nothing; then the name is the model's own.
        queries: How the same model embeds questions, for the embedder of passages.
    """

    def __init__(self, inner: Embedder, prefix: str, queries: Embedder | None = None) -> None:
        # The name is a part of every cached vector's key: with a prefix the same text has another vector.
        self.name = f"{inner.name}|{prefix!r}" if prefix else inner.name
        self.queries = queries or cast(Embedder, self)
        self._inner = inner
        self._prefix = prefix

    @property
    def dimension(self) -> int:
        """See `Embedder.dimension`."""
        return self._inner.dimension

    @property
    def max_tokens(self) -> int:
        """What is left for the text."""
        # An estimate by OpenAI's tokenizer, as not every model's own is at hand; prefixes are a dozen tokens, so it
        # hardly errs.
        return max(1, self._inner.max_tokens - tokenizer("o200k_base").count(self._prefix))

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.encode`."""
        return self._inner.encode([self._prefix + text for text in texts])


def with_prefixes(inner: Embedder, prefixes: Prefixes) -> Embedder:
    """The embedder of passages, which knows how questions are embedded; the model itself where it wants no prefixes."""
    if not prefixes:
        return inner
    queries = cast(Embedder, PrefixedEmbedder(inner, prefixes.query))
    return cast(Embedder, PrefixedEmbedder(inner, prefixes.passage, queries))


def query_side(embedder: Embedder) -> Embedder:
    """How questions are embedded: the same object for models without prefixes."""
    # By attribute and not by class: embedders of users and of tests need to know nothing of prefixes.
    side: Embedder = getattr(embedder, "queries", embedder)
    return side


def set_by_hand(spec: EmbeddingSpec, prefixes: Prefixes) -> Prefixes:
    """A model's prefixes with what the configuration says."""
    return prefixes.override(spec.query_prefix, spec.passage_prefix)


# Keys of `prompts` in the files of models such as nomic's, jina's, stella and embeddinggemma; the first that is there
# counts.
_QUERY_NAMES = ("query", "search_query", "retrieval.query", "Retrieval-query", "web_search_query", "s2p_query")
_PASSAGE_NAMES = ("passage", "document", "search_document", "retrieval.passage", "Retrieval-document", "corpus")

# The card's own sentence for retrieval: the models were trained on its exact words and line break.
_INSTRUCT = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: "
_REPRESENT = "Represent this sentence for searching relevant passages: "

# Pattern of the last part of the name, prefixes, window in tokens. The source of each row is the card of the model at
# https://huggingface.co (the names are given); the first row that fits counts.
_MODELS: tuple[tuple[re.Pattern[str], Prefixes, int], ...] = tuple(
    (re.compile(pattern), prefixes, window)
    for pattern, prefixes, window in (
        # intfloat/multilingual-e5-large-instruct, intfloat/e5-mistral-7b-instruct
        (r"^multilingual-e5-.*instruct", Prefixes(_INSTRUCT), 512),
        (r"^e5-mistral", Prefixes(_INSTRUCT), 4096),
        # intfloat/e5-small-v2, intfloat/multilingual-e5-small and their kin
        (r"^(multilingual-)?e5-(small|base|large)", Prefixes("query: ", "passage: "), 512),
        # BAAI/bge-m3 wants none
        (r"^bge-m3", Prefixes(), 8192),
        # BAAI/bge-large-zh-v1.5
        (r"^bge-(small|base|large)-zh", Prefixes("为这个句子生成表示以用于检索相关文章："), 512),
        # BAAI/bge-large-en-v1.5; endpoints call it bge-large
        (r"^bge-(small|base|large)", Prefixes(_REPRESENT), 512),
        # Alibaba-NLP/gte-Qwen2-1.5B-instruct
        (r"^gte-qwen", Prefixes(_INSTRUCT), 32768),
        # Alibaba-NLP/gte-large-en-v1.5, gte-multilingual-base, gte-modernbert-base: none
        (r"^gte-(.*-v1\.5|multilingual|modernbert)", Prefixes(), 8192),
        # thenlper/gte-large: none
        (r"^gte-(small|base|large)", Prefixes(), 512),
        # nomic-ai/nomic-embed-text-v1.5
        (r"^nomic-embed-text", Prefixes("search_query: ", "search_document: "), 8192),
        # nomic-ai/modernbert-embed-base
        (r"^modernbert-embed", Prefixes("search_query: ", "search_document: "), 8192),
        # mixedbread-ai/mxbai-embed-large-v1
        (r"^mxbai-embed", Prefixes(_REPRESENT), 512),
        # Snowflake/snowflake-arctic-embed-l-v2.0; Ollama calls it snowflake-arctic-embed2
        (r"^snowflake-arctic-embed(2|.*-v2)", Prefixes("query: "), 8192),
        # Snowflake/snowflake-arctic-embed-m and its kin
        (r"^snowflake-arctic-embed", Prefixes(_REPRESENT), 512),
        # Qwen/Qwen3-Embedding-0.6B
        (r"^qwen3-embedding", Prefixes(_INSTRUCT.removesuffix(" ")), 32768),
        # google/embeddinggemma-300m
        (r"^embeddinggemma", Prefixes("task: search result | query: ", "title: none | text: "), 2048),
        # sentence-transformers/all-MiniLM-L6-v2: none; OpenAI's models: none
        (r"^all-minilm-l6", Prefixes(), 256),
        (r"^text-embedding-(3|ada)", Prefixes(), 8191),
    )
)
