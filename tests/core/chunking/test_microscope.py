"""What the microscope shows of a chunking: stretches, references, and what is never embedded."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt_core.chunking.microscope import (
    inspect_chunking,
    reference_parts,
    select_visible,
    text_segments,
    union_length,
)
from llmopt_core.chunking.spec import ChunkingSpec
from llmopt_core.chunking.window import measure_truncation
from llmopt_core.types import Document

TEXT = "One two three four. Five six seven eight.\n\n" * 12


def spec(**values: object) -> ChunkingSpec:
    return ChunkingSpec(**{"unit": "characters", "size": 50, **values})


@settings(max_examples=40, deadline=None)
@given(
    st.text(alphabet="ab .\n\0é\u0301😀مرח汉。", max_size=400),
    st.integers(0, 200),
    st.integers(1, 200),
    st.sampled_from(["recursive", "fixed", "sentence", "small-to-big"]),
)
def test_stretches_are_the_text_and_nothing_else(text: str, start: int, length: int, method: str) -> None:
    cutting = inspect_chunking(Document("d", text), spec(size=20, overlap=3, method=method), window=3)
    start, end = min(start, len(text)), min(start + length, len(text))
    segments = text_segments(cutting, start, end, [(5, 9)])
    assert "".join(text[s.start : s.end] for s in segments) == text[start:end]
    for stretch in segments:
        inside = [i for i, c in enumerate(cutting.chunks) if c.start <= stretch.start and c.end >= stretch.end]
        touching = [i for i, c in enumerate(cutting.chunks) if c.start < stretch.end and c.end > stretch.start]
        assert list(stretch.chunks) == inside == touching
        assert stretch.gold == (stretch.start >= 5 and stretch.end <= 9)


def test_a_window_of_the_text_looks_only_at_chunks_in_sight() -> None:
    cutting = inspect_chunking(Document("d", TEXT), spec())
    assert select_visible(cutting, 0, 10) == [0]
    assert len(select_visible(cutting, 100, 200)) < len(cutting.chunks)
    assert text_segments(cutting, 10, 10) == []


def test_what_no_chunk_embeds_is_counted_once() -> None:
    document = Document("d", "word " * 100)
    cutting = inspect_chunking(document, spec(unit="tokens", size=40, method="fixed"), window=30)
    assert cutting.truncated_chunks == 2
    assert cutting.truncated_share == pytest.approx(0.2, abs=0.01)
    tail = text_segments(cutting, 0, len(document.text))
    assert sum(s.end - s.start for s in tail if not s.is_embedded) == cutting.truncated_characters


def test_an_overlap_can_embed_what_the_chunk_before_it_loses() -> None:
    document = Document("d", "word " * 100)
    cutting = inspect_chunking(document, spec(unit="tokens", size=40, overlap=15, method="fixed"), window=30)
    report = measure_truncation(cutting.chunks, {"d": document.text}, "all-MiniLM-L6-v2", 30)
    assert report.truncated_chunks == cutting.truncated_chunks > 0
    assert report.truncated_characters > cutting.truncated_characters


def test_a_reference_is_held_whole_or_in_parts() -> None:
    cutting = inspect_chunking(Document("d", TEXT), spec())
    first = cutting.chunks[0]
    assert [(h.position, h.share) for h in reference_parts(cutting, first.start, first.end)] == [(0, 1.0)]
    parts = reference_parts(cutting, first.end - 6, first.end + 20)
    assert len(parts) == 2
    assert parts[0].share >= parts[1].share > 0


def test_a_text_without_words_has_no_chunks() -> None:
    cutting = inspect_chunking(Document("d", "  \n "), spec())
    assert (cutting.chunks, cutting.truncated_share, cutting.overlap_share, cutting.truncated_chunks) == (
        (),
        0.0,
        0.0,
        0,
    )
    assert [(s.start, s.end, s.chunks) for s in text_segments(cutting, 0, 4)] == [(0, 4, ())]


def test_one_very_long_line_is_cut_and_shown() -> None:
    cutting = inspect_chunking(Document("line", "abc " * 1_250_000), spec(size=4_000))
    assert len(cutting.chunks) == 1250
    assert sum(s.end - s.start for s in text_segments(cutting, 4_000_000, 4_003_600)) == 3_600


def test_the_length_of_a_union_counts_no_character_twice() -> None:
    import numpy as np

    assert union_length(np.array([0, 5, 20]), np.array([10, 8, 30])) == 20
    assert union_length(np.array([], np.int64), np.array([], np.int64)) == 0
