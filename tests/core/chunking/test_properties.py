"""What holds for every method on every text."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt_core.chunking.chunk import chunk_document
from llmopt_core.chunking.measure import measure_for
from llmopt_core.chunking.spec import CJK_SEPARATORS, ChunkingSpec
from llmopt_core.types import Document

from .texts import EXAMPLES, HARD_TEXTS

METHODS = ("recursive", "fixed", "sentence", "structure", "semantic", "small-to-big")
UNITS = ("characters", "tokens", "cl100k")


def encode(texts):
    """Unit vectors by letter counts."""
    rows = np.array([[text.count(c) + 0.01 for c in "aeiou \n中"] for text in texts], np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def check(text: str, spec: ChunkingSpec) -> None:
    chunks = chunk_document(Document("d", text), spec, encode)
    by = measure_for(text, spec.length_unit)
    covered = np.zeros(len(text), bool)
    for chunk in chunks:
        assert chunk.text == text[chunk.start : chunk.end] != ""
        assert chunk.text == chunk.text.strip()
        covered[chunk.start : chunk.end] = True
        check_size(chunk, by, spec, text)
    assert all(covered[i] or c.isspace() for i, c in enumerate(text))
    assert all(a.start <= b.start and a.end <= b.end for a, b in pairwise(chunks))
    assert [c.id for c in chunks] == list(dict.fromkeys(c.id for c in chunks))


def check_size(chunk, by, spec, text):
    most = spec.child if spec.method == "small-to-big" else spec.size
    length = int(by.lengths(np.array([chunk.start]), np.array([chunk.end]))[0])
    # One character may be more tokens than a chunk may hold; byte pairs count a few tokens more at a cut.
    slack = {"characters": 0, "tokens": 0, "cl100k": 2}[spec.unit]
    assert length <= most + slack or chunk.end - chunk.start <= 2
    if spec.method == "small-to-big":
        parent = chunk.parent
        assert parent is not None
        assert parent.start <= chunk.start < chunk.end <= parent.end
        assert int(by.lengths(np.array([parent.start]), np.array([parent.end]))[0]) <= spec.size + slack
        assert text[parent.start : parent.end].strip()


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=60, deadline=None)
@given(text=HARD_TEXTS, unit=st.sampled_from(UNITS), size=st.integers(8, 80), overlap=st.integers(0, 7))
def test_offsets_coverage_and_sizes_hold(method, text, unit, size, overlap):
    overlap = min(overlap, size // 4 - 1) if method == "small-to-big" else overlap
    check(text, ChunkingSpec(method=method, size=size, overlap=overlap, unit=unit))


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=60, deadline=None)
@given(
    text=HARD_TEXTS,
    unit=st.sampled_from(UNITS),
    size=st.integers(1, 200),
    share=st.floats(0, 0.99),
    separators=st.sampled_from([None, CJK_SEPARATORS, ("\n\n", "\n", " ")]),
    keep=st.sampled_from(["start", "end"]),
)
def test_offsets_hold_at_every_size_and_overlap(method, text, unit, size, share, separators, keep):
    size = max(size, 2) if method == "small-to-big" else size
    smallest = max(1, size // 4) if method == "small-to-big" else size
    spec = ChunkingSpec(
        method=method, size=size, overlap=int(smallest * share), unit=unit, separators=separators, keep_separator=keep
    )
    chunks = chunk_document(Document("d", text), spec, encode)
    covered = np.zeros(len(text), bool)
    for chunk in chunks:
        assert chunk.text == text[chunk.start : chunk.end] != ""
        covered[chunk.start : chunk.end] = True
        if chunk.parent is not None:
            assert chunk.parent.start <= chunk.start < chunk.end <= chunk.parent.end <= len(text)
    assert all(covered[i] or c.isspace() for i, c in enumerate(text))
    assert all(a.start <= b.start and a.end <= b.end for a, b in pairwise(chunks))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("text", EXAMPLES.values(), ids=EXAMPLES)
def test_hard_examples(method, unit, text):
    check(text, ChunkingSpec(method=method, size=60, overlap=5, unit=unit))
