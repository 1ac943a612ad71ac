"""Adding, reading, cutting and deleting documents."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.runs.store import Store
from llmopt_core.types import Document

App = Callable[..., AppTest]
PAGE = "pages/documents.py"


@pytest.fixture
def empty(store: Store) -> str:
    return store.create_project("empty").name


def upload(test: AppTest, *files: tuple[str, bytes, str]) -> AppTest:
    test.file_uploader[0].set_value(list(files))
    return next(button for button in test.button if button.label == "Add to project").click().run()


def texts(test: AppTest) -> str:
    return "\n".join(text.value for text in test.text)


def html(test: AppTest) -> str:
    return "\n".join(item.proto.body for item in test.get("html"))


def cut_text(test: AppTest) -> str:
    """What the script of the chunk bands draws."""
    (rows,) = [json.loads(item.proto.json) for item in test.get("bidi_component") if "pieces" in item.proto.json]
    return "".join(piece[0] for piece in rows["pieces"])


def test_an_uploaded_text_is_stored_listed_and_cut(app: App, store: Store, empty: str) -> None:
    test = upload(app(PAGE, project=empty), ("notes.txt", b"One sentence. Another one.", "text/plain"))
    assert not test.exception
    assert [item.name for item in store.document_list(empty)] == ["notes.txt"]
    assert list(test.dataframe[0].value["Document"]) == ["notes.txt"]
    assert "One sentence. Another one." in cut_text(test)
    assert {metric.label: metric.value for metric in test.metric}["Chunks"] == "1"


def test_a_very_long_name_is_cut_and_whole_where_one_points(app: App, store: Store, empty: str) -> None:
    name = "long " * 60 + "*end*.txt"
    store.save_documents(empty, [Document(name, "Text.")])
    test = app(PAGE, project=empty)
    assert not test.exception
    title = next(item for item in test.markdown if item.value.startswith("**long"))
    assert len(title.value) < 100
    assert title.value.endswith("…**")
    assert title.help.count("long") == 60
    assert r"\*end\*" in title.help
    assert name not in texts(test)


def test_one_bad_file_does_not_stop_the_others(app: App, store: Store, empty: str) -> None:
    test = upload(
        app(PAGE, project=empty),
        ("broken.pdf", b"%PDF-1.7 and then nothing", "application/pdf"),
        ("good.md", b"# Title\n\nText.", "text/markdown"),
    )
    assert not test.exception
    assert [item.name for item in store.document_list(empty)] == ["good.md"]
    assert "broken.pdf" in texts(test)


def test_files_that_cannot_be_read_stand_together_under_one_line_until_they_are_put_away(app: App, empty: str) -> None:
    test = upload(
        app(PAGE, project=empty),
        ("broken.pdf", b"%PDF-1.7 and then nothing", "application/pdf"),
        ("nothing.txt", b"", "text/plain"),
        ("good.md", b"# Title", "text/markdown"),
    )
    (messages,) = [item.value for item in test.markdown if "not added" in item.value]
    assert messages.endswith("**2 files not added; 1 document added**")
    assert [item.value.split(" ")[0] for item in test.text[:2]] == ["broken.pdf", "nothing.txt"]
    test.button(key="documents_put_away").click().run()
    assert "broken.pdf" not in texts(test)
    assert not [item for item in test.markdown if "not added" in item.value]


def test_text_of_users_is_never_html(app: App, empty: str) -> None:
    evil = b"<script>alert(1)</script> <img src=x onerror=alert(2)> & more"
    test = upload(app(PAGE, project=empty), ("evil.txt", evil, "text/plain"))
    assert "<script>alert" not in html(test)
    assert "<img" not in html(test)
    # The script of the chunk bands gets it as data, of which it makes text.
    assert cut_text(test) == evil.decode()


def test_size_and_overlap_change_the_bands(app: App, used: str) -> None:
    test = app(PAGE, project=used, document="harbour.md", chunk_method="Fixed window", chunk_size="20")
    few = {metric.label: metric.value for metric in test.metric}
    test.slider(key="chunk_overlap").set_value(10).run()
    many = {metric.label: metric.value for metric in test.metric}
    assert not test.exception
    assert int(many["Chunks"]) > int(few["Chunks"])
    assert few["Repeated"] == "0%"
    assert many["Repeated"] != "0%"


def test_overlap_larger_than_the_size_is_cut_back(app: App, used: str) -> None:
    test = app(PAGE, project=used, chunk_size="20", chunk_overlap="500")
    assert not test.exception
    assert "Chunks" in {metric.label for metric in test.metric}


def test_a_document_is_deleted(app: App, store: Store, used: str) -> None:
    test = app(PAGE, project=used, document="folder/notes.txt")
    test.button(key="documents_delete").click().run()
    assert not test.exception
    assert [item.name for item in store.document_list(used)] == ["harbour.md"]


def test_the_address_chooses_the_document(app: App, used: str) -> None:
    test = app(PAGE, project=used, document="harbour.md", documents_view="Text")
    assert "The harbour was built in 1712." in texts(test)


def test_a_document_without_text_says_so(app: App, store: Store, empty: str) -> None:
    store.save_documents(empty, [Document("blank.txt", "   ")])
    test = app(PAGE, project=empty)
    assert not test.exception
    assert "This document has no text to cut." in [caption.value for caption in test.caption]


def test_a_file_with_a_known_text_is_named_and_left_out(app: App, store: Store, empty: str) -> None:
    test = upload(
        app(PAGE, project=empty),
        ("a.txt", b"The same words.", "text/plain"),
        ("b.txt", b"The same words.", "text/plain"),
    )
    assert not test.exception
    assert "b.txt has the same text as a.txt and was not added." in texts(test)
    assert [item.name for item in store.document_list(empty)] == ["a.txt"]
    test.checkbox(key="documents_keep_duplicates").check()
    test = upload(test, ("b.txt", b"The same words.", "text/plain"))
    assert [item.name for item in store.document_list(empty)] == ["a.txt", "b.txt"]
    assert "The same text: a.txt, b.txt" in texts(test)


def test_a_zip_gives_its_files_and_says_what_was_left_out(app: App, store: Store, empty: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("in/one.txt", "One text.")
        archive.writestr("in/two.md", "# Two")
        archive.writestr("in/odd.exe", "MZ")
    test = upload(app(PAGE, project=empty), ("both.zip", packed.getvalue(), "application/zip"))
    assert not test.exception
    assert [item.name for item in store.document_list(empty)] == ["in/one.txt", "in/two.md"]
    assert "odd.exe" in texts(test)
    assert "in/one.txt: Left out of" not in texts(test)


def test_a_replaced_document_says_what_became_of_its_references(app: App, store: Store, used: str) -> None:
    text = store.document(used, "harbour.md").text
    new = "A preface.\n\n" + text.replace("the first snow falls", "all is sold")
    test = upload(app(PAGE, project=used), ("harbour.md", new.encode(), "text/markdown"))
    assert not test.exception
    assert "Replaced: harbour.md." in texts(test)
    assert "16 sources moved to where the same words stand now." in texts(test)
    spans = [span for example in store.evaluation_set(used, "questions").examples for span in example.references]
    assert {new[span.start : span.end] for span in spans} == {"1712", "four"}
    lost = "Question q2 of questions lost a source, its passage is gone; the same words stand elsewhere: "
    assert lost in texts(test)


def test_questions_are_named_before_their_document_is_deleted(app: App, store: Store, used: str) -> None:
    test = app(PAGE, project=used, document="harbour.md")
    assert "24 questions have their answer in it" in texts(test)
    test.button(key="documents_delete").click().run()
    assert not test.exception
    assert not any(example.references for example in store.evaluation_set(used, "questions").examples)


def test_pages_without_text_are_reported(app: App, store: Store, empty: str) -> None:
    warning = "Pages 2 and 3 hold no text; they may be scans."
    store.save_documents(empty, [Document("scan.pdf", "Page one.", warnings=(warning,))])
    test = app(PAGE, project=empty)
    assert any("Pages 2 and 3 hold no text" in item.value for item in test.warning)


def test_an_upload_is_read_in_the_encoding_that_is_chosen(app: App, store: Store, empty: str) -> None:
    test = app(PAGE, project=empty)
    test.selectbox(key="documents_encoding").set_value("windows-1257")
    upload(test, ("notes.txt", "ąę žuvis".encode("cp1257"), "text/plain"))
    assert store.document(store.project(empty), "notes.txt").text == "ąę žuvis"


def test_an_upload_leaves_out_menus_where_that_is_ticked(app: App, store: Store, empty: str) -> None:
    page = b"<html><body><nav>Menu</nav><main><p>Staff get 25 days.</p></main></body></html>"
    test = app(PAGE, project=empty)
    upload(test, ("whole.html", page, "text/html"))
    test.checkbox(key="documents_main_only").check()
    upload(test, ("main.html", page, "text/html"))
    result = store.project(empty)
    assert [store.document(result, name).text for name in ("whole.html", "main.html")] == [
        "Menu\n\nStaff get 25 days.", "Staff get 25 days."]  # fmt: skip
