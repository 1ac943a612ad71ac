from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt_core.errors import BadInput
from llmopt_core.models.tokenizers import NAMES, tokenizer

TEXTS = {
    "empty": "",
    "english": "Chunk sizes, 3.14 and so on.",
    "spaces": "  a   b\n\n\tc ",
    "emoji": "hi \U0001f600\U0001f469\u200d\U0001f4bb there",
    "combining": "cafe\u0301 a\u0308 \u1100\u1161",
    "right to left": "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd \u202eabc\u202c",
    "chinese": "\u4f60\u597d\uff0c\u4e16\u754c\u3002",
    "nul": "a\x00b \x00",
    "lone surrogate": "x\ud800y",
    "special tokens": "<|endoftext|> [SEP] <|im_end|>",
    "rare plane": "\U00020000\U000e0041z",
}


def check(name: str, text: str) -> list[tuple[int, int]]:
    spans = tokenizer(name).offsets(text)
    assert tokenizer(name).count(text) == len(spans)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(a[0] <= b[0] and a[1] <= b[1] for a, b in pairwise(spans))
    return spans


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
@pytest.mark.parametrize("name", NAMES)
def test_spans_are_in_order_and_inside_the_text(name: str, text: str):
    spans = check(name, text)

    if name != "all-MiniLM-L6-v2":
        # These see every character.
        assert {i for start, end in spans for i in range(start, end)} == set(range(len(text)))


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80))
@pytest.mark.parametrize("name", NAMES)
def test_spans_of_any_text(name: str, text: str):
    check(name, text)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("all-MiniLM-L6-v2", "Hello, tokenization!", ["Hello", ",", "token", "ization", "!"]),
        ("cl100k_base", "Hello, tokenization!", ["Hello", ",", " token", "ization", "!"]),
        ("o200k_base", "\u4f60\u597d\uff0c\u4e16\u754c", ["\u4f60\u597d", "\uff0c", "\u4e16\u754c"]),
        ("builtin-chat", "in 2024", ["in", " ", "2", "0", "2", "4"]),
        ("characters", "a\U0001f600", ["a", "\U0001f600"]),
    ],
)
def test_spans_cut_out_the_tokens(name: str, text: str, words: list[str]):
    assert [text[start:end] for start, end in tokenizer(name).offsets(text)] == words


def test_tokens_that_share_one_character_share_its_span():
    spans = tokenizer("cl100k_base").offsets("x\U0001f469y")

    assert spans[0] == (0, 1)
    assert spans[-1] == (2, 3)
    assert set(spans[1:-1]) == {(1, 2)}


@pytest.mark.parametrize("name", ["cl100k_base", "o200k_base"])
def test_long_texts_count_as_their_parts(name: str):
    text = "Fifty thousand characters are one piece, 12345 \u00fcber all.\n" * 4000

    assert tokenizer(name).count(text) == 4000 * tokenizer(name).count(text[: len(text) // 4000])
    assert check(name, text)[-1][1] == len(text)


def test_a_long_text_without_a_space():
    check("cl100k_base", "\u4f60" * 120_000)


def test_openai_counts_are_the_known_ones():
    # https://github.com/openai/openai-cookbook: "antidisestablishmentarianism" and "2 + 2 = 4" in cl100k_base.
    assert tokenizer("cl100k_base").count("antidisestablishmentarianism") == 6
    assert tokenizer("cl100k_base").count("2 + 2 = 4") == 7


def test_an_unknown_name_lists_the_known():
    with pytest.raises(BadInput, match=r"no tokenizer named 'gpt9'; use one of: all-MiniLM-L6-v2, cl100k_base"):
        tokenizer("gpt9")
