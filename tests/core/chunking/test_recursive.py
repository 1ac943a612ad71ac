"""The same cuts as LangChain's splitter, with offsets."""

import logging
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_text_splitters import RecursiveCharacterTextSplitter

from llmopt_core.chunking.chunk import spans
from llmopt_core.chunking.spec import CJK_SEPARATORS, ChunkingSpec
from llmopt_core.documents.load import load_documents
from llmopt_core.models.tokenizers import tokenizer

from .texts import EXAMPLES, HARD_TEXTS

logging.getLogger("langchain_text_splitters").setLevel(logging.ERROR)
SAMPLE = Path(__file__).parents[3] / "sample_data"
COUNT = {"characters": len, "tokens": tokenizer("all-MiniLM-L6-v2").count, "cl100k": tokenizer("cl100k_base").count}
SEPARATORS = (
    None, CJK_SEPARATORS, ("\n\n", "\n", " "), ("\n\n",), ("...", "\n\n", ""), ("\n", "\n\n", " ", ""), ("a", "中", ""),
    ("# ", ". ", " ", ""),
)  # fmt: skip


def theirs(text: str, spec: ChunkingSpec) -> list[str]:
    splitter = RecursiveCharacterTextSplitter(
        separators=list(spec.separators) if spec.separators else None,
        chunk_size=spec.size,
        chunk_overlap=spec.overlap,
        length_function=COUNT[spec.unit],
        keep_separator={"start": "start", "end": "end", "no": False}[spec.keep_separator],
    )
    # It can give a chunk of white space, and one chunk twice in a row; we leave those out.
    return [chunk for chunk, _ in groupby(c for c in splitter.split_text(text) if c.strip())]


def ours(text: str, spec: ChunkingSpec) -> list[str]:
    return [chunk for chunk, _ in groupby(text[start:end] for start, end in spans(text, spec))]


@settings(max_examples=250, deadline=None)
@given(
    text=HARD_TEXTS,
    unit=st.sampled_from(list(COUNT)),
    size=st.integers(1, 100),
    overlap=st.floats(0, 0.99),
    separators=st.sampled_from(SEPARATORS),
    keep=st.sampled_from(["start", "end"]),
)
def test_random_texts_are_cut_alike(text, unit, size, overlap, separators, keep):
    spec = ChunkingSpec(size=size, overlap=int(size * overlap), unit=unit, separators=separators, keep_separator=keep)
    assert ours(text, spec) == theirs(text, spec)


@pytest.mark.parametrize("unit", COUNT)
@pytest.mark.parametrize(("size", "overlap"), [(64, 0), (64, 16), (200, 50), (400, 0)])
@pytest.mark.parametrize("keep", ["start", "end", "no"])
def test_articles_are_cut_alike(unit, size, overlap, keep):
    spec = ChunkingSpec(size=size, overlap=overlap, unit=unit, keep_separator=keep)
    for document in load_documents([SAMPLE / "documents", SAMPLE / "zh" / "documents"][:1]):
        assert ours(document.text, spec) == theirs(document.text, spec)


@pytest.mark.parametrize("separators", [None, CJK_SEPARATORS])
def test_chinese_articles_are_cut_alike(separators):
    spec = ChunkingSpec(size=80, overlap=20, separators=separators, keep_separator="end")
    for document in load_documents([SAMPLE / "zh" / "documents"]):
        assert ours(document.text, spec) == theirs(document.text, spec)


@pytest.mark.parametrize("text", EXAMPLES.values(), ids=EXAMPLES)
@pytest.mark.parametrize("unit", COUNT)
def test_hard_examples_are_cut_alike(text, unit):
    for size, overlap in ((7, 3), (50, 0), (200, 20)):
        spec = ChunkingSpec(size=size, overlap=overlap, unit=unit)
        assert ours(text, spec) == theirs(text, spec)


def test_without_separators_kept_the_chunk_still_is_the_source():
    text = "one,,two,three,,,four"
    found = spans(text, ChunkingSpec(size=9, unit="characters", separators=(",",), keep_separator="no"))
    assert [text[a:b] for a, b in found] == ["one,,two", "three", "four"]
