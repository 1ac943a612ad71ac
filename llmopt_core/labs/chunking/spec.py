"""What a sweep tries."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, ValidationError

from llmopt_core.chunking.spec import ChunkingSpec, Method
from llmopt_core.errors import BadInput, field_problem
from llmopt_core.models.base import BUILTIN_EMBEDDING, EmbeddingSpec
from llmopt_core.types import Spec

# A grid of every value of every field multiplies; more rows cannot be read.
MOST_SETTINGS = 1000
Unit = Literal["tokens", "cl100k", "characters"]


class SweepSpec(Spec):
    """Every combination of these is a setting.

    Attributes:
        methods: Of `ChunkingSpec`.
        sizes: The most a chunk holds, in `unit`; for `small-to-big` the parent, whose children are a quarter of it.
        overlaps: What a chunk repeats of the one before it, in `unit`.
        top_k: How many chunks are handed over per question.
        unit: What sizes and overlaps count.
        search: By meaning with the embedding model, or by words.
        embedding: Its model (for `dense` search and the method `semantic`), and what it sees of a chunk: `text` or
            `heading` (heading path and text).
        separators: For `recursive` and `small-to-big`; None for paragraphs, lines, words, characters.
        keep_separator: As in `ChunkingSpec`.
    """

    methods: tuple[Method, ...] = Field(default=("recursive",), min_length=1)
    sizes: tuple[int, ...] = Field(default=(100, 200, 400), min_length=1)
    overlaps: tuple[int, ...] = Field(default=(0,), min_length=1)
    top_k: tuple[int, ...] = Field(default=(5,), min_length=1)
    unit: Unit = "tokens"
    search: Literal["dense", "bm25"] = "dense"
    embedding: EmbeddingSpec = EmbeddingSpec()
    separators: tuple[str, ...] | None = Field(default=None, min_length=1)
    keep_separator: Literal["start", "end", "no"] = "start"


@dataclass(frozen=True, slots=True)
class SkippedSetting:
    """A combination that cannot be, with the reason."""

    name: str
    reason: str


def sweep_spec(**values: Any) -> SweepSpec:
    """A sweep from what a user said.

    Raises:
        BadInput: Something is unknown or out of range, in one sentence.
    """
    try:
        return SweepSpec.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]).replace("_", "-") if first["loc"] else "sweep"
        # Lists and objects would fill the screen.
        value_note = f", not {first['input']!r}" if isinstance(first["input"], str | int | float) else ""
        # pydantic's own beginnings of messages, which say nothing here.
        message = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
        raise BadInput(f"{name}: {message}{value_note}.") from None


def chunkings_of(spec: SweepSpec) -> tuple[list[ChunkingSpec], list[SkippedSetting]]:
    """Every chunking of the sweep once, and the combinations that cannot be.

    Raises:
        BadInput: None is possible, there are too many, or a `top_k` is below 1.
    """
    # More than a thousand chunks are no context; each of them would be counted for every question.
    if min(spec.top_k) < 1 or max(spec.top_k) > 1000:
        raise BadInput("top-k: at least 1 and at most 1,000 chunks can be handed over.")
    # Dicts as ordered sets: a size that was named twice is measured once.
    chunkings: dict[ChunkingSpec, None] = {}
    skipped_settings: dict[SkippedSetting, None] = {}
    for method, size, overlap in itertools.product(spec.methods, spec.sizes, spec.overlaps):
        try:
            chunkings[_chunking(spec, method, size, overlap)] = None
        except ValidationError as error:
            # Such as an overlap larger than the size: the grid has it, though nobody meant it.
            skipped_settings[SkippedSetting(f"{method} {size}/{overlap}", _reason(error))] = None
    if not chunkings:
        first = next(iter(skipped_settings))
        raise BadInput(f"No combination of the sweep is possible: {first.name}: {first.reason}.")
    if len(chunkings) * len(set(spec.top_k)) > MOST_SETTINGS:
        raise BadInput(
            f"The sweep has {len(chunkings) * len(set(spec.top_k)):,} settings; {MOST_SETTINGS:,} are the most."
        )
    return list(chunkings), list(skipped_settings)


def chunking_name(chunking: ChunkingSpec) -> str:
    """`recursive 200/50`: method, size and overlap."""
    return f"{chunking.method} {chunking.size}/{chunking.overlap}"


def setting_name(chunking: ChunkingSpec, top_k: int, top_ks: Sequence[int] = ()) -> str:
    """`recursive 200/50, top 5`; without the top where the sweep has only one."""
    name = chunking_name(chunking)
    # The number of chunks stands in the name only where it tells settings apart.
    return name if len(set(top_ks)) == 1 else f"{name}, top {top_k}"


def _chunking(spec: SweepSpec, method: Method, size: int, overlap: int) -> ChunkingSpec:
    recursive = method in ("recursive", "small-to-big")
    return ChunkingSpec(
        method=method,
        size=size,
        overlap=overlap,
        unit=spec.unit,
        # Sizes in tokens are those of the model that comes along, also where another embeds: settings stay comparable.
        tokenizer=BUILTIN_EMBEDDING,
        # Other methods do not split by them, and two chunkings that cut alike should be one.
        separators=spec.separators if recursive else None,
        keep_separator=spec.keep_separator if recursive else "start",
    )


def _reason(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = f"{first['loc'][0]}: " if first["loc"] else ""
    return where + field_problem(first)
