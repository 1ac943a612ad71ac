import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmopt_core.retrieval.span_metrics import omega, span_scores
from llmopt_core.types import Span


def test_worked_by_hand():
    """References of 10 and 20 characters; the chunks hold 10 + 5 of them, five of these twice."""
    references = [Span("a", 0, 10), Span("a", 40, 60)]
    retrieved = [Span("a", 0, 20), Span("a", 5, 30), Span("a", 55, 75), Span("b", 0, 15)]
    scores = span_scores(retrieved, references)
    # Found: 0-10 and 55-60 are 15 characters. Wanted: 30. Taken: 20 + 25 + 20 + 15 = 80. Missed: 40-55 are 15.
    assert scores.recall == pytest.approx(15 / 30)
    assert scores.precision == pytest.approx(15 / 80)
    assert scores.iou == pytest.approx(15 / (80 + 15))


def test_omega_worked_by_hand():
    """Chunks of 25 with an overlap of 5: three touch the reference 20-40, together 0-65, of which it is 20."""
    chunks = [Span("a", start, start + 25) for start in (0, 20, 40, 60)]
    assert omega(chunks, [Span("a", 20, 40)]) == pytest.approx(20 / 65)
    assert omega(chunks, [Span("a", 21, 39)]) == pytest.approx(18 / 45)


def test_a_chunk_that_ends_at_the_border_of_a_reference_touches_it():
    chunks = [Span("a", 0, 10), Span("a", 10, 20), Span("a", 20, 30), Span("b", 10, 20)]
    assert omega(chunks, [Span("a", 10, 20)]) == pytest.approx(10 / 30)


def test_reference_characters_in_no_chunk_lower_omega():
    assert omega([Span("a", 0, 10)], [Span("a", 5, 15)]) == pytest.approx(5 / 15)
    assert omega([Span("b", 0, 10)], [Span("a", 5, 15)]) == 0.0


def test_nothing_retrieved_scores_nothing():
    scores = span_scores([], [Span("a", 0, 10)])
    assert (scores.recall, scores.precision, scores.iou) == (0.0, 0.0, 0.0)


def test_the_references_alone_score_one():
    references = [Span("a", 0, 10), Span("b", 3, 7)]
    scores = span_scores(references, references)
    assert (scores.recall, scores.precision, scores.iou) == (1.0, 1.0, 1.0)
    assert omega(references, references) == 1.0


spans = st.builds(
    lambda document, start, length: Span(document, start, start + length),
    st.sampled_from("ab"),
    st.integers(0, 40),
    st.integers(1, 20),
)


def characters(some):
    return {(span.document, position) for span in some for position in range(span.start, span.end)}


@given(st.lists(spans, max_size=6), st.lists(spans, min_size=1, max_size=3))
def test_equal_to_counting_characters_one_by_one(retrieved, references):
    result = characters(retrieved) & characters(references)
    taken = sum(span.end - span.start for span in retrieved)
    missed = sum(len(characters([reference]) - characters(retrieved)) for reference in references)
    scores = span_scores(retrieved, references)
    assert scores.recall == pytest.approx(len(result) / sum(r.end - r.start for r in references))
    assert scores.precision == pytest.approx(len(result) / taken if taken else 0.0)
    assert scores.iou == pytest.approx(len(result) / (taken + missed))


@given(st.lists(spans, max_size=6), st.lists(spans, min_size=1, max_size=3))
def test_omega_equals_counting_characters_one_by_one(chunks, references):
    touching = [
        chunk
        for chunk in chunks
        for reference in references
        if chunk.document == reference.document and chunk.start <= reference.end and reference.start <= chunk.end
    ]
    result = characters(touching) & characters(references)
    everything = characters(touching) | characters(references)
    assert omega(chunks, references) == pytest.approx(len(result) / len(everything))
