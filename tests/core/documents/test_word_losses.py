"""What a Word file holds in odd places is read, or told."""

import pytest

from llmopt_core.documents.load import load_bytes

from .office_parts import docx, paragraph


def read(body: str, **parts: str):
    return load_bytes("a.docx", docx(body, **parts))[0]


def run(content: str) -> str:
    return f"<w:r>{content}</w:r>"


def cell(text: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{paragraph(text)}</w:tc>"


def field(instruction: str, data: str = "", result: str = "") -> str:
    text = run('<w:fldChar w:fldCharType="separate"/>') + run(f"<w:t>{result}</w:t>") if result else ""
    return (
        run(f'<w:fldChar w:fldCharType="begin">{data}</w:fldChar>')
        + run(f"<w:instrText>{instruction}</w:instrText>")
        + text
        + run('<w:fldChar w:fldCharType="end"/>')
    )


CHANGES = "Tracked changes are read as if accepted: {} inserted and {} deleted places."


@pytest.mark.parametrize(
    ("row", "text", "warning"),
    [
        ("<w:tr><w:trPr><w:del/></w:trPr>" + cell("Old") + cell("1") + "</w:tr>", "Port | Fee", CHANGES.format(0, 1)),
        ("<w:tr><w:trPr><w:ins/></w:trPr>" + cell("N") + cell("1") + "</w:tr>", "Port | Fee\nN | 1",
         CHANGES.format(1, 0)),
        ("<w:tr>" + cell("Old", "<w:cellDel/>") + cell("Turku") + cell("1") + "</w:tr>", "Port | Fee\nTurku | 1",
         CHANGES.format(0, 1)),
        ("<w:tr>" + cell("T") + cell("1", "<w:cellIns/>") + "</w:tr>", "Port | Fee\nT | 1", CHANGES.format(1, 0)),
    ],
)  # fmt: skip
def test_tracked_rows_and_cells_are_told(row, text, warning):
    document = read("<w:tbl><w:tr>" + cell("Port") + cell("Fee") + "</w:tr>" + row + "</w:tbl>")
    assert (document.text, document.warnings) == (text, (warning,))


def test_paragraphs_are_one_where_the_end_between_them_was_deleted():
    document = read(paragraph("One har", "<w:rPr><w:del/></w:rPr>") + paragraph("bour.") + paragraph("Two."))
    assert (document.text, document.warnings) == ("One harbour.\n\nTwo.", (CHANGES.format(0, 1),))


def test_boxes_that_are_ticked_or_not_are_read():
    old = '<w:ffData><w:checkBox><w:default w:val="{}"/>{}</w:checkBox></w:ffData>'.format
    control = (
        '<w:sdt><w:sdtPr><w14:checkbox xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml">'
        '<w14:checked w14:val="{}"/></w14:checkbox></w:sdtPr><w:sdtContent><w:r>'
        '<w:sym w:font="Wingdings" w:char="F07A"/></w:r></w:sdtContent></w:sdt>'
    ).format
    boxes = [field("FORMCHECKBOX", old(0, "")), field("FORMCHECKBOX", old(0, "<w:checked/>")),
             field("FORMCHECKBOX", old(1, '<w:checked w:val="0"/>')), control(1), control(0)]  # fmt: skip
    document = read("".join(f"<w:p>{box}{run('<w:t> x</w:t>')}</w:p>" for box in boxes))
    assert (document.text, document.warnings) == ("☐ x\n\n☒ x\n\n☐ x\n\n☒ x\n\n☐ x", ())


def test_letters_of_picture_fonts_are_read_and_unknown_ones_told():
    fonts = (("Symbol", "F061"), ("Wingdings", "F0FC"), ("W9", "F0FC"))
    symbols = "".join(f'<w:sym w:font="{font}" w:char="{code}"/>' for font, code in fonts)
    old = '<w:rPr><w:rFonts w:ascii="Symbol"/></w:rPr><w:t>&#xF0A3; &#xF06D;</w:t>'
    document = read(f"<w:p>{run(symbols)}{run(old)}</w:p>")
    assert (document.text, document.warnings) == ("α✓≤ μ", ("1 character of a picture font was left out.",))


def test_fields_without_a_result_are_told_but_those_that_show_nothing():
    text = field("DATE", result="3 May") + field("XE &quot;pier&quot;") + field("MACROBUTTON None Click here")
    lost = field(r"EQ \f(7,13)") + '<w:fldSimple w:instr=" REF pier "/>'
    document = read(f"<w:p>{text}{lost}</w:p>")
    assert document.text == "3 MayClick here"
    assert document.warnings == (
        "2 fields without a stored result were left out: update the fields in Word and save the file.",
    )


def test_limits_and_marks_above_letters_stand_in_equations_and_deleted_parts_do_not():
    piece = "<m:r><m:t>{}</m:t></m:r>".format
    limit = f"<m:limLow><m:e>{piece('lim')}</m:e><m:lim>{piece('n→∞')}</m:lim></m:limLow>"
    mean = f"<m:bar><m:e>{piece('x')}</m:e></m:bar>"
    hat = f"<m:acc><m:e>{piece('y')}</m:e></m:acc>"
    equation = f"<m:oMath>{limit}{mean}{hat}<w:del>{piece('q')}</w:del></m:oMath>"
    assert read(f"<w:p>{equation}</w:p>").text == "lim_(n→∞)x\u0305y\u0302"


def test_alternative_texts_of_tables_and_of_all_parts_of_a_drawing_are_read():
    table = '<w:tbl><w:tblPr><w:tblCaption w:val="Fees"/><w:tblDescription w:val="of 2024"/></w:tblPr><w:tr>'
    tags = 'xmlns:d="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"'
    part = f'<d:cNvPr {tags} descr="North"/>'
    group = f'<w:drawing><d:docPr {tags} descr="Two piers"/>{part}{part}</w:drawing>'
    titled = f'<w:drawing><d:docPr {tags} title="A crane"/></w:drawing>'
    document = read(table + cell("A") + cell("B") + f"</w:tr></w:tbl><w:p>{run(group)}</w:p><w:p>{run(titled)}</w:p>")
    assert document.text == "A | B\n\nFees of 2024\n\n[Image: Two piers]\n\n[Image: North]\n\n[Image: A crane]"


@pytest.mark.parametrize(
    ("body", "notes"),
    [
        ("<w:p><w:rPr><w:t>Stray</w:t></w:rPr></w:p>", ""),
        ("", '<w:footnote w:id="7">' + paragraph("Named nowhere.") + "</w:footnote>"),
    ],
)
def test_text_in_no_place_is_told(body, notes):
    document = read(paragraph("Seen") + body, footnotes=notes)
    assert document.text == "Seen"
    assert document.warnings == ("1 piece of text stands where Word shows none, and was left out.",)


def test_words_of_a_cell_that_is_merged_away_are_told():
    def rows(below: str) -> str:
        first = cell("Top", '<w:vMerge w:val="restart"/>') + cell("1")
        return f"<w:tbl><w:tr>{first}</w:tr><w:tr>{cell(below, '<w:vMerge/>')}{cell('2')}</w:tr></w:tbl>"

    assert read(rows("")).warnings == ()
    document = read(rows("Lost"))
    assert (document.text, document.warnings) == ("Top | 1\nTop | 2", ("Hidden text was left out at 1 place.",))
