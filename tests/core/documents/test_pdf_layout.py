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


def spaced(y: float, text: str, gap: float, sentence_gap: float = 0) -> list[tuple[float, float, str]]:
    """Words of a line with equal gaps, or wider ones behind full stops."""
    from reportlab.pdfbase.pdfmetrics import stringWidth

    words, x = [], 72.0
    for word in text.split():
        words.append((x, y, word))
        x += stringWidth(word, "Helvetica", 12) + (sentence_gap if sentence_gap and word.endswith(".") else gap)
    return words


PROSE = (
    "The harbour master keeps the northern quay open.",
    "Ships wait there. Coal is weighed at the old gate.",
    "Fees are due at noon. Letters go by the last train",
    "to Leith on every day of the week but Sunday.",
)


def test_wide_gaps_behind_sentences_are_no_columns():
    lines = [spaced(700 - 14 * i, text, 3.4, 14) for i, text in enumerate(PROSE)]
    assert read(drawn(*(word for line in lines for word in line))).text == "\n".join(PROSE)


@pytest.mark.parametrize("stretched", [{1}, {1, 2}, {0, 1, 2}])
def test_justified_lines_are_whole_however_wide_their_gaps(stretched):
    from reportlab.pdfbase.pdfmetrics import stringWidth

    width = 330.0
    prose = (
        "seven interceptions in one long season and five more",
        "who led the team with a high", "two of which were returned", "interceptions of that year in every single game",
        "but one.",
    )  # fmt: skip
    words = []
    for number, text in enumerate(prose):
        free = width - sum(stringWidth(word, "Helvetica", 12) for word in text.split())
        words += spaced(700 - 14 * number, text, free / (len(text.split()) - 1) if number < 4 else 3.4)
    assert read(drawn(*words)).text == "\n".join(prose)


def test_a_table_between_lines_of_prose_keeps_its_bars():
    title = [(72, 714, "Fees of all harbours that are open in the winter of the year")]
    rows = [("Port", "Fee EUR", "Valid from"), ("Turku", "1200", "2024-01-01"), ("Oulu", "300", "2024-02-01")]
    cells = [(72 + 90 * x, 696 - 14 * y, cell) for y, row in enumerate(rows) for x, cell in enumerate(row)]
    note = [(72, 650, "All of them are paid in advance at the office of the harbour.")]
    text = read(drawn(*title, *cells, *note)).text
    assert "Port | Fee EUR | Valid from\nTurku | 1200 | 2024-01-01\nOulu | 300 | 2024-02-01" in text


def test_the_dots_of_a_table_of_contents_are_no_columns():
    titles = ("1. Introduction", "1.1. How to use it in a very long way", "1.2. Options", "2. Index of terms")
    words = []
    for i, title in enumerate(titles):
        y, left = 700 - 14 * i, (140, 280, 150, 180)[i]
        words += [(72, y, title), (left, y, " .  " * ((500 - left) // 13)), (513, y, str(i + 1))]
    lines = [line.replace(".", "").split() for line in read(drawn(*words)).text.split("\n")]
    assert lines == [[*title.replace(".", "").split(), str(i + 1)] for i, title in enumerate(titles)]


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
    buffer = io.BytesIO()
    writer.write(buffer)
    assert read(buffer.getvalue()).warnings == (
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


@pytest.mark.parametrize("with_lines", [False, True])
def test_a_table_that_goes_on_on_the_next_page_keeps_its_column_names(with_lines):
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Table

    rows = [("Port", "Fee", "Master")] + [(f"Harbour {n}", n * 3, f"Captain {n}") for n in range(100)]
    style = [("GRID", (0, 0), (-1, -1), 1, "black")] if with_lines else []
    prose = Paragraph("All fees are in euro.", getSampleStyleSheet()["Normal"])
    other = Table([("Pier 4", 7), ("Pier 5", 8), ("Pier 6", 9)], style=style)
    out = io.BytesIO()
    SimpleDocTemplate(out).build([Table(rows, style=style), prose, other])
    document = read(out.getvalue())
    assert document.metadata["pages"] == 3
    blocks = document.text.replace("\n\n", "\n").split("\n")
    assert [line for line in blocks if line.startswith("Port: ")] == [f"Port: Harbour {n}" for n in range(100)]
    assert "Pier 4 | 7" in blocks
