"""Documents that are added, replaced and removed take their references and indexes with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from llmopt_core.chunking.chunk import chunk_documents
from llmopt_core.chunking.spec import ChunkingSpec
from llmopt_core.errors import BadInput
from llmopt_core.index.build import build_index
from llmopt_core.index.index_inventory import list_indexes
from llmopt_core.labs.documents.document_changes import find_dangling, put_documents, remove_document
from llmopt_core.models.base import EmbeddingSpec
from llmopt_core.models.scripted import HashEmbedder
from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings
from llmopt_core.types import Document, EvaluationSet, Example, Span

TEXT = "The harbour was built in 1712. A railway reached the town in 1868."


def quoted(text: str, words: str, name: str = "a.txt") -> Span:
    start = text.index(words)
    return Span(name, start, start + len(words))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    opened = Store.open(settings)
    yield opened
    opened.close()


@pytest.fixture
def project(store: Store) -> str:
    name = store.create_project("town").name
    store.save_documents(name, [Document("a.txt", TEXT), Document("b.txt", "Nothing else.")])
    examples = (
        Example("q1", "When was the harbour built?", "1712", (quoted(TEXT, "built in 1712"),)),
        Example("q2", "When did the railway come?", "1868", (quoted(TEXT, "railway reached the town in 1868"),)),
        Example("q3", "Anything?", None, (Span("b.txt", 0, 7),)),
    )
    store.save_evaluation_set(name, EvaluationSet("set", examples))
    return name


def index(store: Store, settings: Settings, project: str) -> None:
    chunks = chunk_documents(store.documents(project), ChunkingSpec(size=50))
    build_index(chunks, EmbeddingSpec(), HashEmbedder(), settings, store.cache)


def test_the_same_text_under_another_name_is_named_and_left_out(store: Store, settings: Settings, project: str) -> None:
    again = [
        Document("copy.txt", TEXT),
        Document("a.txt", TEXT),
        Document("new.txt", "New."),
        Document("n2.txt", "New."),
    ]
    changes = put_documents(store, settings, project, again)
    assert changes.duplicates == (("copy.txt", "a.txt"), ("n2.txt", "new.txt"))
    assert (changes.additions, changes.unchanged, changes.replacements) == (("new.txt",), ("a.txt",), ())
    assert [item.name for item in store.document_list(project)] == ["a.txt", "b.txt", "new.txt"]
    kept = put_documents(store, settings, project, again[:1], keep_duplicates=True)
    assert kept.additions == ("copy.txt",)


def test_references_move_with_their_words_when_a_document_is_replaced(
    store: Store, settings: Settings, project: str
) -> None:
    text = "A new preface.\n\n" + TEXT.replace("A railway reached the town in 1868", "No train ever came")
    changes = put_documents(store, settings, project, [Document("a.txt", text)])
    assert changes.replacements == ("a.txt",)
    assert changes.moved == 1
    assert [(lost.example_id, lost.set_name) for lost in changes.dangling] == [("q2", "set")]
    one, two, three = store.evaluation_set(project, "set").examples
    assert [text[span.start : span.end] for span in one.references] == ["built in 1712"]
    assert two.references == ()
    assert three.references == (Span("b.txt", 0, 7),)
    assert len(store.evaluation_sets(project, every_version=True)) == 2


def test_words_that_changed_a_little_are_found_again(store: Store, settings: Settings, project: str) -> None:
    text = "Preface. " + TEXT.replace("railway reached the town in 1868", "railway reached this town in 1868")
    changes = put_documents(store, settings, project, [Document("a.txt", text)])
    assert not changes.dangling
    assert [(one.example_id, one.reason) for one in changes.unsure] == [("q2", "its words are a little different now")]
    span = store.evaluation_set(project, "set").examples[1].references[0]
    assert text[span.start : span.end] == "railway reached this town in 1868"


def test_a_reference_does_not_go_to_the_same_words_elsewhere(store: Store, settings: Settings, project: str) -> None:
    spans = (quoted(TEXT, "1868"),)
    store.save_evaluation_set(project, EvaluationSet("years", (Example("y", "When did it come?", "1868", spans),)))
    text = "The mayor was born in 1868. " + TEXT
    changes = put_documents(store, settings, project, [Document("a.txt", text)])
    (span,) = store.evaluation_set(project, "years").examples[0].references
    assert text[span.start - 8 : span.end] == "town in 1868"
    assert not changes.unsure
    gone = "The mayor was born in 1868. The harbour was built in 1712."
    changes = put_documents(store, settings, project, [Document("a.txt", gone)])
    assert ("y", "its passage is gone; the same words stand elsewhere") in [
        (o.example_id, o.reason) for o in changes.dangling
    ]
    assert store.evaluation_set(project, "years").examples[0].references == ()


def test_questions_are_named_before_a_document_goes_and_lose_only_its_references(
    store: Store, settings: Settings, project: str
) -> None:
    assert [hanging.example_id for hanging in find_dangling(store, project, "a.txt")] == ["q1", "q2"]
    removed = remove_document(store, settings, project, "a.txt")
    assert removed.references[0].question == "When was the harbour built?"
    examples = store.evaluation_set(project, "set").examples
    assert [len(example.references) for example in examples] == [0, 0, 1]
    assert [item.name for item in store.document_list(project)] == ["b.txt"]


def test_an_index_goes_with_its_documents_unless_another_project_has_them(
    store: Store, settings: Settings, project: str
) -> None:
    index(store, settings, project)
    other = store.create_project("other").name
    store.save_documents(other, store.documents(project))
    assert remove_document(store, settings, project, "a.txt").indexes == 0
    assert len(list_indexes(settings)) == 1
    changes = put_documents(store, settings, other, [Document("a.txt", "Something else.")])
    assert changes.indexes == 1
    assert list_indexes(settings) == []


def test_a_document_that_did_not_change_keeps_its_index(store: Store, settings: Settings, project: str) -> None:
    index(store, settings, project)
    changes = put_documents(store, settings, project, [Document("a.txt", TEXT), Document("c.txt", "More.")])
    assert (changes.indexes, changes.unchanged, changes.additions) == (0, ("a.txt",), ("c.txt",))
    assert len(list_indexes(settings)) == 1


@pytest.mark.parametrize("name", ["new.txt", "a.txt"])
@pytest.mark.parametrize("texts", [("One.", "Two."), ("One.", "One."), ("One.", TEXT)])
def test_two_documents_of_one_name_are_refused_together(
    store: Store, settings: Settings, project: str, name: str, texts: tuple[str, str]
) -> None:
    with pytest.raises(BadInput, match=rf"^Two documents are named {name}: rename one\.$"):
        put_documents(store, settings, project, [Document(name, text) for text in texts])
    assert [(d.name, d.text) for d in store.documents(project)] == [("a.txt", TEXT), ("b.txt", "Nothing else.")]
