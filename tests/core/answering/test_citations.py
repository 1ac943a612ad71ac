"""Which passages an answer rests on."""

import pytest

from llmopt_core.answering.citations import coverage, find_citations, read_citation_numbers, without_marks
from llmopt_core.types import Chunk, Hit

TEXTS = (
    "The canal opened in 1914 after ten years of work.",
    "Penicillin was discovered by Alexander Fleming in London.",
    "巴拿马运河于1914年通航，由安康号首航。",
)
HITS = tuple(Hit(Chunk(f"{i}.txt", 0, len(text), text), 1.0) for i, text in enumerate(TEXTS))


@pytest.mark.parametrize(
    ("answer", "numbers"),
    [
        ("It did [1].", [1]),
        ("Both [2][1] and [1, 3].", [2, 1, 3]),
        ("Range [1-3] and [ 2 ; 5 ]", [1, 2, 3, 5]),
        ("全角【2】。", [2]),
        ("In [2024] or list[0] or [a].", []),
        ("[1-99999] stays small", None),
        ("", []),
    ],
)
def test_marks(answer, numbers):
    result = read_citation_numbers(answer)
    assert result == numbers if numbers is not None else len(result) <= 101


def test_marks_count_before_words():
    citations = find_citations("Alexander Fleming [1]", HITS)
    assert (citations.positions, citations.notes) == ((0,), ())


def test_a_number_that_is_no_passage_is_named():
    citations = find_citations("So it is [2][7].", HITS)
    assert citations.positions == (1,)
    assert citations.notes == ("The answer cites [7], but only 3 passages were given.",)
    citations = find_citations("Alexander Fleming [9]", HITS)
    assert citations.positions == (1,)
    assert "[9]" in citations.notes[0]
    assert "word for word" in citations.notes[1]


@pytest.mark.parametrize(
    ("answer", "positions"),
    [("alexander  FLEMING.", (1,)), ("1914", (0, 2)), ("19", ()), ("安康号", (2,)), ("Ａlexander Fleming", (1,))],
)
def test_an_answer_without_marks_is_found_by_its_text(answer, positions):
    assert find_citations(answer, HITS).positions == positions


def test_the_nearest_passage_is_cited_with_its_share():
    citations = find_citations("Fleming discovered penicillin in Paris", HITS)
    assert citations.positions == (1,)
    assert citations.notes == ("Cited by text: the best passage holds 75% of the answer's words.",)


def test_nothing_near_is_no_citation():
    citations = find_citations("Bananas are yellow", HITS)
    assert citations.positions == ()
    assert "no passage" in citations.notes[0]


@pytest.mark.parametrize(("answer", "hits"), [("", HITS), ("  ", HITS), ("x", ()), ("...", HITS), ("[9]", HITS)])
def test_nothing_to_cite_is_no_error(answer, hits):
    assert find_citations(answer, hits).positions == ()


def test_helpers():
    assert without_marks("A [1]. B [2, 3]") == "A. B"
    assert coverage("the canal opened", TEXTS[0]) == 1.0
    assert coverage("", TEXTS[0]) == 0.0
    assert coverage("the", "the end") == 1.0
