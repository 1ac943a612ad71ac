"""Table files of a project become an embedded database."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmopt_core.databases.executor import SqlExecutor
from llmopt_core.databases.outcome import QueryOutcome
from llmopt_core.databases.source import DataSource

Ask = Callable[[Path, str], QueryOutcome]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    def run(path: Path, sql: str) -> QueryOutcome:
        return SqlExecutor(DataSource.parse(path), home=tmp_path / "home").run(sql)

    return run


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def test_columns_are_named_as_in_the_header_and_typed_with_care(ask: Ask, tmp_path: Path) -> None:
    file = write(
        tmp_path / "sales.csv",
        'Order ID;"Net ""total""";订单日期;zip;huge;mixed;empty;when;order id\n'
        "1;10.50;2024-01-31;01234;12345678901234567890123;1;;2024-01-01 10:00;x\n"
        "\n"
        '2;3.1;2024-02-29;99999;1;a;;2024-01-02;"y;z"\n'
        "3;;;;;;;;\n",
        "utf-8-sig",
    )
    outcome = ask(file, "SELECT * FROM sales")
    assert outcome.columns == (
        "Order ID", 'Net "total"', "订单日期", "zip", "huge", "mixed", "empty", "when", "order id 2",
    )  # fmt: skip
    day, moment = datetime.date, datetime.datetime
    assert outcome.rows == (
        (1, Decimal("10.50"), day(2024, 1, 31), "01234", 12345678901234567890123, "1", None, moment(2024, 1, 1, 10),
         "x"),
        (2, Decimal("3.10"), day(2024, 2, 29), "99999", 1, "a", None, moment(2024, 1, 2), "y;z"),
        (3, None, None, None, None, None, None, None, None),
    )  # fmt: skip
    assert ask(file, 'SELECT sum("Net ""total""") FROM sales WHERE 订单日期 > DATE \'2024-02-01\'').rows == (
        (Decimal("3.10"),),
    )


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "-2"], "BIGINT"),
        (["9223372036854775807", "1"], "HUGEINT"),
        (["1" * 39, "1"], "VARCHAR"),
        (["1.5", "2"], "DECIMAL(18,1)"),
        (["1.12345678901", "2"], "DOUBLE"),
        (["1e5", "2.5"], "DOUBLE"),
        (["007", "1"], "VARCHAR"),
        (["1,000", "2"], "VARCHAR"),
        (["5 %", "2"], "VARCHAR"),
        (["true", "FALSE"], "BOOLEAN"),
        (["2024-01-01", "2024-02-29"], "DATE"),
        (["2024-02-31", "2024-01-01"], "VARCHAR"),
        (["31.12.2024", "1.2.2024"], "DATE"),
        (["01/02/2024", "2/3/2024"], "VARCHAR"),
        (["2024-01-01T10:00:00", "2024-01-01 10:00:00.5"], "TIMESTAMP"),
        (["2024-01-01 10:00:00Z", "2024-01-01 10:00:00+02:00"], "TIMESTAMP WITH TIME ZONE"),
        (["NaN", "1"], "VARCHAR"),
        (["", ""], "VARCHAR"),
    ],
)
def test_a_type_is_taken_where_nothing_is_lost(ask: Ask, tmp_path: Path, cells: list[str], kind: str) -> None:
    file = write(tmp_path / "one.csv", "n|value\n" + "".join(f"x|{cell}\n" for cell in cells))
    assert ask(file, "SELECT DISTINCT typeof(value) FROM one").rows == ((kind,),)
    assert ask(file, "SELECT count(*), count(value) FROM one").rows == ((2, 0 if cells == ["", ""] else 2),)


def test_text_tables_in_other_encodings_and_without_a_header(ask: Ask, tmp_path: Path) -> None:
    cities = write(tmp_path / "cities.csv", "城市,人口\n北京,21893095\n上海,24870895\n广州市,18676605\n", "gb18030")
    assert ask(cities, "SELECT 城市 FROM cities ORDER BY 人口 DESC LIMIT 1").rows == (("上海",),)
    wide = write(tmp_path / "wide.tsv", "a\tb\n1\t2\t3\n4\n", "utf-16")
    assert ask(wide, "SELECT * FROM wide").columns == ("a", "b", "column 3")
    assert ask(wide, "SELECT * FROM wide").rows == ((1, 2, 3), (4, None, None))
    bare = write(tmp_path / "bare.csv", "1,2\n3,4\n")
    assert ask(bare, 'SELECT sum("column 2") FROM bare').rows == ((6,),)


def test_sheets_are_tables_and_cells_keep_their_types(ask: Ask, tmp_path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Q1 sales"
    for row in (
        [None, None, None, None],
        ["Name", "Zip", "Amount", "Day"],
        ["a", "00123", 1.5, datetime.datetime(2024, 1, 1)],
        ["b", "12345", 2, datetime.datetime(2024, 1, 2)],
        ["c", "12345", "=1/0", None],
    ):
        sheet.append(row)
    other = book.create_sheet("人员")
    for value in ("x", 1, "t"):
        other.append([value])
    book.create_sheet("nothing")
    book.save(tmp_path / "book.xlsx")
    outcome = ask(tmp_path / "book.xlsx", 'SELECT * FROM "Q1 sales"')
    assert outcome.columns == ("Name", "Zip", "Amount", "Day")
    assert outcome.rows == (
        ("a", "00123", Decimal("1.5"), datetime.date(2024, 1, 1)),
        ("b", "12345", Decimal("2.0"), datetime.date(2024, 1, 2)),
        ("c", "12345", None, None),
    )
    assert ask(tmp_path / "book.xlsx", "SELECT * FROM 人员").rows == (("1",), ("t",))


def test_a_folder_is_one_database_of_all_its_tables(ask: Ask, tmp_path: Path) -> None:
    import duckdb
    import openpyxl

    folder = tmp_path / "data"
    folder.mkdir()
    write(folder / "orders.csv", "id,amount\n1,2.5\n2,4\n")
    duckdb.sql("SELECT 1 AS id, 'x' AS \"full name\"").write_parquet(str(folder / "people[1].parquet"))
    book = openpyxl.Workbook()
    book.active.append(["id"])
    book.active.append([2])
    book.save(folder / "orders.xlsx")
    write(folder / "~$orders.xlsx", "kept by a program that has it open")
    write(folder / "notes.txt", "no table")
    sql = 'SELECT p."full name", o.amount FROM orders o JOIN "people[1]" p ON p.id = o.id'
    assert ask(folder, sql).rows == (("x", Decimal("2.5")),)
    assert ask(folder, 'SELECT id FROM "orders 2"').rows == ((2,),)
    assert ask(folder, "SELECT * FROM orders.csv").status == "error"
    refused = ask(folder, f"SELECT * FROM '{folder / 'orders.csv'}'")
    assert refused.status == "refused"


def test_a_changed_file_is_loaded_anew_and_the_former_content_is_gone(tmp_path: Path) -> None:
    file = write(tmp_path / "n.csv", "v\n1\n")
    executor = SqlExecutor(DataSource.parse(file), home=tmp_path / "home")
    assert executor.run("SELECT v FROM n").rows == ((1,),)
    write(file, "v\n22\n")
    assert executor.run("SELECT v FROM n").rows == ((22,),)
    assert len(list((tmp_path / "home" / "data_sources").iterdir())) == 1
    file.unlink()
    gone = executor.run("SELECT v FROM n")
    assert (gone.status, gone.reason) == ("error", f"{file} does not exist; name a table file that is there.")


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.xlsx", b"PK\x03\x04 nonsense", "a.xlsx is damaged or no workbook"),
        ("a.parquet", b"PAR1x", "a.parquet is damaged or no Parquet file"),
        ("a.csv", b"", "a.csv is empty"),
        ("a.csv", b"a,b\n\x00\x01\x02", "a.csv is no text table"),
    ],
)
def test_damaged_files_are_told_in_a_sentence(ask: Ask, tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(data)
    outcome = ask(tmp_path / name, "SELECT 1")
    assert outcome.status == "error"
    assert outcome.reason.startswith(reason)
    assert outcome.reason.endswith(".")


def test_an_injection_in_a_header_or_a_sheet_name_is_a_name(ask: Ask, tmp_path: Path) -> None:
    file = write(tmp_path / 'x"; DROP TABLE y; --.csv', '"a""; DROP TABLE x; --",b\n1,2\n')
    outcome: Any = ask(file, 'SELECT * FROM "x""; DROP TABLE y; --"')
    assert outcome.columns == ('a"; DROP TABLE x; --', "b")
