"""A flaw inside a file costs itself: the rest is read, and what was missed is told; where nothing can be read, why."""

import io
import re
from collections.abc import Callable

import pytest

from llmopt_core.documents.load import load_bytes
from llmopt_core.errors import BadInput

from .conftest import pdf_bytes
from .office_parts import docx, paragraph, parts_of, related, with_parts

MAIN, RELS = "word/document.xml", "word/_rels/document.xml.rels"
SHEET, STRINGS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
NAMESPACE = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
REFERENCE = '<w:p><w:r><w:t>Text</w:t><w:footnoteReference w:id="7"/></w:r></w:p>'


def xlsx(rows: bytes, strings: bytes | None = None) -> bytes:
    from openpyxl import Workbook

    out = io.BytesIO()
    Workbook().save(out)
    parts = {SHEET: b"<worksheet " + NAMESPACE + b"><sheetData>" + rows + b"</sheetData></worksheet>",
             STRINGS: strings}  # fmt: skip
    return related(with_parts(out.getvalue(), parts), "xl/_rels/workbook.xml.rels", "sharedStrings", "/" + STRINGS)


def pptx(*titles: str) -> bytes:
    import pptx as library

    deck = library.Presentation()
    for title in titles:
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text, slide.placeholders[1].text = title, f"Body of {title}"
        slide.notes_slide.notes_text_frame.text = f"Notes of {title}"
    out = io.BytesIO()
    deck.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("change", "fault"),
    [(lambda main: main.replace(b"second", b"second R&D"), "EntityRef"),
     (lambda main: main.replace(b"second", b"second\x0b"), "invalid Char"),
     (lambda main: main.replace(b"second", b"second&nbsp;"), "nbsp"),
     (lambda main: main.replace(b"<w:t>second", b"<x:y/><w:t>second"), "Namespace prefix x"),
     (lambda main: main + b"\0\0", "Extra content"), (lambda main: main[:-30], "")],
)  # fmt: skip
def test_broken_xml_is_read_as_far_as_it_goes_and_told(change: Callable[[bytes], bytes], fault: str) -> None:
    data = docx(paragraph("first") + paragraph("second") + paragraph("third"))
    (document,) = load_bytes("a.docx", with_parts(data, {MAIN: change(parts_of(data)[MAIN])}))
    assert re.match(r"first\n\nsecond.*\n\nthird", document.text)
    (warning,) = document.warnings
    assert warning.startswith(f"Damaged inside the file, and read as far as possible: {MAIN} (")
    assert fault in warning
    assert "<string>" not in warning


@pytest.mark.parametrize(("content", "told"), [(None, "Missing"), (b"<broken", "Damaged"), (b"", "Damaged")])
@pytest.mark.parametrize("part", ["word/styles.xml", "word/footnotes.xml"])
def test_a_part_that_is_needed_and_not_there_is_told(part: str, content: bytes | None, told: str) -> None:
    data = docx(paragraph("Text"), footnotes="")
    (document,) = load_bytes("a.docx", with_parts(data, {part: content}))
    assert document.text == "Text"
    assert [warning[: len(told)] for warning in document.warnings] == [told]
    assert part in document.warnings[0]


def test_notes_are_found_without_relationships_and_lost_ones_are_counted() -> None:
    note = f'<w:footnote w:id="7">{paragraph("The note")}</w:footnote>'
    data = docx(REFERENCE, footnotes=note)
    (document,) = load_bytes("a.docx", with_parts(data, {RELS: None}))
    assert document.text == "Text [7]\n\n[Footnote 7] The note"
    assert load_bytes("a.docx", docx(REFERENCE))[0].warnings == ("1 note that the text names is not in the file.",)


@pytest.mark.parametrize("level", ["x", "²", "-3", "9" * 5000])
def test_numbers_that_are_none_cost_nothing(level: str) -> None:
    lists = (f'<w:abstractNum w:abstractNumId="5"><w:lvl w:ilvl="{level}"><w:start w:val="{level}"/></w:lvl>'
             '</w:abstractNum><w:num w:numId="5"><w:abstractNumId w:val="5"/></w:num>')  # fmt: skip
    body = paragraph("Text", f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="5"/></w:numPr>')
    body += f'<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="{level}"/></w:tcPr>{paragraph("A")}</w:tc>'
    body += f"<w:tc>{paragraph('B')}</w:tc></w:tr></w:tbl>"
    (document,) = load_bytes("a.docx", docx(body, numbering=lists))
    assert re.search(r"Text\n\nA \| B$", document.text)
    cells = f'<row r="{level}"><c r="A1" s="{level}" t="n"><v>5</v></c><c t="n"><v>{level}</v></c></row>'
    assert "5" in load_bytes("a.xlsx", xlsx(cells.encode()))[0].text


def test_cells_whose_text_is_lost_are_named() -> None:
    rows = b'<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>7</v></c><c r="C1" t="s"><v>-1</v></c></row>'
    (document,) = load_bytes("a.xlsx", xlsx(rows, b"<sst " + NAMESPACE + b"><si><t>Name</t></si></sst>"))
    assert document.text == "# Sheet\n\nName"
    assert document.warnings[0].startswith("2 cells whose text the file does not hold, left empty (Sheet!B1, Sheet!C1)")
    (document,) = load_bytes("a.xlsx", xlsx(rows + b'<row r="2"><c r="A2"><v>3</v></c></row>'))
    assert document.warnings[0] == "Missing inside the file: xl/sharedStrings.xml."
    assert document.warnings[1].startswith("3 cells whose text")


def test_a_sheet_is_read_up_to_its_damage() -> None:
    rows = b'<row r="1"><c r="A1"><v>1</v></c></row><row r="2"><c r="A2"><v>2 & </v></c></row>'
    (document,) = load_bytes("a.xlsx", xlsx(rows))
    assert document.text == "# Sheet\n\n1: 2"
    assert document.warnings[0].startswith(f"Damaged inside the file, and read as far as possible: {SHEET} (")


def test_slides_and_sheets_are_found_without_relationships() -> None:
    found = load_bytes("a.pptx", with_parts(pptx("One", "Two"), {"ppt/_rels/presentation.xml.rels": None}))
    assert found[0].text.count("Body of") == 2
    rows = b'<row r="1"><c r="A1"><v>41</v></c></row>'
    (document,) = load_bytes("a.xlsx", with_parts(xlsx(rows), {"xl/_rels/workbook.xml.rels": None}))
    assert document.text == "# Sheet\n\n41"


def test_a_cut_slide_and_lost_notes_are_told_and_a_layout_is_nobodys_loss() -> None:
    data = pptx("One", "Two")
    slide = parts_of(data)["ppt/slides/slide2.xml"]
    (document,) = load_bytes("a.pptx", with_parts(data, {
        "ppt/slides/slide2.xml": slide[:-30], "ppt/notesSlides/notesSlide1.xml": None,
        "ppt/slideLayouts/slideLayout2.xml": b"<broken",
    }))  # fmt: skip
    assert "Body of One" in document.text
    assert "Body of Two" in document.text
    damaged, missing = document.warnings
    assert damaged.startswith("Damaged inside the file, and read as far as possible: ppt/slides/slide2.xml (")
    assert missing == "Missing inside the file: ppt/notesSlides/notesSlide1.xml."


@pytest.mark.parametrize("wrap", [lambda data: b"Content-Type: x\r\n\r\n" + data, lambda data: data + b"\0" * 70_000])
def test_bytes_around_an_office_file_cost_nothing(wrap: Callable[[bytes], bytes]) -> None:
    (document,) = load_bytes("a.docx", wrap(docx(paragraph("Text"))))
    assert (document.text, document.warnings) == ("Text", ())


def test_why_there_is_no_text_is_said() -> None:
    with pytest.raises(BadInput, match=r"^a\.docx holds no text\. Left out: page headers\.$"):
        load_bytes("a.docx", docx("", header=paragraph("Acme")))
    data = docx(paragraph("Text"))
    with pytest.raises(BadInput, match=r"cut off or damaged \(its table of contents, which stands at the end, is miss"):
        load_bytes("a.docx", data[: len(data) // 2])
    broken = with_parts(data, {MAIN: parts_of(data)[MAIN].split(b"<w:body>")[0] + b"<w:body"})
    with pytest.raises(BadInput, match=rf"^a\.docx is damaged at {MAIN} \("):
        load_bytes("a.docx", broken)


def test_pages_of_a_pdf_that_are_not_there_are_named_once() -> None:
    from pypdf import PdfReader, PdfWriter
    from pypdf.generic import NameObject, NumberObject

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf_bytes(["one", "two"]))))
    writer.root_object["/Pages"][NameObject("/Count")] = NumberObject(4)  # type: ignore[index]
    out = io.BytesIO()
    writer.write(out)
    (document,) = load_bytes("a.pdf", out.getvalue())
    assert document.warnings == ("Page 3-4 is damaged and was not read.",)


def test_bad_lines_of_a_corpus_are_left_out_and_told_with_their_first_document() -> None:
    lines = [f'{{"id": "{i}", "text": "line {i}"}}' for i in range(1, 12)]
    lines[3:3] = ["{broken", '{"id": "1", "text": "again"}', *["[1]"] * 5]
    found = load_bytes("a.jsonl", "\n".join(lines).encode())
    assert [document.text for document in found] == [f"line {i}" for i in range(1, 12)]
    (warning,) = found[0].warnings
    assert warning.startswith("Left out of a.jsonl: 7 lines. a.jsonl line 4: broken JSON")
    assert "a.jsonl line 5: the id '1' is used twice." in warning
    assert warning.endswith("So are 2 more.")
    assert not any(document.warnings for document in found[1:])
