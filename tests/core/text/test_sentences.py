"""Where sentences end: as statements that are judged, and as the borders of chunks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt_core.answering.fact_check.claims import extract_claims
from llmopt_core.text.sentences import sentence_spans, sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It rained. Then it stopped! Why? Nobody knows.", 4),
        ("Mr. Smith met Dr. Jones at 5 p.m. in St. Paul.", 1),
        ("J. S. Bach was born in 1685. He died in 1750.", 2),
        ("Pi is 3.14 and e is 2.72.", 1),
        ("one line\ntwo lines\n\nthree", 3),
        ("他出生于1685年。他死于1750年！真的吗？", 3),
        ("他说：“好。”然后走了。", 2),
        ('"Stop." He ran.', 2),
        ("", 0),
        ("  \n ", 0),
    ],
)
def test_sentences(text, expected):
    assert len(sentences(text)) == expected


@given(st.text(max_size=200))
def test_sentences_lose_nothing_but_white_space(text):
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


@given(st.text(max_size=200))
def test_sentence_spans_are_the_whole_text(text):
    assert "".join(text[start:end] for start, end in sentence_spans(text)) == text


def test_claims_know_the_abbreviations_that_statements_know():
    text = "Altera Corp. v. Commissioner upheld the rule. Mt. Rainier Inc. left."
    assert extract_claims(text) == sentences(text)
