"""A query through all layers."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmopt_core.databases.executor import SqlExecutor, run_query
from llmopt_core.databases.limits import QueryLimits
from llmopt_core.databases.source import DataSource

ENDLESS = "WITH RECURSIVE c(x) AS (VALUES(1) UNION ALL SELECT x*2%1000003 FROM c) SELECT MAX(x) FROM c WHERE x < 0"


def test_rows_and_columns_come_back(shop: Path) -> None:
    outcome = run_query(DataSource.parse(shop), "SELECT name, rating AS r FROM restaurant WHERE id < 4 ORDER BY id")
    assert outcome.status == "ok", outcome.reason
    assert outcome.reason == ""
    assert outcome.columns == ("name", "r")
    assert outcome.rows == (("Asador", 4.5), ("Bento", 3.9), ("Caldo", None))


def test_an_error_of_the_engine_is_its_sentence(shop: Path) -> None:
    outcome = run_query(DataSource.parse(shop), "SELECT nme FROM restaurant")
    assert (outcome.status, outcome.reason) == ("error", "no such column: nme.")


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM restaurant",
        "\ufeffDELETE FROM restaurant",
        "SELECT 1; DELETE FROM restaurant",
        "WITH d AS (SELECT id FROM restaurant) DELETE FROM restaurant WHERE id IN (SELECT id FROM d)",
        "PRAGMA query_only=0",
        "ATTACH ':memory:' AS m",
        "SELECT " + "(" * 3000 + "1" + ")" * 3000,
        "SELECT * FROM sqlite_master",
    ],
)
def test_what_is_no_single_select_is_refused(shop: Path, sql: str) -> None:
    outcome = run_query(DataSource.parse(shop), sql)
    assert outcome.status == "refused"
    assert outcome.reason.endswith(".")


def test_an_endless_query_is_ended_and_the_next_one_runs(shop: Path) -> None:
    executor = SqlExecutor(DataSource.parse(shop), QueryLimits(seconds=0.5))
    outcome = executor.run(ENDLESS)
    assert (outcome.status, outcome.reason) == ("ended", "The query took more than 0.5 s and was ended.")
    assert executor.run("SELECT count(*) FROM restaurant").rows == ((11,),)


def test_rows_beyond_the_cap_are_left_out_and_that_is_said(shop: Path) -> None:
    source = DataSource.parse(shop)
    sql = "SELECT name FROM restaurant WHERE id < 4 ORDER BY id"
    outcome = run_query(source, sql, QueryLimits(rows=2))
    assert outcome.status == "ok"
    assert outcome.is_cut
    assert outcome.rows == (("Asador",), ("Bento",))
    assert outcome.reason == "Only the first 2 rows were read; there are more."
    assert not run_query(source, sql, QueryLimits(rows=3)).is_cut


def test_the_file_is_not_written(shop: Path, tmp_path: Path) -> None:
    before = shop.read_bytes()
    target = tmp_path / "copy.sqlite"
    for sql in (f"VACUUM INTO '{target}'", f"ATTACH '{target}' AS x", "UPDATE restaurant SET rating = 0"):
        assert run_query(DataSource.parse(shop), sql).status == "refused"
    assert not target.exists()
    assert shop.read_bytes() == before


def test_duckdb_is_read_and_not_written(tmp_path: Path) -> None:
    import duckdb

    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE t AS SELECT i, i * 1.5 AS x FROM range(3) r(i)")
    source = DataSource.parse(path)
    assert run_query(source, "SELECT sum(i) AS s FROM t").rows == ((3,),)
    target = tmp_path / "out.csv"
    assert run_query(source, f"COPY t TO '{target}'").status == "refused"
    assert not target.exists()
    assert run_query(source, "SELECT * FROM t WHERE nme = 1").status == "error"
