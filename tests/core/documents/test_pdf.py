import base64
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
    messages = []
    load_bytes("a.pdf", pdf_bytes(["One", "Two", "Three"]), lambda *part: messages.append(part))
    assert messages == [(1, 3, "page"), (2, 3, "page"), (3, 3, "page")]


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
    with pytest.raises(BadInput, match=rf"^x\.pdf .*{why}") as error:
        load_bytes("x.pdf", data)
    assert "\n" not in str(error.value)


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
        "1 title of a bookmark, which stands in no page, was left out.",
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


def words_in_lines() -> bytes:
    words = " ".join(f"word{n * 7919 % 1000}" for n in range(300)).split()
    lines = b"".join(b"(%s) Tj T* " % " ".join(words[i : i + 6]).encode() for i in range(0, 300, 6))
    return b"BT /F1 10 Tf 12 TL 50 750 Td " + lines + b"ET"


PACKED = zlib.compress(words_in_lines())
IN_LETTERS = base64.a85encode(PACKED)


@pytest.mark.parametrize(
    ("contents", "packing"),
    [
        (PACKED[: len(PACKED) // 2], "/FlateDecode"),
        (PACKED[:-9], "/FlateDecode"),
        (zlib.compress(words_in_lines()[:900])[:-4] + PACKED[-4:], "/FlateDecode"),
        (PACKED[:500] + b"\xff" * 9 + PACKED[509:], "/FlateDecode"),
        (IN_LETTERS[: len(IN_LETTERS) // 2], "/ASCII85Decode /FlateDecode"),
    ],
)
@pytest.mark.parametrize("in_form", [False, True])
def test_a_page_of_which_only_a_part_can_be_unpacked_is_told(contents, packing, in_form):
    document = load_bytes("a.pdf", with_page_of(contents, packing, in_form=in_form))[0]
    assert "word0" in document.text
    assert document.warnings == ("Page 1 is damaged, and only a part of it was read.",)


@pytest.mark.parametrize("contents", [PACKED, PACKED[:-4], PACKED + b"\n\n"])
def test_packing_that_lacks_only_its_sum_is_whole(contents):
    document = load_bytes("a.pdf", with_page_of(contents, "/FlateDecode"))[0]
    assert len(document.text.split()) == 300
    assert document.warnings == ()


def test_a_missing_part_of_a_page_is_told():
    data = with_page_of(b"BT /F1 10 Tf 50 750 Td (Head) Tj ET", "").replace(
        b"/Contents 4 0 R", b"/Contents [4 0 R 99 0 R]"
    )
    document = load_bytes("a.pdf", data)[0]
    assert (document.text, document.warnings) == ("Head", ("Page 1 is damaged, and only a part of it was read.",))


def with_page_of(contents: bytes, packing: str, *, in_form: bool = False, catalog: bytes = b"", more=()) -> bytes:
    """A PDF of one page that draws these contents, in a form that it draws or itself."""
    filters = f"/Filter [{packing}]".encode() if packing else b""
    stream = b"<<%s /Length %d %%s>>\nstream\n%s\nendstream" % (filters, len(contents), contents.replace(b"%", b"%%"))
    form = stream % b"/Type /XObject /Subtype /Form /BBox [0 0 612 792] /Resources << /Font << /F1 5 0 R >> >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R %s >>" % catalog,
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> /XObject << /X1 6 0 R >> >> >>",
        b"<< /Length 6 >>\nstream\n/X1 Do\nendstream" if in_form else stream % b"",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        form if in_form else b"null",
        *more,
    ]
    return (
        b"%PDF-1.7\n"
        + b"".join(b"%d 0 obj\n%s\nendobj\n" % item for item in enumerate(objects, 1))
        + (b"trailer << /Size %d /Root 1 0 R >>\n%%%%EOF" % (len(objects) + 1))
    )


TEXT = b"BT /F1 10 Tf 50 750 Td (Berth request) Tj ET"


def test_values_of_fields_that_stand_on_no_page_are_read():
    fields = [b"<< /T (ship) /Kids [8 0 R] >>", b"<< /Parent 7 0 R /FT /Tx /TU (Name) /V (Northern Tern) >>",
              b"<< /FT /Ch /T (port) /V (fi) /Opt [[(fi) (Turku)] [(no) (Bergen)]] >>"]  # fmt: skip
    data = with_page_of(TEXT, "", catalog=b"/AcroForm << /Fields [7 0 R 9 0 R] >>", more=fields)
    document = load_bytes("a.pdf", data)[0]
    assert (document.text, document.warnings) == ("Berth request\n\nName: Northern Tern\nport: Turku", ())


@pytest.mark.parametrize("value", [b"5", b"15", b"Yes", b"Ber", b"Bert", b"201", b"20"])
def test_a_value_that_stands_inside_of_other_words_is_read(value):
    fields = [b"<< /FT /Tx /T (Ships) /V (%s) >>" % value]
    page = b"BT /F1 10 Tf 50 750 Td (Berth request of 2015, Yesterday 5) Tj ET"
    data = with_page_of(page, "", catalog=b"/AcroForm << /Fields [7 0 R] >>", more=fields)
    assert load_bytes("a.pdf", data)[0].text == f"Berth request of 2015, Yesterday 5\n\nShips: {value.decode()}"


def test_a_value_that_is_drawn_already_is_not_given_twice():
    fields = [b"<< /FT /Tx /T (What: now) /V (Berth request) >>", b"<< /FT /Tx /T (Note) /V (of: Berth request) >>"]
    data = with_page_of(TEXT, "", catalog=b"/AcroForm << /Fields [7 0 R 8 0 R] >>", more=fields)
    assert load_bytes("a.pdf", data)[0].text == "Berth request\n\nNote: of: Berth request"


def test_fields_on_a_page_are_given_once_and_notes_whole():
    from pypdf import PdfReader, PdfWriter
    from pypdf.annotations import FreeText
    from pypdf.generic import ArrayObject, DictionaryObject, FloatObject, NameObject, TextStringObject

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf_bytes(["Opened in 2015, see the pier", "End"]))))
    rect = ArrayObject(map(FloatObject, (0, 0, 9, 9)))
    whole = DictionaryObject({NameObject("/FT"): NameObject("/Tx"), NameObject("/T"): TextStringObject("Ships"),
                              NameObject("/V"): TextStringObject("5")})  # fmt: skip
    parent = writer._add_object(whole)
    drawn = writer._add_object(DictionaryObject({
        NameObject("/Subtype"): NameObject("/Widget"), NameObject("/Rect"): rect, NameObject("/Parent"): parent,
        NameObject("/TU"): TextStringObject("Number of ships"),
    }))  # fmt: skip
    whole[NameObject("/Kids")] = ArrayObject([drawn])
    writer.pages[0][NameObject("/Annots")] = ArrayObject([drawn])
    writer._root_object[NameObject("/AcroForm")] = DictionaryObject({NameObject("/Fields"): ArrayObject([parent])})
    writer.add_annotation(0, FreeText(text="Attention: see the pier", rect=(0, 0, 9, 9)))
    out = io.BytesIO()
    writer.write(out)
    text = load_bytes("a.pdf", out.getvalue())[0].text
    assert text.count("ships: 5") == 1
    assert "Ships: 5" not in text
    assert "Attention: see the pier" in text


@pytest.mark.parametrize("title", ["Harbour administration", "Well-known piers", "Secret chapter"])
def test_a_bookmark_whose_words_a_line_end_divides_stands_on_the_page(title):
    page = (
        b"BT /F1 10 Tf 50 750 Td (Harbour admin-) Tj 0 -12 Td (istration and well) Tj ET "
        b"BT /F1 10 Tf 50 700 Td (Well-) Tj 0 -12 Td (known piers) Tj ET"
    )
    outline = [b"<< /First 8 0 R /Last 8 0 R /Count 1 >>", b"<< /Title (%s) /Parent 7 0 R >>" % title.encode()]
    messages = ("1 title of a bookmark, which stands in no page, was left out.",) if title == "Secret chapter" else ()
    data = with_page_of(page, "", catalog=b"/Outlines 7 0 R", more=outline)
    assert load_bytes("a.pdf", data)[0].warnings == messages


def test_values_of_a_form_that_is_kept_as_xml_are_read():
    xml = b"""<x:xdp xmlns:x="http://ns.adobe.com/xdp/"><template><field>no value</field></template>
        <d:datasets xmlns:d="http://www.xfa.org/schema/xfa-data/1.0/"><d:data><f><Ship>Tern</Ship><Berth/></f></d:data>
        </d:datasets></x:xdp>"""
    packet = b"<< /Length %d >>\nstream\n%s\nendstream" % (len(xml), xml)
    data = with_page_of(TEXT, "", catalog=b"/AcroForm << /XFA 7 0 R /Fields [] >>", more=[packet])
    assert load_bytes("a.pdf", data)[0].text == "Berth request\n\nShip: Tern"
