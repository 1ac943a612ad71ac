"""Counting tokens and finding where they stand in a text, offline and without torch."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Protocol

from llmopt_core.errors import BadInput, MissingDependency
from llmopt_core.models import weight_packages
from llmopt_core.models.base import BUILTIN_EMBEDDING
from llmopt_core.text.valid_text import without_surrogates

NAMES = (BUILTIN_EMBEDDING, "cl100k_base", "o200k_base", "builtin-chat", "characters")

Spans = list[tuple[int, int]]


class Tokenizer(Protocol):
    """Cuts a text into tokens, special tokens left out."""

    name: str

    def count(self, text: str) -> int:
        """Number of tokens; equals `len(offsets(text))`."""

    def offsets(self, text: str) -> Spans:
        """Per token its `(start, end)` in characters (code points) of `text`.

        Starts and ends never decrease. Tokens that share one character (a rare emoji takes several) have the same
        span; characters that the model does not see, such as spaces for some models, may lie between spans.
        """


# Larger than the number of names, so nothing is dropped: loading a vocabulary takes far longer than most counts.
@lru_cache(maxsize=16)
def tokenizer(name: str) -> Tokenizer:
    """The tokenizer of that name, one of `NAMES`. Safe to share between threads.

    Raises:
        BadInput: The name is unknown.
        MissingDependency: Its package is not installed.
    """
    if name == BUILTIN_EMBEDDING:
        return _embedding_tokenizer()
    if name in ("cl100k_base", "o200k_base"):
        return _BytePairTokenizer(name)
    if name == "builtin-chat":
        return _chat_tokenizer()
    if name == "characters":
        return _Characters()
    raise BadInput(f"There is no tokenizer named {name!r}; use one of: {', '.join(NAMES)}.")


class _Characters:
    name = "characters"

    def count(self, text: str) -> int:
        return len(text)

    def offsets(self, text: str) -> Spans:
        return [(i, i + 1) for i in range(len(text))]


class _HuggingFaceTokenizer:
    """A tokenizer of the `tokenizers` package."""

    def __init__(self, name: str, inner: Any) -> None:
        self.name = name
        # The file of an embedding model says to cut at its window and to fill up: a count would stop there.
        inner.no_truncation()
        inner.no_padding()
        self._inner = inner

    def count(self, text: str) -> int:
        return len(self._encode(text).ids)

    def offsets(self, text: str) -> Spans:
        return list(self._encode(text).offsets)

    def _encode(self, text: str) -> Any:
        # Rust takes no lone surrogate; its replacement is one character as well, so offsets stay right.
        return self._inner.encode(without_surrogates(text), add_special_tokens=False)


class _BytePairTokenizer:
    """OpenAI's byte-pair encodings, from `bpe_openai`, which holds the vocabularies."""

    # The package refuses more than 200,000 tokens at once; a token is at least one byte and a character at most four.
    _piece = 50_000  # Characters; at four bytes each they make 200,000 tokens at most.

    def __init__(self, name: str) -> None:
        try:
            import bpe_openai
        except ImportError as error:
            raise MissingDependency("Token counts of OpenAI models need: pip install bpe-openai") from error
        self.name = name
        self._inner: Any = bpe_openai.get_encoding(name)

    def count(self, text: str) -> int:
        return sum(len(self._inner.encode_ordinary(piece)) for piece in self._pieces(text))

    def offsets(self, text: str) -> Spans:
        spans: Spans = []
        start = 0
        for piece in self._pieces(text):
            spans += [(a + start, b + start) for a, b in self._piece_offsets(piece)]
            start += len(piece)
        return spans

    def _piece_offsets(self, piece: str) -> Spans:
        # Tokens are bytes, and may end inside a character.
        position = _character_of_each_byte(piece)
        spans, at = [], 0
        for token in self._inner.decode_tokens_bytes(self._inner.encode_ordinary(piece)):
            end = at + len(token)
            # A token that is a part of a character has the whole of it as its span.
            spans.append((position[at], position[end - 1] + 1))
            at = end
        return spans

    def _pieces(self, text: str) -> Iterator[str]:
        """Pieces cut before white space that follows a word, where the encodings always begin a new token."""
        text = without_surrogates(text)
        start = 0
        while len(text) - start > self._piece:
            end = start + self._piece
            # Only where a space follows a letter or digit is a border of tokens certain: the encodings begin a token
            # with that space.
            while end > start + 1 and not (text[end] == " " and text[end - 1].isalnum()):
                end -= 1
            # No such place in 50,000 characters, as in Chinese: cut anywhere. A token or two more may be counted there.
            end = end if end > start + 1 else start + self._piece
            yield text[start:end]
            start = end
        if start < len(text):
            yield text[start:]


def _character_of_each_byte(text: str) -> list[int] | range:
    if text.isascii():
        # One byte per character: most texts, for which no list of a megabyte is made.
        return range(len(text))
    return [i for i, c in enumerate(text) for _ in range(len(c.encode("utf-8")))]


def _embedding_tokenizer() -> Tokenizer:
    from tokenizers import Tokenizer as Inner

    return _HuggingFaceTokenizer(
        BUILTIN_EMBEDDING, Inner.from_file(str(weight_packages.embedding_folder() / "tokenizer.json"))
    )


def _chat_tokenizer() -> Tokenizer:
    """SmolLM2's byte-level BPE, rebuilt from the vocabulary in its GGUF."""
    from tokenizers import Tokenizer as Inner
    from tokenizers import models, pre_tokenizers

    from llmopt_core.models.gguf_metadata import read_metadata

    fields = read_metadata(weight_packages.chat_gguf())
    vocabulary = {token: i for i, token in enumerate(fields["tokenizer.ggml.tokens"])}
    # Two tokens with a space between; a space inside a token is written as `Ġ`.
    merges = [tuple(merge.split(" ", 1)) for merge in fields["tokenizer.ggml.merges"]]
    inner = Inner(models.BPE(vocab=vocabulary, merges=merges))
    # llama.cpp's "smollm" pre-tokenizer: every digit alone, then GPT-2's expression.
    inner.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    return _HuggingFaceTokenizer("builtin-chat", inner)
