import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt_core.chunking.chunk import chunk_documents
from llmopt_core.chunking.matches import matches
from llmopt_core.chunking.measure import measure_for
from llmopt_core.chunking.pack import as_arrays
from llmopt_core.chunking.spec import ChunkingSpec
from llmopt_core.chunking.token_starts import token_starts
from llmopt_core.chunking.window import chunk_lengths, measure_truncation
from llmopt_core.models.tokenizers import tokenizer
from llmopt_core.types import Document

from .texts import HARD_TEXTS

NAMES = ("all-MiniLM-L6-v2", "cl100k_base", "o200k_base", "builtin-chat")


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=100, deadline=None)
@given(text=HARD_TEXTS, block=st.sampled_from([10, 50, 1000]))
def test_token_starts_are_those_of_the_tokenizer(name, text, block):
    counter = tokenizer(name)
    assert token_starts(text, counter, block).tolist() == [start for start, _ in counter.offsets(text)]


class Letters:
    """A tokenizer nobody knows: a token per letter."""

    name = "letters"

    def count(self, text):
        return len(self.offsets(text))

    def offsets(self, text):
        return [(i, i + 1) for i, c in enumerate(text) if c.isalpha()]


def test_an_unknown_tokenizer_is_asked_block_by_block():
    text = "one two three " * 20
    assert token_starts(text, Letters(), 40).tolist() == [a for a, _ in Letters().offsets(text)]


def test_long_text_in_blocks_counts_like_a_short_one():
    text = "The Warsaw Stock Exchange, re-established in April 1991. 华沙证券交易所。 " * 300
    counter = tokenizer("all-MiniLM-L6-v2")
    assert token_starts(text, counter, 1000).tolist() == token_starts(text, counter, 10**9).tolist()


def test_lengths_of_pieces_are_token_counts():
    text = "The quick brown fox. Antidisestablishmentarianism!"
    by = measure_for(text, "all-MiniLM-L6-v2")
    count = tokenizer("all-MiniLM-L6-v2").count
    assert by.lengths(np.array([0, 21]), np.array([20, len(text)])).tolist() == [count(text[:20]), count(text[21:])]


@settings(deadline=None)
@given(
    text=st.text(alphabet="ab\n.👩中", max_size=60), separator=st.sampled_from(["\n", "\n\n", "a", "aba", "..", "👩"])
)
def test_separators_are_found_as_a_search_finds_them(text, separator):
    parts = [(0, len(text) // 3), (len(text) // 3, len(text) // 2), (len(text) // 2, len(text))]
    expected, counts = [], []
    for start, end in parts:
        before, at = len(expected), text.find(separator, start, end)
        while at >= 0:
            expected.append(at)
            at = text.find(separator, at + len(separator), end)
        counts.append(len(expected) - before)
    result = matches(text, separator, *as_arrays(parts))
    assert [side.tolist() for side in result] == [expected, counts]


def test_what_lies_beyond_the_window_is_told():
    documents = [Document("long", "word " * 100), Document("short", "word " * 5)]
    chunks = chunk_documents(documents, ChunkingSpec(size=80))
    texts = {d.name: d.text for d in documents}
    assert chunk_lengths(chunks, texts, "all-MiniLM-L6-v2").tolist() == [80, 20, 5]
    report = measure_truncation(chunks, texts, "all-MiniLM-L6-v2", 60)
    assert report.lengths == (80, 20, 5)
    # The 61st word begins at character 300 of a chunk that ends at 399.
    assert (report.truncated_chunks, report.truncated_characters) == (1, 99)
    assert report.share_cut == pytest.approx(99 / (399 + 99 + 24))
    assert measure_truncation(chunks, texts, "characters", 399).truncated_chunks == 0
    assert measure_truncation([], texts, "characters", 10).share_cut == 0.0
