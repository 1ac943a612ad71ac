"""What Office files hold beside their text is taken at its place or named in a warning."""

import io

import pytest

from llmopt_core.documents.load import load_bytes

from .office_parts import docx, paragraph, parts_of, related, with_parts
from .test_slides import box, deck, read

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c636060606000000005"
    "0001a5f645400000000049454e44ae426082"
)


def drawing(description: str, inner: str = "<a:blip/>") -> str:
    a = "http://schemas.openxmlformats.org/drawingml/2006/main"
    wp = "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"
    return (
        f'<w:p><w:r><w:drawing><wp:inline xmlns:wp="{wp}" xmlns:a="{a}">'
        f'<wp:docPr id="1" name="p" descr="{description}"/>'
        f"{inner}</wp:inline></w:drawing></w:r></w:p>"
    )


def linked(data: bytes, rels: str, kind: str, target: str) -> bytes:
    more = related(data, rels, kind, target)
    parts = parts_of(more)[rels].replace(
        f'Target="{target}"/>'.encode(), f'Target="{target}" TargetMode="External"/>'.encode()
    )
    return with_parts(more, {rels: parts})


def test_word():
    body = (
        drawing("A map of the pier\nDescription automatically generated") + drawing("scan.png") + drawing("")
        + '<w:p><w:r><w:object><v:shape xmlns:v="urn:schemas-microsoft-com:vml"><v:imagedata/></v:shape>'
        '<o:OLEObject xmlns:o="urn:schemas-microsoft-com:office:office"/></w:object></w:r></w:p>'
        + paragraph("Text") + "<w:subDoc/>"
    )  # fmt: skip
    data = related(docx(body), "word/_rels/document.xml.rels", "package", "embeddings/a.xlsx")
    document = load_bytes("a.docx", linked(data, "word/_rels/document.xml.rels", "hyperlink", "https://a.b"))[0]
    assert document.text == "[Image: A map of the pier]\n\nText"
    assert document.warnings == (
        "1 embedded document was not read: open it and save it as a file of its own.",
        "Left out: 2 pictures without a description, 1 embedded file and 1 address of a link.",
    )


def slide_file() -> bytes:
    from pptx.util import Inches

    def fill(slide):
        first = slide.shapes.add_picture(io.BytesIO(PIXEL), Inches(1), Inches(3))
        first._element.nvPicPr.cNvPr.set("descr", "Tide table")
        slide.shapes.add_picture(io.BytesIO(PIXEL), Inches(5), Inches(3))._element.nvPicPr.cNvPr.set("descr", "")
        box(slide, 1, 1, "Words")
        slide.shapes[-1].text_frame.paragraphs[0].runs[0].hyperlink.address = "https://a.b"
        slide.shapes.add_ole_object(io.BytesIO(b"x"), "Package", Inches(1), Inches(5))
        slide._element.set("show", "0")

    return deck(fill)


def test_slides():
    document = read(slide_file())
    assert document.text == "Words\n[Image: Tide table]"
    assert document.warnings == (
        "Slide 1 is hidden in the show and was read too.",
        "Left out: 1 picture without a description, 1 embedded file and 1 address of a link.",
    )


def test_footers_and_texts_of_layouts_of_slides():
    data = deck(lambda slide: box(slide, 1, 1, "Words"))
    shape = (
        b'<p:sp><p:nvSpPr><p:cNvPr id="9" name="x"/><p:cNvSpPr/><p:nvPr>%s</p:nvPr></p:nvSpPr><p:spPr/>'
        b"<p:txBody><a:bodyPr/><a:p><a:r><a:t>Secret</a:t></a:r></a:p></p:txBody></p:sp></p:spTree>"
    )
    slide, layout = "ppt/slides/slide1.xml", "ppt/slideLayouts/slideLayout7.xml"
    parts = parts_of(data)
    footer = parts[slide].replace(b"</p:spTree>", shape % b'<p:ph type="ftr"/>')
    document = read(with_parts(data, {slide: footer, layout: parts[layout].replace(b"</p:spTree>", shape % b"")}))
    assert document.text == "Words"
    assert document.warnings == ("Left out: 1 slide with text of its layout and 1 footer or date.",)


def test_equations_of_slides_are_read_once_and_long_tables_have_their_names_in_each_row():
    from pptx.util import Inches

    def fill(slide):
        table = slide.shapes.add_table(13, 2, Inches(1), Inches(3), Inches(5), Inches(2)).table
        for i in range(13):
            table.cell(i, 0).text, table.cell(i, 1).text = ("Pier", "Depth") if not i else (f"p{i}", f"{i} m")

    assert "\nPier: p12\nDepth: 12 m" in read(deck(fill)).text
    data = deck(lambda slide: box(slide, 1, 1, "Words"))
    name = "ppt/slides/slide1.xml"
    math = (
        b'<mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><mc:Choice>'
        b'<a14:m xmlns:a14="a14"><m:oMath xmlns:m="m"><m:f><m:num><m:r><m:t>a</m:t></m:r></m:num><m:den><m:r>'
        b"<m:t>b</m:t></m:r></m:den></m:f></m:oMath></a14:m></mc:Choice><mc:Fallback><a:r><a:t>ab</a:t></a:r>"
        b"</mc:Fallback></mc:AlternateContent></a:p>"
    )
    parts = parts_of(data)[name].replace(b"</a:p>", math)
    assert read(with_parts(data, {name: parts})).text == "Wordsa/b"


def book_bytes(change) -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    book.active.append(("Ship", "Fee"))
    book.active.append(("Ann", 12))
    change(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_sheets():
    from openpyxl.chart import BarChart, Reference
    from openpyxl.comments import Comment
    from openpyxl.drawing.image import Image
    from openpyxl.worksheet.datavalidation import DataValidation

    def change(book):
        sheet = book.active
        chart = BarChart()
        chart.title, chart.x_axis.title = "Fees by ship", "Ships"
        chart.add_data(Reference(sheet, min_col=2, min_row=1, max_row=2), titles_from_data=True)
        sheet.add_chart(chart, "E5")
        sheet.add_image(Image(io.BytesIO(PIXEL)), "H1")
        sheet["A2"].comment = Comment("old", "me")
        sheet["B2"].hyperlink = "https://a.b"
        sheet.oddFooter.center.text = "Confidential"
        choices = DataValidation(type="list", formula1='"Yes,No"')
        sheet.add_data_validation(choices)
        choices.add("C2")
        sheet.row_dimensions[2].hidden = True
        sheet.column_dimensions["B"].hidden = True
        book.create_sheet("Lists").append(("North",))
        book["Lists"].sheet_state = "hidden"

    document = load_bytes("a.xlsx", book_bytes(change))[0]
    assert document.text == (
        "# Sheet\n\nShip: Ann\nFee: 12\n\nFees by ship\nShips\n\n[Image: Picture]\n\n# Lists\n\nNorth"
    )
    assert document.warnings == (
        "Left out: 1 list of values to choose from, 1 sheet's headers and footers in print, 1 sheet's comments and "
        "1 address of a link.",
        "Hidden in the file, and read too: 1 sheet, 1 column and 1 row.",
    )


def test_a_sheet_that_is_a_chart_is_read():
    from openpyxl.chart import LineChart, Reference

    def change(book):
        chart = LineChart()
        chart.title = "Fees"
        chart.add_data(Reference(book.active, min_col=2, min_row=1, max_row=2), titles_from_data=True)
        book.create_chartsheet("Picture").add_chart(chart)

    assert load_bytes("a.xlsx", book_bytes(change))[0].text.endswith("# Picture\n\nFees")


@pytest.mark.parametrize("file", ["a.xlsx", "a.docx", "a.pptx"])
def test_a_plain_file_has_no_warning(file, docx_bytes):
    values = {"a.xlsx": lambda: book_bytes(lambda book: None), "a.docx": docx_bytes,
            "a.pptx": lambda: deck(lambda slide: box(slide, 1, 1, "Words"))}  # fmt: skip
    assert load_bytes(file, values[file]())[0].warnings == ()


def test_labels_written_at_the_points_of_a_chart_are_kept():
    from openpyxl import Workbook
    from openpyxl.chart import BarChart, Reference
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE
    from pptx.util import Inches

    def fill(slide):
        values = CategoryChartData()
        values.categories = ["2021", "2022"]
        values.add_series("Cars", (410, 455))
        chart = slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *map(Inches, (1, 1, 5, 4)), values).chart
        chart.series[0].points[1].data_label.text_frame.text = "pier closed"

    text = read(deck(fill)).text
    assert text.endswith("2021 | 410\n2022 | 455 (pier closed)")

    book = Workbook()
    for row in (("ship", "cars"), ("Gull", 410), ("Tern", 455)):
        book.active.append(row)
    chart = BarChart()
    chart.add_data(Reference(book.active, min_col=2, min_row=1, max_row=3), titles_from_data=True)
    book.active.add_chart(chart, "E5")
    out = io.BytesIO()
    book.save(out)
    part = next(name for name in parts_of(out.getvalue()) if name.startswith("xl/charts/chart"))
    label = (
        b'<dLbls><dLbl><idx val="1"/><tx><rich><a:bodyPr xmlns:a="urn:a"/><a:p xmlns:a="urn:a"><a:r><a:t>pier closed'
        b"</a:t></a:r></a:p></rich></tx></dLbl></dLbls><val>"
    )
    labelled = with_parts(out.getvalue(), {part: parts_of(out.getvalue())[part].replace(b"<val>", label)})
    text = load_bytes("a.xlsx", labelled)[0].text
    assert text.endswith("pier closed")
    assert "455 (pier" not in text


def test_a_chart_whose_values_stand_in_no_cell_gives_them():
    from openpyxl import Workbook
    from openpyxl.chart import BarChart, Reference

    book = Workbook()
    book.active.append(("ship", "cars"))
    chart = BarChart()
    chart.add_data(Reference(book.active, min_col=2, min_row=2, max_row=3))
    book.active.add_chart(chart, "E5")
    out = io.BytesIO()
    book.save(out)
    part = next(name for name in parts_of(out.getvalue()) if name.startswith("xl/charts/chart"))
    kept = (
        b'<tx><v>Cars</v></tx><cat><strLit><pt idx="0"><v>Gull</v></pt></strLit></cat>'
        b'<val><numLit><pt idx="0"><v>977</v></pt></numLit></val>'
    )
    xml = parts_of(out.getvalue())[part]
    xml = xml[: xml.index(b"<val>")] + kept + xml[xml.index(b"</val>") + 6 :]
    assert load_bytes("a.xlsx", with_parts(out.getvalue(), {part: xml}))[0].text.endswith("Cars\nGull | 977")


def test_a_chart_of_word_that_cannot_be_read_is_told():
    body = drawing("", '<c:chart xmlns:c="urn:c" xmlns:r="urn:r" r:id="rIdGone"/>')
    document = load_bytes("a.docx", docx(paragraph("text") + body))[0]
    assert any("1 chart that cannot be read" in warning for warning in document.warnings)
