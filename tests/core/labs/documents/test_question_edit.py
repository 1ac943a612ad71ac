"""Questions are added and changed one by one; places of their answers are proposed."""

import pytest

from llmopt_core.documents.answer_places import answer_places
from llmopt_core.errors import BadInput
from llmopt_core.labs.documents.question_edit import with_question, without_question
from llmopt_core.types import Document, EvaluationSet, Example, Span

SET = EvaluationSet(
    "set", (Example("q1", "Who?", "Me", (Span("a", 0, 2),), "who", {"level": 2}), Example("q3", "Why?"))
)


def test_a_question_is_added_with_an_id_of_its_own():
    changed, new = with_question(SET, "", " When? ", ["1887", " ", "in 1887"], "dates")
    assert new == "q4"
    assert changed.examples[:2] == SET.examples
    added = changed.examples[2]
    assert (added.question, added.reference, added.category) == ("When?", "1887", "dates")
    assert added.right_answers == ("1887", "in 1887")


def test_a_changed_question_keeps_what_was_not_changed():
    changed, _ = with_question(SET, "q1", "Who now?", ["You"])
    assert changed.examples[0] == Example("q1", "Who now?", "You", (Span("a", 0, 2),), None, {"level": 2})
    several, _ = with_question(SET, "q1", "Who?", ["You", "Me"])
    single, _ = with_question(several, "q1", "Who?", ["You"])
    assert single.examples[0].variables == {"level": 2}


@pytest.mark.parametrize(
    ("given", "why"), [(("", "  "), "Write a question first"), (("q9", "Who?"), "no question q9"),
                       (("", "a\0b"), "NUL character")],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused(given, why):
    with pytest.raises(BadInput, match=why):
        with_question(SET, *given)


def test_a_question_is_taken_out_but_not_the_last():
    left = without_question(SET, "q1")
    assert [example.id for example in left.examples] == ["q3"]
    with pytest.raises(BadInput, match="only question"):
        without_question(left, "q3")


def test_places_near_the_words_of_the_question_come_first():
    text = "In 1887 it rained. " + "x " * 150 + "The harbour opened in 1887. Room 18870 is shut, 1887 is not."
    result = answer_places("When did the harbour open?", ["1887"], [Document("a.txt", text), Document("b", "No 1887")])
    assert [place.span.document for place in result] == ["a.txt", "a.txt", "a.txt", "b"]
    assert result[0].before.endswith("The harbour opened in ")
    assert all(place.words == "1887" for place in result)
    assert [text[p.span.start : p.span.end] for p in result[:3]] == ["1887"] * 3
    assert answer_places("?", ["一八八七"], [Document("c", "港口於一八八七年開放")])[0].span == Span("c", 3, 7)
    assert answer_places("?", ["1712"], [Document("c", "港口建于1712年")])[0].span == Span("c", 4, 8)
    assert answer_places("?", ["1712年"], [Document("c", "港口建于1712年。")])[0].span == Span("c", 4, 9)
    assert answer_places("?", ["1712"], [Document("c", "in 17123 and a1712 and 1712é")]) == []
    assert answer_places("?", ["In  1887"], [Document("d", "opened in\n1887")])[0].words == "in\n1887"


def test_places_behind_many_others_are_looked_at():
    text = "2 " * 2_000 + "The pier has 2 towers."
    documents = [Document("a", text), Document("b", "The lighthouse has 2 towers.")]
    places = answer_places("Towers of the lighthouse?", ["2"], documents, most=5_000)
    assert (places[0].span.document, places[0].shared_words) == ("b", 3)
    assert len(places) == 2_002
    best = answer_places("Has the pier towers?", ["2"], documents[:1])[0]
    assert best.shared_words == 4
    assert "The pier has 2 towers" in best.after
