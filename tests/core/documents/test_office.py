import io
import struct
import zipfile

import pytest

from llmopt_core.documents.load import load_bytes
from llmopt_core.errors import BadInput

from .conftest import zip_bytes


def test_docx_keeps_order_headings_lists_and_tables(docx_bytes):
    document = load_bytes("policy.docx", docx_bytes())[0]
    assert document.text == (
        "# Leave policy\n\nStaff get 25 days.\n\n## Parents\n\n- Sixteen weeks.\n\n"
        "Country | Days\nFrance | 30\n\nThe end."
    )


def test_pptx_slides_are_pages():
    from pptx import Presentation

    deck = Presentation()
    for title, body in (("Goals", "Grow\nLearn"), ("Costs", "Ten million")):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text, slide.placeholders[1].text = title, body
    deck.slides[1].notes_slide.notes_text_frame.text = "Say it slowly."
    deck.slides.add_slide(deck.slide_layouts[6])
    out = io.BytesIO()
    deck.save(out)
    document = load_bytes("deck.pptx", out.getvalue())[0]
    assert document.text.startswith("## Goals\nGrow\nLearn\n\n## Costs\nTen million\nNotes: Say it slowly.")
    assert document.page_at(document.text.index("Ten million")) == 2
    assert document.warnings == ("No text on slide 3.",)


def test_xlsx_rows_stand_alone():
    from openpyxl import Workbook

    book = Workbook()
    book.active.title = "Staff"
    for row in (("Name", "Age"), ("Ann", 31.0), (None, None), ("Bob", 4.5)):
        book.active.append(row)
    book.create_sheet("Empty")
    book.active.cell(1, 16384).value = "far"
    out = io.BytesIO()
    book.save(out)
    text = load_bytes("staff.xlsx", out.getvalue())[0].text
    assert text == "# Staff\n\nName: Ann\nAge: 31\n\nName: Bob\nAge: 4.5\n\nfar"


def test_csv_of_any_delimiter_and_a_header_alone():
    assert load_bytes("a.csv", b'name;note\nAnn;"x; y"\n')[0].text == "name: Ann\nnote: x; y"
    assert load_bytes("a.tsv", b"name\tnote\nAnn\t\n")[0].text == "name: Ann\n\nnote"
    assert load_bytes("a.csv", b"name,note\n")[0].text == "name | note"


@pytest.mark.parametrize("ending", ["docx", "pptx", "xlsx"])
@pytest.mark.parametrize(
    ("data", "why"),
    [(b"no zip at all", "no zip container"), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 rest", "in the format before 2007"),
     (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "encrypted with a password"),
     (zip_bytes({"other.xml": b"<a/>"}), "not the kind of file"), (zip_bytes({"a": b"b" * 500})[:60], "cut off")],
)  # fmt: skip
def test_wrong_office_files_give_one_sentence(ending, data, why):
    with pytest.raises(BadInput, match=rf"^x\.{ending} .*{why}"):
        load_bytes(f"x.{ending}", data)


@pytest.mark.parametrize(
    ("ending", "part"),
    [("docx", "word/document.xml"), ("pptx", "ppt/presentation.xml"), ("xlsx", "xl/workbook.xml")],
)
def test_damaged_content_gives_one_sentence(ending, part):
    with pytest.raises(BadInput, match="damaged"):
        load_bytes(f"x.{ending}", zip_bytes({part: b"<broken", "[Content_Types].xml": b"<broken"}))


@pytest.mark.parametrize(
    ("ending", "part"),
    [("docx", "word/document.xml"), ("pptx", "ppt/presentation.xml"), ("xlsx", "xl/workbook.xml")],
)
def test_a_zip_bomb_is_refused_before_unpacking(ending, part):
    with pytest.raises(BadInput, match="zip bomb"):
        load_bytes(f"x.{ending}", zip_bytes({part: b" " * 50_000_000}))


def test_a_declared_giant_is_refused(docx_bytes):
    data = bytearray(docx_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 0xF0000000)
    with pytest.raises(BadInput, match="unpack to 4,0"):
        load_bytes("x.docx", bytes(data))


def test_a_part_that_holds_more_than_it_declares_is_refused(docx_bytes):
    data = bytearray(docx_bytes(paragraph="word " * 50_000))
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
        size = archive.getinfo("word/document.xml").file_size
    for at in _headers(data, b"word/document.xml", struct.pack("<I", size)):
        data[at : at + 4] = struct.pack("<I", 100)
    with pytest.raises(BadInput, match="damaged"):
        load_bytes("x.docx", bytes(data))


def _headers(data: bytearray, name: bytes, size: bytes) -> list[int]:
    """Where local and central header hold the uncompressed size of one part."""
    found, at = [], data.find(name)
    while at >= 0:
        found += [at - back for back in (8, 22) if data[at - back : at - back + 4] == size]
        at = data.find(name, at + 1)
    return found


def test_xml_entities_are_not_expanded():
    bomb = b'<!DOCTYPE a [<!ENTITY x "' + b"y" * 1000 + b'">]><a>' + b"&x;" * 1000 + b"</a>"
    with pytest.raises(BadInput, match="damaged"):
        load_bytes("x.docx", zip_bytes({"word/document.xml": bomb, "[Content_Types].xml": bomb}))
