"""The controls of one chunking under the microscope."""

from __future__ import annotations

from typing import Any

import streamlit as st

from llmopt_core.chunking.spec import ChunkingSpec
from llmopt_core.labs.retrieval.setting_words import METHODS, UNITS

_EXPLANATIONS = {
    "recursive": "Cuts at paragraphs, then lines, then words, until each piece fits.",
    "fixed": "A window of equal size, wherever it falls.",
    "sentence": "Whole sentences until the size is full.",
    "structure": "At headings, never across them.",
    "semantic": "Where the meaning turns between sentences, judged by embeddings. The first cut takes a while.",
    "small-to-big": "Searches small pieces (a quarter of the size), hands over the large one around them.",
}
# Least, most, usual, step. About four characters make a token of English, so both units reach equally far.
_SIZES = {"tokens": (20, 1000, 200, 10), "cl100k": (20, 1000, 200, 10), "characters": (100, 4000, 800, 50)}


def chunking_fields(name: str, title: str) -> ChunkingSpec:
    """Method, unit, size and overlap; what they say is also in the address.

    Args:
        name: `a` or `b`; part of the keys.
        title: Above the method.
    """
    one, two, three, four = st.columns([1.5, 2, 1.85, 1.85], gap="small")
    method = one.selectbox(
        title,
        list(METHODS),
        key=f"micro_method_{name}",
        format_func=METHODS.__getitem__,
        bind="query-params",
        help="\n".join(f"- **{METHODS[key]}**: {text}" for key, text in _EXPLANATIONS.items()),
    )
    unit = two.selectbox("Counted in", list(UNITS), key=f"micro_unit_{name}", format_func=UNITS.__getitem__,
                         bind="query-params")  # fmt: skip
    # The unit in the key below: 800 characters must not become 800 tokens.
    low, high, usual, step = _SIZES[unit]
    size = three.slider(
        "Size", low, high, usual, step, key=f"micro_size_{name}_{unit}", bind="query-params",
        help="The most a chunk may hold.",
    )  # fmt: skip
    overlap = four.slider(
        # A share, so that moving the size keeps what the overlap means.
        "Overlap (% of size)", 0, 50, 0, 5, key=f"micro_overlap_{name}", bind="query-params",
        help="How much a chunk may repeat of the one before it.", format="%d%%",
    )  # fmt: skip
    return ChunkingSpec(**_values(method, unit, size, overlap))


def spec_title(spec: ChunkingSpec) -> str:
    """A chunking in few words, such as `Recursive, 200 tokens, overlap 20`."""
    unit = {"tokens": "tokens", "cl100k": "OpenAI tokens"}.get(spec.unit, "characters")
    overlap = f", overlap {spec.overlap:,}" if spec.overlap else ""
    return f"{METHODS[spec.method]}, {spec.size:,} {unit}{overlap}"


def _values(method: str, unit: str, size: int, percent: int) -> dict[str, Any]:
    """The settings; the overlap of small pieces is a share of the small size."""
    # What is searched is a quarter of the size; an overlap of all of it would never get on.
    smallest = max(1, size // 4) if method == "small-to-big" else size
    return {"method": method, "unit": unit, "size": size, "overlap": min(smallest * percent // 100, smallest - 1)}
