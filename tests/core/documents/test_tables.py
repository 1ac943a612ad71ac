import io
import re
from datetime import date, datetime, time

import pytest
from openpyxl import Workbook

from llmopt_core.documents.load import load_bytes
from llmopt_core.errors import BadInput

from .office_parts import parts_of, related, with_parts

SHEET = "xl/worksheets/sheet1.xml"


def xlsx(*rows, merge: tuple[str, ...] = (), formats: dict[str, str] | None = None) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    for place in merge:
        book.active.merge_cells(place)
    for place, code in (formats or {}).items():
        book.active[place].number_format = code
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def sheet(*rows, **options) -> str:
    return load_bytes("a.xlsx", xlsx(*rows, **options))[0].text.removeprefix("# Sheet\n\n")


def csv(text: str, name: str = "a.csv") -> str:
    return load_bytes(name, text.encode())[0].text


def test_titles_above_the_header_stand_for_themselves():
    rows = (("Fees 2024",), ("internal",), ("Ship", "Fee"), ("Tanker", 1200))
    assert sheet(*rows, merge=("A1:B1",)) == "Fees 2024\n\ninternal\n\nShip: Tanker\nFee: 1200"
    notes = "Printed,3 May\n\nStation,Temp,Rain,Wind\nKiruna,-12,3,2\nLund,4,0,1\n"
    assert csv(notes) == (
        "Printed | 3 May\n\nStation: Kiruna\nTemp: -12\nRain: 3\nWind: 2\n\nStation: Lund\nTemp: 4\nRain: 0\nWind: 1"
    )


@pytest.mark.parametrize("title", [(), (("Prices",),)])
def test_a_second_table_in_a_sheet_has_its_own_columns(title):
    rows = (("Name", "Age"), ("Ann", 31), ("Bob", 40), (), *title, ("Port", "Fee", "Unit"), ("Turku", 5, "h"))
    between = "Prices\n\n" if title else ""
    assert sheet(*rows) == f"Name: Ann\nAge: 31\n\nName: Bob\nAge: 40\n\n{between}Port: Turku\nFee: 5\nUnit: h"


def test_an_empty_row_alone_begins_no_table():
    assert sheet(("Name", "Age"), ("Ann", 31), (), ("Bob", "n/a")) == "Name: Ann\nAge: 31\n\nName: Bob\nAge: n/a"


def test_a_cell_merged_downwards_stands_in_each_of_its_rows():
    rows = (("Region", "City"), ("North", "Oslo"), (None, "Bergen"), ("South", "Rome"))
    assert sheet(*rows, merge=("A2:A3",)) == (
        "Region: North\nCity: Oslo\n\nRegion: North\nCity: Bergen\n\nRegion: South\nCity: Rome"
    )


def test_a_header_in_two_rows_names_both():
    rows = (("Port", "Sales", None), (None, "Q1", "Q2"), ("Turku", 5, 6))
    assert sheet(*rows, merge=("A1:A2", "B1:C1")) == "Port: Turku\nSales Q1: 5\nSales Q2: 6"


def test_a_formula_without_a_stored_value_is_told_and_one_with_it_is_read():
    data = xlsx(("Item", "Total"), ("Rope", "=2*3"), ("Sail", "=4*5"))
    stored = parts_of(data)[SHEET].replace(b"<f>2*3</f><v></v>", b"<f>2*3</f><v>6</v>")
    stored = stored.replace(b"<f>2*3</f><v />", b"<f>2*3</f><v>6</v>")
    document = load_bytes("a.xlsx", with_parts(data, {SHEET: stored}))[0]
    assert document.text == "# Sheet\n\nItem: Rope\nTotal: 6\n\nItem: Sail\nTotal: =4*5"
    assert document.warnings == (
        "1 formula without a stored value, taken as written (Sheet!B3): "
        "open the file in a spreadsheet program and save it.",
    )


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [(0.125, "0.0%", "12.5%"), (0.12, "0%", "12%"), (0.1234, "0%", "12.34%"), (42, "00000", "00042"),
     (1200, '#,##0.00 "€"', "1200.00 €"), (5, "$#,##0.00", "$5.00"), (5.5, '[$€-407] 0.00', "€5.50"),
     (0.1 + 0.2, "General", "0.3"), (1.5, "0.00", "1.50"), (3, '0 "kg"', "3 kg"), (-7, "0.0", "-7.0"),
     (datetime(2024, 5, 3), "dd.mm.yyyy", "2024-05-03"),
     (datetime(2024, 5, 3, 14, 30), "d/m/yy h:mm", "2024-05-03 14:30:00"),
     (date(2024, 5, 3), "yyyy-mm-dd", "2024-05-03"), (time(9, 30), "h:mm", "09:30:00"), (True, "General", "TRUE"),
     (123456789012, "General", "123456789012"), (1e300, "General", "1e+300")],
)  # fmt: skip
def test_numbers_are_shown_by_their_format(value, code, shown):
    assert sheet(("Name", "V"), ("x", value), formats={"B2": code}) == f"Name: x\nV: {shown}"


@pytest.mark.parametrize(
    ("part", "content"),
    [("xl/styles.xml", b"<broken"), ("xl/styles.xml", None), ("docProps/core.xml", b"<x/>"), ("docProps/app.xml", None),
     ("xl/theme/theme1.xml", None), ("[Content_Types].xml", None), ("_rels/.rels", None)],
)  # fmt: skip
def test_a_flaw_beside_the_cells_costs_nothing(part, content):
    data = with_parts(xlsx(("Name", "Age"), ("Ann", 31)), {part: content})
    assert load_bytes("a.xlsx", data)[0].text == "# Sheet\n\nName: Ann\nAge: 31"


def test_a_bad_style_of_one_cell_and_a_dangling_relationship_cost_nothing():
    data = related(xlsx(("Name", "Age"), ("Ann", 31)), "xl/_rels/workbook.xml.rels", "externalLink", "NULL")
    cells = parts_of(data)[SHEET].replace(b'<c r="B2"', b'<c r="B2" s="9999"')
    styles = re.sub(rb"<fills.*?</fills>", b'<fills><fill><patternFill patternType="nonsense"/></fill></fills>',
                    parts_of(data)["xl/styles.xml"])  # fmt: skip
    document = load_bytes("a.xlsx", with_parts(data, {SHEET: cells, "xl/styles.xml": styles}))[0]
    assert document.text == "# Sheet\n\nName: Ann\nAge: 31"


def test_a_damaged_sheet_costs_itself_and_is_named():
    book = Workbook()
    book.active.append(("Name", "Age"))
    book.create_sheet("Second").append(("City", "Fee"))
    out = io.BytesIO()
    book.save(out)
    document = load_bytes("a.xlsx", with_parts(out.getvalue(), {SHEET: b"<broken"}))[0]
    assert document.text == "# Second\n\nCity | Fee"
    assert document.warnings[0].startswith("Sheets that cannot be read: Sheet is damaged (")
    with pytest.raises(BadInput, match=r"no sheet can be read; Sheet is damaged"):
        load_bytes("a.xlsx", with_parts(xlsx(("a",)), {SHEET: b"<broken"}))


@pytest.mark.parametrize(
    ("text", "read"),
    [('"Name, first, last";Age\n"Weber, Ute";41\n"Lind, Bo";37\n', "Name, first, last: Weber, Ute\nAge: 41\n\n"
      "Name, first, last: Lind, Bo\nAge: 37"),
     ("sep=;\na;b\n1,5;2\n", "a: 1,5\nb: 2"), ('"sep=|"\r\na|b\r\n1|2\r\n', "a: 1\nb: 2"),
     ('question\n"What, if anything?"\nWho, and when?\n', "question: What, if anything?\n\nquestion: Who, and when?"),
     ("a;b\n1,5;2,5\n3,5;4,5\n", "a: 1,5\nb: 2,5\n\na: 3,5\nb: 4,5"),
     ('a,b\n"x\ny; z",2\n', "a: x\ny; z\nb: 2"), (",v\n0,x\n1,y\n", "0\nv: x\n\n1\nv: y")],
)  # fmt: skip
def test_the_delimiter_is_what_divides_the_rows(text, read):
    assert csv(text) == read


def _html(rows) -> bytes:
    cells = ["".join(f"<td>{cell}</td>" for cell in row) for row in rows]
    table = "".join(f"<tr>{row}</tr>" for row in cells)
    return f"<p>Before</p><table><caption>Fees</caption>{table}</table>After".encode()


def _docx(rows) -> bytes:
    import docx

    document = docx.Document()
    document.add_paragraph("Before")
    table = document.add_table(len(rows), len(rows[0]))
    for i, row in enumerate(rows):
        for j, cell in enumerate(row):
            table.cell(i, j).text = cell
    document.add_paragraph("After")
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _pdf(rows) -> bytes:
    from reportlab.platypus import SimpleDocTemplate, Table

    out = io.BytesIO()
    SimpleDocTemplate(out).build([Table(rows)])
    return out.getvalue()


@pytest.mark.parametrize(("name", "make"), [("a.html", _html), ("a.docx", _docx), ("a.pdf", _pdf)])
def test_each_row_of_a_long_table_has_its_column_names_and_those_of_a_short_one_have_bars(name, make):
    rows = [("Ship type", "Fee EUR"), *((f"Ferry {i}", str(1000 + i)) for i in range(20))]
    text = load_bytes(name, make(rows))[0].text
    for i in range(20):
        assert f"\n\nShip type: Ferry {i}\nFee EUR: {1000 + i}" in "\n\n" + text
    assert "Ship type | Fee EUR\nFerry 0 | 1000\nFerry 1 | 1001" in load_bytes(name, make(rows[:3]))[0].text
    unnamed = [(f"Ferry {i}", str(1000 + i)) for i in range(20)]
    assert "Ferry 5 | 1005\nFerry 6 | 1006" in load_bytes(name, make(unnamed))[0].text


LEFT, RIGHT = "Ship: Ann\nFee: 12\n\nShip: Bob\nFee: 30", "Port: Turku\nBerths: 4\n\nPort: Oslo\nBerths: 7"


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ((("Ship", "Fee", None, "Port", "Berths"), ("Ann", 12, None, "Turku", 4), ("Bob", 30, None, "Oslo", 7)),
         f"{LEFT}\n\n{RIGHT}"),
        ((("Fees", None, None, "Ports"), ("Ship", "Fee", None, "Port", "Berths"), ("Ann", 12, None, "Turku", 4),
          ("Bob", 30, None, "Oslo", 7)), f"Fees\n\n{LEFT}\n\nPorts\n\n{RIGHT}"),
        ((("Ship", "Fee", None, "No", "Name"), ("Ann", 12, None, 1, "x"), ("Bob", 30, None, 2, "y"),
          (None, None, None, 3, "z")), f"{LEFT}\n\nNo: 1\nName: x\n\nNo: 2\nName: y\n\nNo: 3\nName: z"),
        ((("Ship", 2020, None, "Ship", 2020), ("Ann", 12, None, "Eve", 5)),
         "Ship: Ann\n2020: 12\n\nShip: Eve\n2020: 5"),
        ((("Ship", "Fee", "Ship", "Fee"), ("Ann", 12, "Bob", 30)), LEFT),
        ((("All", "of", "them", "here"), ("a", 1, "b", 2), (), ("Ship", "Fee", None, "Port", "Berths"),
          ("Ann", 12, None, "Turku", 4), ("Bob", 30, None, "Oslo", 7), (), ("Note", "Value"), ("x", 5)),
         f"All: a\nof: 1\nthem: b\nhere: 2\n\n{LEFT}\n\nNote: x\nValue: 5\n\n{RIGHT}"),
        ((("Ship", "Fee", None, "Min", "Max"), ("Ann", 12, None, 1, 2), ("Bob", 30, None, 3, 4)),
         "Ship: Ann\nFee: 12\nMin: 1\nMax: 2\n\nShip: Bob\nFee: 30\nMin: 3\nMax: 4"),
        ((("Ship", "Fee", None, "Note"), ("Ann", 12, None, "new"), ("Bob", 30)),
         "Ship: Ann\nFee: 12\nNote: new\n\nShip: Bob\nFee: 30"),
        ((("Ship", "Fee", None, "Seen", "By"), ("Ann", 12, None, "no"), ("Bob", 30), ("Cid", 5, None, "yes", "Eve")),
         "Ship: Ann\nFee: 12\nSeen: no\n\nShip: Bob\nFee: 30\n\nShip: Cid\nFee: 5\nSeen: yes\nBy: Eve"),
    ],
)  # fmt: skip
def test_tables_beside_each_other_are_read_one_after_the_other(rows, text):
    assert sheet(*rows) == text
    lines = [",".join("" if cell is None else str(cell) for cell in (*row, *[None] * (5 - len(row)))) for row in rows]
    assert csv("\n".join(lines)) == text


def test_names_of_columns_without_values_are_kept():
    table = "ship,fee,remarks,signed\nGull,12,,\nTern,14,,\n"
    assert (
        load_bytes("a.csv", table.encode())[0].text == "ship: Gull\nfee: 12\n\nship: Tern\nfee: 14\n\nremarks | signed"
    )
    rows = "".join(f"<tr><td>Gull {n}</td><td>{n}</td><td></td></tr>" for n in range(15))
    page = f"<table><tr><th>ship</th><th>fee</th><th>remarks</th></tr>{rows}</table>"
    text = load_bytes("a.html", page.encode())[0].text
    assert "ship: Gull 14\nfee: 14" in text
    assert text.endswith("\n\nremarks")


def test_a_table_right_below_another_is_one_of_its_own():
    rows = "Fees\nPort,Fee\nTurku,5\nOulu,7\nBerths\nHarbour,Places\nBergen,30\n"
    assert load_bytes("a.csv", rows.encode())[0].text.split("\n\n") == [
        "Fees", "Port: Turku\nFee: 5", "Port: Oulu\nFee: 7", "Berths", "Harbour: Bergen\nPlaces: 30",
    ]  # fmt: skip


def test_a_group_within_a_table_is_none():
    rows = "Port,Fee\nTurku,5\nNorway\nBergen,n/a\nOslo,30\n"
    text = load_bytes("a.csv", rows.encode())[0].text
    assert text.split("\n\n")[2:] == ["Port: Bergen\nFee: n/a", "Port: Oslo\nFee: 30"]


def test_words_below_numbers_alone_and_a_gap_are_another_table():
    rows = "a,b\n1,2\n3,4\n\nPort,Harbour master\nTurku,Ann\nOulu,Ben\n"
    assert load_bytes("a.csv", rows.encode())[0].text.split("\n\n")[2:] == [
        "Port: Turku\nHarbour master: Ann", "Port: Oulu\nHarbour master: Ben",
    ]  # fmt: skip


def test_a_quote_that_never_closes_is_told():
    document = load_bytes("a.csv", b'Port,Note\nTurku,old\nOulu,"new\nBergen,older\n')[0]
    assert "Bergen" in document.text
    assert document.warnings == ("The quote that opens in line 3 is never closed: all after it is read as one cell.",)
    whole = load_bytes("a.csv", b'Port,Note\nTurku,"old\nand new"\n5"" pipe,"7"" wide"\nOulu,"new"x\n')[0]
    assert whole.warnings == ()


def test_words_of_buttons_and_boxes_in_a_sheet_are_read():
    vml = b"""<xml xmlns:v="urn:schemas-microsoft-com:vml" xmlns:x="urn:schemas-microsoft-com:office:excel">
      <v:shape><v:textbox><div><font>Approved</font></div></v:textbox><x:ClientData ObjectType="Checkbox">
        <x:Checked>1</x:Checked></x:ClientData></v:shape>
      <v:shape><v:textbox><div>Recalculate</div></v:textbox><x:ClientData ObjectType="Button"/></v:shape>
      <v:shape><v:textbox><div>a comment</div></v:textbox><x:ClientData ObjectType="Note"/></v:shape></xml>"""
    relations = "xl/worksheets/_rels/sheet1.xml.rels"
    none = b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"></Relationships>'
    data = with_parts(xlsx(["Port", "Fee"], ["Turku", 5]), {"xl/drawings/v.vml": vml, relations: none})
    document = load_bytes("a.xlsx", related(data, relations, "vmlDrawing", "../drawings/v.vml"))[0]
    assert document.text == "# Sheet\n\nPort: Turku\nFee: 5\n\n☒ Approved\n\nRecalculate"
