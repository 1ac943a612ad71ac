"""What decides a chunking."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from llmopt_core.models.base import BUILTIN_EMBEDDING
from llmopt_core.types import Spec

Method = Literal["recursive", "fixed", "sentence", "structure", "semantic", "small-to-big"]

# As LangChain's splitter has them by default.
SEPARATORS = ("\n\n", "\n", " ", "")
# For texts without spaces: sentence ends and clauses before single characters. Use with `keep_separator: end`.
CJK_SEPARATORS = ("\n\n", "\n", "。", "！", "？", "；", "，", " ", "")


class ChunkingSpec(Spec):
    """How documents are cut into chunks.

    Attributes:
        method: `recursive` cuts at the first of `separators` that helps, with the same result as LangChain's
            RecursiveCharacterTextSplitter; `fixed` is a window of tokens; `sentence` packs whole sentences;
            `structure` keeps to the sections of Markdown and HTML; `semantic` cuts where the meaning turns, judged by
            embeddings; `small-to-big` searches small children and hands over the larger parent.
        size: The most a chunk holds, counted in `unit`.
        overlap: What a chunk repeats of the one before it, at most, in `unit`.
        unit: `tokens` of the embedding model (`tokenizer`), `cl100k` tokens of OpenAI models, or `characters`.
        tokenizer: Name of the tokenizer behind `tokens`.
        separators: For `recursive`, tried in order; None for paragraphs, lines, words, characters.
        keep_separator: Whether a separator goes with the piece after it, the one before it, or with none.
        child_size: Size of the children of `small-to-big`; None for a quarter of `size`.
        breakpoint_percentile: `semantic` cuts where the distance between neighbouring sentences is above this
            percentile of all distances in the document.
    """

    method: Method = "recursive"
    # A bound for mistyped numbers; no embedding model reads nearly as much.
    size: int = Field(default=200, ge=1, le=1_000_000)
    overlap: int = Field(default=0, ge=0)
    unit: Literal["tokens", "cl100k", "characters"] = "tokens"
    tokenizer: str = BUILTIN_EMBEDDING
    separators: tuple[str, ...] | None = Field(default=None, min_length=1)
    keep_separator: Literal["start", "end", "no"] = "start"
    child_size: int | None = Field(default=None, ge=1)
    breakpoint_percentile: float = Field(default=90.0, ge=0.0, le=100.0)

    @model_validator(mode="after")
    def _fits(self) -> ChunkingSpec:
        if self.method == "small-to-big" and self.child >= self.size:
            raise ValueError(f"child_size {self.child} must be smaller than size {self.size}")
        smallest = self.child if self.method == "small-to-big" else self.size
        if self.overlap >= smallest:
            raise ValueError(f"overlap {self.overlap} must be smaller than the chunk size {smallest}")
        return self

    @property
    def child(self) -> int:
        """The size of children in force."""
        # `or`, as 0 is not allowed; a quarter gives four children to a parent, and tiny parents one token.
        return self.child_size or max(1, self.size // 4)

    @property
    def length_unit(self) -> str:
        """Name of the tokenizer that counts, or `characters`."""
        return {"tokens": self.tokenizer, "cl100k": "cl100k_base", "characters": "characters"}[self.unit]
