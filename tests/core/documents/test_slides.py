import io
from copy import deepcopy

import pytest

from llmopt_core.documents.load import load_bytes
from llmopt_core.errors import BadInput

from .office_parts import parts_of, related, with_parts


def deck(*slides, layout: int = 6) -> bytes:
    """Each slide is a function that fills it."""
    from pptx import Presentation

    presentation = Presentation()
    for fill in slides:
        fill(presentation.slides.add_slide(presentation.slide_layouts[layout]))
    out = io.BytesIO()
    presentation.save(out)
    return out.getvalue()


def box(slide, left: float, top: float, text: str) -> None:
    from pptx.util import Inches

    frame = slide.shapes.add_textbox(Inches(left), Inches(top), Inches(3), Inches(1)).text_frame
    frame.text = text


def read(data: bytes):
    return load_bytes("a.pptx", data)[0]


def test_a_chart_gives_its_title_and_its_values():
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE
    from pptx.util import Inches

    def fill(slide):
        values = CategoryChartData()
        values.categories = ["2021", "2022"]
        values.add_series("Passengers", (410, 455))
        values.add_series("Cars", (90, None))
        size = [Inches(n) for n in (1, 1, 5, 4)]
        chart = slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *size, values).chart
        chart.has_title = True
        chart.chart_title.text_frame.text = "Growth"

    assert read(deck(fill)).text == "Growth\nPassengers | Cars\n2021 | 410 | 90\n2022 | 455 | "


def test_boxes_are_read_by_where_they_stand_not_by_when_they_were_drawn():
    def columns(slide):
        for left, top, text in ((5, 3, "right below"), (5, 1.9, "right above"), (0.5, 3, "left below"),
                                (0.5, 1.9, "left above"), (0.5, 0.2, "first")):  # fmt: skip
            box(slide, left, top, text)

    assert read(deck(columns)).text == "first\nleft above\nleft below\nright above\nright below"


def test_placeholders_stand_where_their_layout_puts_them():
    def fill(slide):
        slide.shapes.title.text = "Compared"
        for number, text in ((4, "right text"), (3, "right head"), (2, "left text"), (1, "left head")):
            slide.placeholders[number].text = text

    assert read(deck(fill, layout=4)).text == "## Compared\nleft head\nleft text\nright head\nright text"


def test_groups_tables_and_merged_cells_are_read():
    from pptx.util import Inches

    def fill(slide):
        group = slide.shapes.add_group_shape()
        group.shapes.add_textbox(Inches(1), Inches(1), Inches(2), Inches(1)).text_frame.text = "# grouped"
        table = slide.shapes.add_table(3, 2, Inches(1), Inches(3), Inches(5), Inches(2)).table
        for i, row in enumerate((("Region", "City"), ("North", "Oslo"), ("", "Bergen"))):
            for j, text in enumerate(row):
                table.cell(i, j).text = text
        table.cell(1, 0).merge(table.cell(2, 0))

    assert read(deck(fill)).text == "\\# grouped\nRegion | City\nNorth | Oslo\nNorth | Bergen"


def test_flaws_beside_the_slides_cost_nothing_and_a_damaged_slide_costs_itself():
    data = deck(lambda s: box(s, 1, 1, "One"), lambda s: box(s, 1, 1, "Two"))
    data = related(data, "ppt/_rels/presentation.xml.rels", "image", "NULL")
    flawed = {"docProps/thumbnail.jpeg": None, "docProps/app.xml": None, "ppt/theme/theme1.xml": b"<broken"}
    assert set(flawed) <= set(parts_of(data))
    document = read(with_parts(data, flawed))
    assert (document.text, document.warnings) == ("One\n\nTwo", ())
    document = read(with_parts(data, {"ppt/slides/slide1.xml": b"<broken"}))
    assert document.page_at(document.text.index("Two")) == 2
    assert document.warnings == ("Slide 1 is missing or damaged and was not read.",)
    with pytest.raises(BadInput, match="none of its slides can be read"):
        read(with_parts(data, {"ppt/slides/slide1.xml": None, "ppt/slides/slide2.xml": None}))


def test_all_that_hangs_on_a_slide_is_read_or_told():
    def fill(slide):
        box(slide, 1, 1, "Words")
        notes = slide.notes_slide
        notes.notes_text_frame.text = "Say it slowly"
        notes.shapes._spTree.append(deepcopy(slide.shapes[0]._element))

    data = deck(fill)
    shape = (
        b'<p:sp><p:nvSpPr><p:cNvPr id="9" name="x" descr="%s"/><p:cNvSpPr/><p:nvPr>%s</p:nvPr></p:nvSpPr>'
        b"<p:spPr/>%s</p:sp>"
    )
    text = b"<p:txBody><a:bodyPr/><a:p><a:r><a:t>%s</a:t></a:r></a:p></p:txBody>"
    stray = b"<p:graphicFrame><p:nvGraphicFramePr/><a:graphic><a:t>Stray</a:t></a:graphic></p:graphicFrame>"
    drawn = (
        b'<mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><mc:Choice>'
        b"<p:contentPart/></mc:Choice><mc:Fallback>"
        + shape % (b"", b"", text % b"Drawn")
        + b"</mc:Fallback></mc:AlternateContent>"
    )
    added = (
        shape % (b"An arrow to the pier", b"", b"")
        + shape % (b"", b'<p:ph type="dt"/>', text % b"3 May")
        + stray
        + drawn
    )
    part = "ppt/slides/slide1.xml"
    document = read(with_parts(data, {part: parts_of(data)[part].replace(b"</p:spTree>", added + b"</p:spTree>")}))
    assert document.text == "Words\n[Image: An arrow to the pier]\nDrawn\nNotes: Say it slowly\nNotes: Words"
    assert document.warnings == ("Left out: 1 footer or date and 1 piece of text that stands where none is shown.",)
