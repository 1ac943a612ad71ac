from __future__ import annotations

from llmopt_core.answering.cited_spans import find_cited_spans
from llmopt_core.types import Answer, Chunk, Hit

FIRST = "The harbour was built in 1712. Its two lighthouses still stand.  "
SECOND = "Every spring the market opens on the quay. It closes when the first snow falls."


def answer(text: str, *citations: int) -> Answer:
    chunks = [Chunk("a.md", 10, 10 + len(FIRST), FIRST), Chunk("b.md", 0, len(SECOND), SECOND)]
    return Answer(text, tuple(Hit(chunk, 1.0) for chunk in chunks), citations)


def shown(given: Answer) -> dict[int, list[str]]:
    texts = {"a.md": " " * 10 + FIRST, "b.md": SECOND}
    return {
        position: [texts[span.document][span.start : span.end] for span in spans]
        for position, spans in find_cited_spans(given).items()
    }


def test_a_marked_claim_points_to_its_sentence() -> None:
    given = answer("There are two lighthouses [1]. The market closes when snow falls [2].", 0, 1)
    assert shown(given) == {0: ["Its two lighthouses still stand."], 1: ["It closes when the first snow falls."]}


def test_an_unmarked_answer_points_into_what_it_cites() -> None:
    assert shown(answer("1712", 0)) == {0: ["The harbour was built in 1712."]}


def test_what_stands_in_no_sentence_points_nowhere() -> None:
    assert find_cited_spans(answer("Pirates burned the town to the ground [1].", 0)) == {}
    assert find_cited_spans(answer("I don't know.")) == {}


def test_two_claims_on_one_sentence_point_to_it_once() -> None:
    given = answer("The harbour is from 1712 [1]. The harbour was built [1].", 0)
    assert shown(given) == {0: ["The harbour was built in 1712."]}
