import io
from pathlib import Path

import pytest

from llmopt_core.documents.load import load_bytes

from .conftest import pdf_bytes


def drawn(*words: tuple[float, float, str], form=None) -> bytes:
    from reportlab.pdfgen import canvas

    out = io.BytesIO()
    page = canvas.Canvas(out)
    for x, y, text in words:
        page.drawString(x, y, text)
    if form:
        form(page.acroForm)
    page.showPage()
    page.save()
    return out.getvalue()


def read(data: bytes):
    return load_bytes("a.pdf", data)[0]


def test_words_and_letters_that_are_drawn_alone_stand_on_their_line():
    words = [(72 + 60 * i, 700, word) for i, word in enumerate(("The", "harbour", "master", "decides"))]
    close = [(72, 680, "b"), (78.7, 680, "e"), (85.3, 680, "r"), (89.3, 680, "t"), (92.7, 680, "h")]
    text = read(drawn(*words, *close)).text
    assert text.replace(" | ", " ") == "The harbour master decides\nberth"


def test_rows_of_a_table_have_bars_and_empty_cells_keep_their_place():
    from reportlab.platypus import SimpleDocTemplate, Table

    out = io.BytesIO()
    rows = [["Port", "Fee EUR", "Valid from"], ["Turku", "1200", "2024-01-01"], ["Oulu harbour", "300", ""],
            ["Kotka", "", "2024-03-01"]]  # fmt: skip
    SimpleDocTemplate(out).build([Table(rows)])
    assert read(out.getvalue()).text == (
        "Port | Fee EUR | Valid from\nTurku | 1200 | 2024-01-01\nOulu harbour | 300 | \nKotka |  | 2024-03-01"
    )


def test_prose_in_two_columns_is_read_down_the_first_one():
    left = [(72, 700 - 14 * i, f"Left column has line number {i} here") for i in range(5)]
    right = [(330, 700 - 14 * i, f"Right column has line number {i} here") for i in range(5)]
    both = [place for pair in zip(left, right, strict=True) for place in pair]
    assert read(drawn(*both)).text.split("\n") == [text for _, _, text in left + right]


def test_words_that_a_line_end_divides_are_whole_unless_written_with_a_hyphen():
    page = "The compen-\nsation of a well-\nknown carrier, in 2020-\n2024. It is well-known."
    assert read(pdf_bytes([page])).text == (
        "The compensation of a well-known carrier, in 2020-\n2024. It is well-known."
    )


def test_text_that_is_drawn_twice_to_look_bold_is_read_once():
    assert read(drawn((72, 700, "Important"), (72.3, 700, "Important"))).text == "Important"


def test_what_was_entered_into_a_form_is_read():
    def form(fields):
        fields.textfield(name="ship", tooltip="Name of ship", value="Northern Tern", x=72, y=600)
        fields.textfield(name="empty", value="", x=72, y=570)
        fields.checkbox(name="dangerous goods", checked=True, x=72, y=540)
        fields.checkbox(name="live animals", checked=False, x=72, y=510)

    text = read(drawn((72, 700, "Berth request"), form=form)).text
    assert text == "Berth request\n\nName of ship: Northern Tern\ndangerous goods: Yes"


@pytest.mark.parametrize("padding", [b"\0" * 5000, b"\n" * 5000, b"<html>" + b"x" * 9000])
def test_bytes_after_the_end_mark_cost_nothing(padding):
    document = read(pdf_bytes(["Some text"]) + padding)
    assert (document.text, document.warnings) == ("Some text", ())


def test_a_missing_end_mark_alone_is_told_not_refused():
    document = read(pdf_bytes(["Some text"]).replace(b"%%EOF", b""))
    assert document.text == "Some text"
    assert document.warnings == ("The end mark of the PDF is missing: the file may be cut off; look at its last page.",)


def test_fonts_without_a_character_map_are_told():
    import reportlab
    from pypdf import PdfReader, PdfWriter
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.pdfgen import canvas

    pdfmetrics.registerFont(TTFont("Vera", str(Path(reportlab.__file__).parent / "fonts" / "Vera.ttf")))
    out = io.BytesIO()
    page = canvas.Canvas(out)
    page.setFont("Vera", 12)
    page.drawString(72, 700, "Größe Übermut ßäöüéèñç")
    page.save()
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(out.getvalue())))
    for font in writer.pages[0]["/Resources"]["/Font"].values():
        font.get_object().pop("/ToUnicode", None)
    changed = io.BytesIO()
    writer.write(changed)
    assert read(changed.getvalue()).warnings == (
        "Fonts on page 1 do not say which letters they draw, and the text may be wrong: "
        "run text recognition (OCR) on it.",
    )


CELLS = [
    ("Ship", "What it carries and what must be known of it", "Fee"),
    ("Ann of Leith", "Coal from Newcastle in sacks of fifty kilograms, which must be kept dry at all times", "1,200"),
    ("Bob", "Wood", "300"),
    ("The very old Catherine of the Northern Seas", "Salt fish, and passengers in summer",
     "450 and a share of the cargo that is lost"),
]  # fmt: skip


@pytest.mark.parametrize(
    "style", [[], [("GRID", (0, 0), (-1, -1), 0.5, "black")], [("VALIGN", (0, 0), (-1, -1), "TOP")]]
)
def test_cells_of_several_lines_are_whole(style):
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Table

    out = io.BytesIO()
    plain = getSampleStyleSheet()["BodyText"]
    rows = [[Paragraph(text, plain) for text in row] for row in CELLS]
    SimpleDocTemplate(out).build([Table(rows, colWidths=[100, 200, 90], style=style)])
    assert read(out.getvalue()).text == "\n".join(" | ".join(row) for row in CELLS)


def test_paragraphs_are_parted_by_space_size_and_indent():
    from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
    from reportlab.platypus import Paragraph, SimpleDocTemplate

    out = io.BytesIO()
    styles = getSampleStyleSheet()
    long = "The pier of the harbour was built by the town in the year of the great ice and stands. " * 2
    indented = ParagraphStyle("i", firstLineIndent=18, spaceBefore=0, spaceAfter=0)
    SimpleDocTemplate(out).build(
        [Paragraph("Harbour", styles["Heading1"]), *(Paragraph(f"{n} {long}", styles["BodyText"]) for n in (1, 2)),
         *(Paragraph(f"{n} {long}", indented) for n in (3, 4))]
    )  # fmt: skip
    blocks = read(out.getvalue()).text.split("\n\n")
    assert [block.split()[0] for block in blocks] == ["Harbour", "1", "2", "3", "4"]
    assert all(" ".join(block.split()[1:]) == long.strip() for block in blocks[1:])


def test_a_page_of_many_drawn_lines_is_no_table():
    def scale(page):
        for n in range(600):
            page.line(72, 100 + n, 500, 100 + n)
            page.line(72 + n / 2, 100, 72 + n / 2, 700)

    from reportlab.pdfgen import canvas

    out = io.BytesIO()
    page = canvas.Canvas(out)
    scale(page)
    page.drawString(100, 400, "Tide by hour")
    page.save()
    assert read(out.getvalue()).text == "Tide by hour"
