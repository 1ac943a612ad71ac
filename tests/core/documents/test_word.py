import pytest

from llmopt_core.documents.load import load_bytes
from llmopt_core.errors import BadInput

from .office_parts import docx, paragraph, parts_of, related, with_parts

RELS = "word/_rels/document.xml.rels"


def read(body: str, **parts: str):
    return load_bytes("a.docx", docx(body, **parts))[0]


def test_tracked_insertions_are_taken_deletions_left_out_and_both_told():
    document = read(
        '<w:p><w:r><w:t xml:space="preserve">Pay in </w:t></w:r><w:del><w:r><w:delText>30</w:delText></w:r></w:del>'
        "<w:ins><w:r><w:t>45</w:t></w:r></w:ins><w:r><w:t> days.</w:t></w:r></w:p>"
        "<w:moveFrom><w:p><w:r><w:t>moved</w:t></w:r></w:p></w:moveFrom>"
        "<w:ins>" + paragraph("All new.") + "</w:ins>"
    )
    assert document.text == "Pay in 45 days.\n\nAll new."
    assert document.warnings == ("Tracked changes are read as if accepted: 2 inserted and 2 deleted places.",)


def test_content_controls_links_and_fields_keep_their_words_wherever_they_stand():
    control = "<w:sdt><w:sdtPr/><w:sdtContent>{}</w:sdtContent></w:sdt>".format
    cell = "<w:tc>" + paragraph("2024") + "</w:tc>"
    body = (
        control(paragraph("Title"))
        + "<w:p><w:hyperlink>" + control("<w:r><w:t>link</w:t></w:r>") + "</w:hyperlink>"
        '<w:r><w:fldChar w:fldCharType="begin"/><w:instrText> DATE </w:instrText><w:t> 3 May</w:t></w:r>'
        "<w:fldSimple><w:r><w:t> 7</w:t></w:r></w:fldSimple></w:p>"
        "<w:tbl>" + control("<w:tr>" + control(cell) + "<w:tc>" + paragraph("v7") + "</w:tc></w:tr>") + "</w:tbl>"
    )  # fmt: skip
    assert read(body).text == "Title\n\nlink 3 May 7\n\n2024 | v7"


def test_a_table_inside_a_cell_keeps_its_rows_apart():
    def table(*rows: tuple[str, ...]) -> str:
        cells = ["".join(f"<w:tc>{cell}</w:tc>" for cell in row) for row in rows]
        return "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in cells) + "</w:tbl>"

    inner = table((paragraph("Mon"), paragraph("9")), (paragraph("Sat"), paragraph("10")))
    assert read(table((paragraph("Open"), inner + "<w:p/>"))).text == "Open | Mon, 9; Sat, 10"
    framed = table((paragraph("Frame") + inner,))
    assert read(framed).text == "Frame\n\nMon | 9\nSat | 10"


def test_footnotes_and_text_boxes_follow_their_paragraph():
    box = "<w:r><w:pict><w:txbxContent>" + paragraph("Boxed words") + "</w:txbxContent></w:pict></w:r>"
    body = "<w:p>" + box + '<w:r><w:t>Body</w:t><w:footnoteReference w:id="2"/></w:r></w:p>' + paragraph("Next")
    footnotes = '<w:footnote w:id="2">' + paragraph("Since 2020.") + "</w:footnote>"
    assert read(body, footnotes=footnotes).text == "Body [2]\n\nBoxed words\n\n[Footnote 2] Since 2020.\n\nNext"


def test_a_text_box_that_is_written_twice_for_old_readers_is_read_once():
    box = "<w:txbxContent>" + paragraph("Once") + "</w:txbxContent>"
    space = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    both = f"<mc:Choice><w:drawing>{box}</w:drawing></mc:Choice><mc:Fallback><w:pict>{box}</w:pict></mc:Fallback>"
    body = f"<w:p {space}><w:r><mc:AlternateContent>{both}</mc:AlternateContent></w:r></w:p>"
    assert read(body).text == "Once"


def test_equations_are_typed_out():
    run = "<m:r><m:t>{}</m:t></m:r>".format
    fraction = f"<m:f><m:num>{run('a+b')}</m:num><m:den>{run('c')}</m:den></m:f>"
    square = f"<m:sSup><m:e>{run('x')}</m:e><m:sup>{run('2')}</m:sup></m:sSup>"
    assert read(f"<w:p><m:oMath>{run('y=')}{fraction}{run('+')}{square}</m:oMath></w:p>").text == "y=(a+b)/c+x^2"


def test_headings_are_known_by_what_their_style_is_based_on_and_by_outline_level():
    styles = (
        '<w:style w:type="paragraph" w:styleId="H2"><w:name w:val="heading 2"/></w:style>'
        '<w:style w:type="paragraph" w:styleId="Own"><w:name w:val="Acme"/><w:basedOn w:val="H2"/></w:style>'
        '<w:style w:type="paragraph" w:styleId="Uber"><w:name w:val="Kapitel"/><w:pPr><w:outlineLvl w:val="2"/></w:pPr>'
        "</w:style>"
    )
    body = (
        paragraph("Warranty", '<w:pStyle w:val="Own"/>') + paragraph("Sub", '<w:pStyle w:val="Uber"/>')
        + paragraph("Direct", '<w:outlineLvl w:val="0"/>') + paragraph("Body", '<w:outlineLvl w:val="9"/>')
    )  # fmt: skip
    assert read(body, styles=styles).text == "## Warranty\n\n### Sub\n\n# Direct\n\nBody"


def test_list_items_have_their_numbers_and_words_that_look_like_markdown_are_none():
    levels = "".join(
        f'<w:lvl w:ilvl="{i}"><w:start w:val="1"/><w:numFmt w:val="{kind}"/><w:lvlText w:val="{text}"/></w:lvl>'
        for i, (kind, text) in enumerate((("decimal", "%1."), ("lowerLetter", "%1.%2)")))
    )
    numbering = (
        f'<w:abstractNum w:abstractNumId="7">{levels}</w:abstractNum>'
        '<w:num w:numId="3"><w:abstractNumId w:val="7"/></w:num>'
    )

    def item(text: str, level: int) -> str:
        return paragraph(text, f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="3"/></w:numPr>')

    body = item("One", 0) + item("Two", 0) + item("Part", 1) + item("Three", 0) + paragraph("# 42 was closed")
    assert read(body, numbering=numbering).text == ("1. One\n\n2. Two\n\n2.a) Part\n\n3. Three\n\n\\# 42 was closed")


def test_what_is_left_out_is_told():
    hidden = "<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>secret</w:t></w:r><w:r><w:t>seen</w:t></w:r></w:p>"
    document = read(hidden + "<w:altChunk/>", header=paragraph("Acme Ltd"), comments=paragraph("really?"))
    assert document.text == "seen"
    assert document.warnings == (
        "Hidden text was left out at 1 place.",
        "1 embedded document was not read: open it and save it as a file of its own.",
        "Left out: page headers and comments.",
    )


@pytest.mark.parametrize("target", ["NULL", "#_top", "media/gone.png", "../../outside.xml", ""])
def test_a_relationship_that_leads_nowhere_costs_nothing(target):
    assert load_bytes("a.docx", related(docx(paragraph("Text")), RELS, "image", target))[0].text == "Text"


@pytest.mark.parametrize(
    "part", ["docProps/thumbnail.jpeg", "docProps/core.xml", "word/theme/theme1.xml", "word/settings.xml", RELS,
             "[Content_Types].xml", "_rels/.rels", "word/styles.xml", "word/numbering.xml"],
)  # fmt: skip
@pytest.mark.parametrize("content", [None, b"<broken"])
def test_a_missing_or_broken_part_beside_the_text_costs_nothing(part, content):
    data = docx(paragraph("Text"))
    assert part in parts_of(data)
    assert load_bytes("a.docx", with_parts(data, {part: content}))[0].text == "Text"


def test_a_main_part_of_another_name_is_found():
    data = docx(paragraph("Text"))
    parts = parts_of(data)
    moved = {"word/document.xml": None, "word/document2.xml": parts["word/document.xml"],
             "_rels/.rels": parts["_rels/.rels"].replace(b"word/document.xml", b"word/document2.xml")}  # fmt: skip
    assert load_bytes("a.docx", with_parts(data, moved))[0].text == "Text"


def test_the_true_place_of_damage_is_said():
    data = with_parts(docx(paragraph("Text")), {"word/document.xml": b"<w:document><w:body>"})
    with pytest.raises(BadInput, match=r"^a\.docx is damaged at word/document\.xml \(.*line 1"):
        load_bytes("a.docx", data)
