"""The chunk microscope: bands, references, ranks, two chunkings, and what of a text is never embedded."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.runs.store import Store
from llmopt_core.types import Document, EvaluationSet, Example, Span
from llmopt_ui.document_text.chunk_sizes import axis_marks

App = Callable[..., AppTest]
PAGE = "pages/documents.py"
TAB = {"documents_tab": "Microscope"}


@pytest.fixture
def opened(app: App) -> Callable[..., AppTest]:
    def start(project: str, **query: str) -> AppTest:
        return app(PAGE, project=project, **TAB, **query)

    return start


def drawn(test: AppTest) -> list[dict[str, Any]]:
    """What was handed to the browser, one per panel."""
    return [json.loads(item.proto.json) for item in test.get("bidi_component") if "pieces" in item.proto.json]


def words(test: AppTest) -> str:
    return "\n".join(item.value for item in test.markdown)


def test_without_documents_it_says_what_to_do(opened: App, store: Store) -> None:
    test = opened(store.create_project("empty").name)
    assert not test.exception
    assert "Nothing to look at yet" in words(test)


def test_it_opens_at_the_answer_of_the_first_question(opened: App, used: str, store: Store) -> None:
    test = opened(used)
    assert not test.exception
    data = drawn(test)[0]
    text = store.document(used, "harbour.md").text
    assert "".join(piece[0] for piece in data["pieces"]) == text
    gold = [piece[0] for piece in data["pieces"] if "g" in piece[4]]
    assert gold == ["1712"]
    assert any(chunk["rank"] == 2 and chunk["found"] for chunk in data["chunks"].values())
    assert "The source stands whole in chunk 1 (rank" in words(test)


def test_a_slider_draws_other_chunks(opened: App, used: str) -> None:
    test = opened(used)
    few = len(drawn(test)[0]["chunks"])
    test.slider(key="micro_size_a_tokens").set_value(20).run()
    assert not test.exception
    assert len(drawn(test)[0]["chunks"]) > few


def test_a_reference_that_is_cut_is_named_as_cut(opened: App, store: Store) -> None:
    name = store.create_project("cut").name
    text = "one two three four five six seven eight nine ten " * 8
    store.save_documents(name, [Document("words.txt", text)])
    store.save_evaluation_set(name, EvaluationSet("set", (Example("q", "Which?", None, (Span("words.txt", 0, 300),)),)))
    test = opened(name, micro_size_a_tokens="20")
    assert not test.exception
    assert "**cut**" in words(test)


def test_two_chunkings_show_the_same_window_of_text(opened: App, used: str) -> None:
    test = opened(used, micro_second="true", micro_method_b="Sentences", micro_size_b_tokens="20")
    assert not test.exception
    one, two = drawn(test)
    assert "".join(piece[0] for piece in one["pieces"]) == "".join(piece[0] for piece in two["pieces"])
    assert len(two["chunks"]) > len(one["chunks"])


def test_what_lies_beyond_the_window_is_counted_and_marked(opened: App, store: Store) -> None:
    name = store.create_project("long").name
    store.save_documents(name, [Document("long.txt", "harbour " * 600)])
    test = opened(name, micro_size_a_tokens="600")
    assert not test.exception
    assert "1 of 1 chunk is longer" in words(test)
    assert "58% of the text is not embedded at all" in words(test)
    assert any("u" in piece[4] for piece in drawn(test)[0]["pieces"])


def test_only_a_window_of_a_long_document_is_sent(opened: App, store: Store) -> None:
    name = store.create_project("long").name
    store.save_documents(name, [Document("line.txt", "x" * 1_000_000)])
    test = opened(name, micro_unit_a="Characters")
    assert not test.exception
    data = drawn(test)[0]
    assert sum(len(piece[0]) for piece in data["pieces"]) <= 4_000
    assert data["strip"]["window"][1] < 0.01


def test_ranks_by_meaning_use_the_embedding_model(opened: App, used: str, script: Callable[..., ScriptedChat]) -> None:
    script([])
    test = opened(used, micro_by="Meaning")
    assert not test.exception
    assert all(chunk["rank"] for chunk in drawn(test)[0]["chunks"].values())


def test_many_new_chunks_are_embedded_only_when_asked_for(
    opened: App, store: Store, script: Callable[..., ScriptedChat]
) -> None:
    script([])
    name = store.create_project("many").name
    store.save_documents(name, [Document("many.txt", "\n\n".join(f"Paragraph {n} of the book." for n in range(400)))])
    store.save_evaluation_set(name, EvaluationSet("set", (Example("q", "Which?", None, (Span("many.txt", 0, 9),)),)))
    test = opened(name, micro_by="Meaning", micro_size_a_tokens="20")
    assert not test.exception
    assert all(chunk["rank"] is None for chunk in drawn(test)[0]["chunks"].values())
    test.button(key="micro_embed_a").click().run()
    assert not test.exception
    assert all(chunk["rank"] for chunk in drawn(test)[0]["chunks"].values())


def test_odd_characters_do_not_shift_the_offsets(opened: App, store: Store) -> None:
    text = "مرحبا بالعالم 😀👩‍👩‍👧 e\u0301\0 <b>bold</b> & more. " * 40
    place = text.index("<b>", 900)
    name = store.create_project("odd").name
    store.save_documents(name, [Document("odd.txt", text)])
    span = Span("odd.txt", place, place + 11)
    store.save_evaluation_set(name, EvaluationSet("set", (Example("q", "Which?", None, (span,)),)))
    test = opened(name, micro_size_a_tokens="20", micro_overlap_a="50")
    assert not test.exception
    pieces = drawn(test)[0]["pieces"]
    assert "".join(piece[0] for piece in pieces) == text
    assert "".join(piece[0] for piece in pieces if "g" in piece[4]) == "<b>bold</b>"
    assert all(text[piece[1] : piece[1] + len(piece[0])] == piece[0] for piece in pieces)


def test_sizes_count_every_chunk_and_mark_the_window(opened: App, store: Store) -> None:
    name = store.create_project("sizes").name
    store.save_documents(name, [Document("long.txt", "harbour " * 1000)])
    test = opened(name, micro_size_a_tokens="300")
    assert not test.exception
    (data,) = [json.loads(item.proto.json) for item in test.get("bidi_component") if "bars" in item.proto.json]
    messages = {bar[4]: bar for bar in data["bars"] if not bar[4].endswith(": 0 chunks")}
    assert [text.split(": ")[1] for text in messages] == ["1 chunk", "3 chunks"]
    small, large = messages.values()
    assert (small[3], large[3]) == (False, True)
    assert large[2] == pytest.approx(3 * small[2])
    assert small[0] < data["window"][0] < large[0] + large[1] <= 1.0
    assert data["window"][1] == "window: 254"
    assert data["across"][0] == [0.0, "0"]
    assert all(0 <= place <= 1 for place, _ in (*data["across"], *data["up"]))
    assert "4 chunks, the largest of 300 tokens, 3 beyond the window" in data["told"]


@pytest.mark.parametrize(
    ("largest", "expected"),
    [(1, [0, 1]), (3, [0, 1, 2, 3]), (7, [0, 2, 4, 6]), (90, [0, 25, 50, 75]), (4_000, [0, 1000, 2000, 3000, 4000])],
)
def test_axis_marks_are_round_whole_numbers(largest: int, expected: list[int]) -> None:
    assert list(axis_marks(largest, 4)) == expected


@pytest.fixture
def long_document(store: Store, monkeypatch: pytest.MonkeyPatch) -> str:
    """A project whose one document has three parts; the answer to its question stands in the second."""
    monkeypatch.setattr("llmopt_ui.chunking.microscope.parts.PART", 1_000)
    name = store.create_project("long").name
    text = "".join(f"word{i:04} " for i in range(290))
    assert len(text) == 2_610
    store.save_documents(name, [Document("long.txt", text)])
    span = Span("long.txt", text.index("word0130"), text.index("word0130") + 8)
    store.save_evaluation_set(name, EvaluationSet("set", (Example("q", "Where is word0130?", None, (span,)),)))
    return name


def test_a_long_document_opens_at_the_part_that_holds_the_answer(opened: App, store: Store, long_document: str) -> None:
    test = opened(long_document)
    assert not test.exception
    data = drawn(test)[0]
    assert "".join(piece[0] for piece in data["pieces"]) == store.document(long_document, "long.txt").text[1_000:2_000]
    assert [piece[0] for piece in data["pieces"] if "g" in piece[4]] == ["word0130"]
    assert "characters 1,000 to" in next(iter(data["chunks"].values()))["told"]
    assert "Characters 1,000 to 2,000 of 2,610" in [item.value for item in test.caption]
    assert "The source stands whole in chunk" in words(test)


def test_another_part_of_a_long_document_says_where_the_answer_is(opened: App, long_document: str) -> None:
    test = opened(long_document)
    test.selectbox(key="micro_part_long.txt").set_value(3).run()
    assert not test.exception
    assert "The answer stands in part 2 of this document" in words(test)
    assert "".join(piece[0] for piece in drawn(test)[0]["pieces"]).endswith("word0289 ")
