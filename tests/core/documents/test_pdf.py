import io
import zlib

import pytest

from llmopt_core.documents.load import load_bytes, load_documents
from llmopt_core.errors import BadInput

from .conftest import pdf_bytes


def test_pages_are_kept():
    document = load_bytes("a.pdf", pdf_bytes(["First page\nsecond line", "Second page", "Third"]))[0]
    assert document.metadata == {"format": "pdf", "pages": 3}
    assert len(document.page_starts) == 3
    for page, words in enumerate(("First page", "Second page", "Third"), 1):
        assert document.page_at(document.text.index(words)) == page
    assert document.text[document.page_starts[1] :].startswith("Second page")


def test_a_page_without_text_is_told():
    document = load_bytes("a.pdf", pdf_bytes(["One", "", "", "Four", ""]))[0]
    assert document.warnings == ("No text on page 2-3, 5: blank or scanned.",)
    assert document.page_at(document.text.index("Four")) == 4


def test_the_reading_of_pages_is_followed():
    told = []
    load_bytes("a.pdf", pdf_bytes(["One", "Two", "Three"]), lambda *part: told.append(part))
    assert told == [(1, 3, "page"), (2, 3, "page"), (3, 3, "page")]


def test_a_file_that_only_restricts_printing_is_read():
    assert "Secret" in load_bytes("a.pdf", pdf_bytes(["Secret"], "owner-only"))[0].text


@pytest.mark.parametrize(
    ("data", "why"),
    [(pdf_bytes(["", ""]), "no text on its 2 pages: it is probably scanned"),
     (pdf_bytes(["Secret"], "hunter2"), "encrypted with a password"),
     (pdf_bytes(["Some text"] * 5)[:2000], "cut off"),
     (b"plain text, not a PDF", "not a PDF"),
     (b"%PDF-1.7\ngarbage\n%%EOF", "damaged PDF"),
     (b"", "empty")],
)  # fmt: skip
def test_unreadable_pdfs_give_one_sentence(data, why):
    with pytest.raises(BadInput, match=rf"^x\.pdf .*{why}") as caught:
        load_bytes("x.pdf", data)
    assert "\n" not in str(caught.value)


def test_a_200_mb_pdf_is_refused_before_reading(tmp_path):
    path = tmp_path / "big.pdf"
    with path.open("wb") as file:
        file.write(b"%PDF-1.7")
        file.truncate(200_000_000)
    with pytest.raises(BadInput, match=r"big.pdf has 200 MB, more than the 100 MB"):
        load_documents([path])


def test_a_pdf_without_pages_is_refused():
    from pypdf import PdfWriter

    out = io.BytesIO()
    PdfWriter().write(out)
    with pytest.raises(BadInput, match="no pages"):
        load_bytes("x.pdf", out.getvalue())


def test_a_slow_pdf_is_stopped(monkeypatch):
    monkeypatch.setattr("llmopt_core.documents.limits.PDF_SECONDS", -1.0)
    with pytest.raises(BadInput, match="takes too long"):
        load_bytes("x.pdf", pdf_bytes(["text"]))


def test_what_hangs_on_pages_and_titles_that_stand_on_none_are_told():
    from pypdf import PdfReader, PdfWriter
    from pypdf.annotations import Highlight, Link, Text
    from pypdf.generic import ArrayObject, FloatObject, NameObject, TextStringObject

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf_bytes(["See https://a.b/ for the pier"]))))
    corners = ArrayObject(map(FloatObject, (72, 750, 90, 750, 72, 740, 90, 740)))
    marked = Highlight(rect=(72, 740, 90, 750), quad_points=corners)
    marked[NameObject("/Contents")] = TextStringObject("wrong year")
    for note in (marked, Text(rect=(0, 0, 9, 9), text="really?"), Link(rect=(0, 0, 9, 9), url="https://a.b/"),
                 Link(rect=(0, 0, 9, 9), url="https://other.b/")):  # fmt: skip
        writer.add_annotation(0, note)
    writer.add_outline_item("for the pier", 0)
    writer.add_outline_item("Secret chapter", 0)
    out = io.BytesIO()
    writer.write(out)
    assert load_bytes("a.pdf", out.getvalue())[0].warnings == (
        "1 titles of bookmarks, which stand in no page, were left out.",
        "2 comments were left out.",
        "1 address of a link was left out.",
    )


def test_a_page_that_is_mostly_a_picture_is_told():
    from PIL import Image
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen import canvas

    out = io.BytesIO()
    page = canvas.Canvas(out)
    page.drawImage(ImageReader(Image.new("RGB", (60, 80), "white")), 0, 0, 595, 842)
    page.drawString(72, 30, "Scan 7")
    page.save()
    document = load_bytes("a.pdf", out.getvalue())[0]
    assert document.text == "Scan 7"
    assert document.warnings == (
        "Page 1 is mostly a picture, and what it shows was not read: run text recognition (OCR) on it.",
    )


def with_second_page(contents: bytes | str | None, packing: str = "") -> bytes:
    """Three pages, the second with other contents; text is the kind of a reference or of nothing."""
    from pypdf import PdfReader, PdfWriter
    from pypdf.generic import IndirectObject, NameObject, NullObject, StreamObject

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf_bytes(["Leave policy", "Second", "The end."]))))
    given = NullObject()
    if isinstance(contents, bytes):
        stream = StreamObject()
        stream._data = contents
        if packing:
            stream[NameObject("/Filter")] = NameObject(packing)
        given = writer._add_object(stream)
    elif contents == "dangling":
        given = IndirectObject(999, 0, writer)
    writer.pages[1][NameObject("/Contents")] = given
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("contents", "packing"),
    [
        (zlib.compress(b"BT (Second) Tj ET")[:8] + b"\xff\x00garbage" * 9, "/FlateDecode"),
        (b"abc" * 50, "/NoSuchDecode"),
        (b"\x80\x81{{{{zzz~", "/ASCII85Decode"),
        (b"\x01\x02 no drawing at all \xff\xfe" * 5, ""),
        (b"\xff" * 40_000 + b"(\\" * 200_000, ""),
        ("dangling", ""),
    ],
)
def test_a_page_with_broken_contents_is_damaged_and_not_blank(contents, packing):
    (document,) = load_bytes("a.pdf", with_second_page(contents, packing))
    assert document.warnings == ("Page 2 is damaged and was not read.",)


@pytest.mark.parametrize(
    ("contents", "packing"),
    [(None, ""), (b"q Q", ""), (zlib.compress(b" \n"), "/FlateDecode"), (b"q /S\xe5\xae\x8b Do (\xff\xfe) Tj Q", "")],
)
def test_a_blank_page_is_called_so(contents, packing):
    (document,) = load_bytes("a.pdf", with_second_page(contents, packing))
    assert document.warnings == ("No text on page 2: blank or scanned.",)
