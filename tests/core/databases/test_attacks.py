"""Attacks are refused or ended, their look-alikes run, and the executor answers afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmopt_core.databases.executor import SqlExecutor
from llmopt_core.databases.limits import QueryLimits
from llmopt_core.databases.source import DataSource

DATA = Path(__file__).parents[2] / "data" / "text2sql"
DIALECTS = ("sqlite", "duckdb", "postgres")
# Those of the list that come to an end by themselves, and harmlessly.
MAY_RUN = {"postgres-234", "postgres-247"}


def rows(name: str, dialect: str) -> list[dict[str, Any]]:
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    return [row for row in map(json.loads, lines) if row["dialect"] == dialect]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_attacks_that_must_be_refused_are(dialect: str, source_of: Callable[[str], DataSource], tmp_path: Path) -> None:
    target = tmp_path / "attack"
    target.mkdir()
    executor = SqlExecutor(source_of(dialect))
    attacks = [row for row in rows("attacks.jsonl", dialect) if row["expected"] == "refused"]
    assert len(attacks) > 25
    outcomes = {row["id"]: executor.run(row["sql"].replace("/tmp/wb_attack", str(target))) for row in attacks}
    assert {name: outcome for name, outcome in outcomes.items() if outcome.status != "refused"} == {}
    assert all(outcome.reason and outcome.rows == () for outcome in outcomes.values())
    assert list(target.iterdir()) == []
    assert executor.run("SELECT count(*) FROM restaurant").rows == ((11,),)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_attacks_on_time_and_memory_are_ended(dialect: str, source_of: Callable[[str], DataSource]) -> None:
    limits = QueryLimits(seconds=0.6, memory=256_000_000)
    executor = SqlExecutor(source_of(dialect), limits)
    attacks = [row for row in rows("attacks.jsonl", dialect) if row["expected"] != "refused"]
    assert len(attacks) > 5
    outcomes = {row["id"]: executor.run(row["sql"]) for row in attacks if row["id"] not in MAY_RUN}
    assert {name: one for name, one in outcomes.items() if one.status not in ("ended", "refused")} == {}
    assert executor.run("SELECT count(*) FROM restaurant").rows == ((11,),)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_look_alikes_run(dialect: str, source_of: Callable[[str], DataSource]) -> None:
    executor = SqlExecutor(source_of(dialect))
    queries = rows("benign.jsonl", dialect)
    assert len(queries) > 12
    outcomes = {row["sql"]: executor.run(row["sql"]) for row in queries}
    assert {sql: outcome.reason for sql, outcome in outcomes.items() if outcome.status != "ok"} == {}


MORE = {
    "sqlite": [
        "SELECT name FROM restaurant WHERE name IN sqlite_master",
        "SELECT * FROM json_each('[1]'), main.sqlite_schema",
        "SELECT `load_extension`('x')",
        "SELECT load_extension--\n('x')",
        "SELECT printf('%' || '.*c', 1000000000, 'x')",
        "SELECT printf('%1000000000d', 1)",
        "SELECT 1 INTO OUTFILE '/tmp/x'",
        ".shell true",
        "SELECT 1 /* /* */ , load_extension('x') /* */",
        "SELECT name FROM restaurant\u037e DROP TABLE restaurant",
        "SELECT\u00a0name FROM restaurant",
        "SELECT na\u200bme FROM restaurant",
        "SELECT 1\u2028FROM restaurant",
        "SELECT 1\uff1b DELETE FROM restaurant",
        "EXPLAIN SELECT 1",
        "SELECT * FROM dbstat",
        "SELECT sqlite_version()",
        "",
        "SELECT 'open",
    ],
    "duckdb": [
        "FROM (SHOW TABLES)",
        "FROM (DESCRIBE restaurant)",
        "FROM (CALL duckdb_settings())",
        "SELECT '/etc/passwd'.read_text()",
        'FROM "read_text"(\'/etc/passwd\')',
        "FROM system.main.read_text('/etc/passwd')",
        "SELECT * FROM 'x.csv'",
        'SELECT * FROM "s3://bucket/x.parquet"',
        "SELECT e'a\\'' , read_text('/etc/passwd') --'",
        "WITH read_text(x) AS (SELECT 1) SELECT read_text('/etc/passwd')",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM duckdb_columns",
        "SELECT sleep_ms(1)",
        "SELECT nextval('s')",
        "SELECT * FROM restaurant AT (VERSION => 1)",
    ],
    "postgres": [
        "SELECT ('/etc/passwd'::text).pg_read_file",
        "SELECT (1::float8).pg_sleep",
        "SELECT (SELECT r FROM restaurant r LIMIT 1).pg_typeof",
        "SELECT r.leak FROM restaurant r",
        "SELECT t.current_setting FROM unnest(ARRAY['data_directory']) AS t",
        "SELECT t.current_setting, (SELECT 1 AS current_setting) FROM unnest(ARRAY['data_directory']) AS t",
        'SELECT U&"pg\\005fread_file"(\'/etc/passwd\')',
        "SELECT E'\\'' , pg_sleep(10) --'",
        "SELECT 'pg_authid'::regclass",
        "SELECT 5 OPERATOR(pg_catalog.+) 3",
        "SELECT * FROM ROWS FROM (pg_ls_dir('/'))",
        "SELECT name FROM restaurant ORDER BY pg_sleep(10)",
        'SELECT * FROM "pg_user"',
        "SELECT current_user",
        "SELECT user",
        "SELECT lo_creat(-1)",
        "SELECT 1 INTO TEMP x",
        "SELECT * FROM ts_stat('SELECT 1')",
    ],
}  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS)
def test_close_kinds_of_attacks_are_refused(dialect: str, source_of: Callable[[str], DataSource]) -> None:
    source = source_of(dialect)
    if dialect == "postgres":
        import psycopg

        with psycopg.connect(source.where, autocommit=True) as connection:
            connection.execute("CREATE FUNCTION leak(restaurant) RETURNS text LANGUAGE sql AS $$ SELECT 'x' $$")
    executor = SqlExecutor(source)
    outcomes = {sql: executor.run(sql) for sql in MORE[dialect]}
    assert {sql: outcome for sql, outcome in outcomes.items() if outcome.status != "refused"} == {}


@pytest.mark.parametrize(
    ("dialect", "sql"),
    [
        ("sqlite", "SELECT replace(hex(name), '0', 'aaaa') || 1e3-1e2 FROM restaurant, json_each('[1]') ORDER BY 1"),
        ("sqlite", "SELECT [name], `rating`, \"id\" FROM restaurant WHERE rating BETWEEN 1 AND 5 AND name IN ('D')"),
        ("sqlite", "\ufeffSELECT count(*) FROM restaurant;"),
        ("sqlite", "SELECT '\u3000\u00a0' AS 名称 FROM restaurant -- \u202e"),
        ("sqlite", "SELECT CAST(rating AS DECIMAL(10, 2)) FROM restaurant GROUP BY 1 HAVING count(*) > 0"),
        ("duckdb", "SELECT * REPLACE (upper(name) AS name) FROM restaurant QUALIFY rank() OVER (ORDER BY id) = 1"),
        ("duckdb", "SELECT t.x FROM (VALUES (1, 'a')) AS t(x, y) JOIN range(3) r(i) ON r.i = t.x"),
        ("duckdb", "SELECT {'a': 1}.a, [1, 2][1], list_transform([1], lambda x: x + 1), 1.25::decimal(10, 2)"),
        ("postgres", "SELECT DISTINCT ON (city_name) name FROM restaurant ORDER BY city_name, rating DESC NULLS LAST"),
        ("postgres", "SELECT t.count, t.area FROM (SELECT count(*), max(rating) AS area FROM restaurant) t"),
        ("postgres", "SELECT name FROM restaurant GROUP BY GROUPING SETS ((name), ())"),
        ("postgres", "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY id) FILTER (WHERE id > 1) FROM restaurant"),
        ("postgres", "SELECT extract(year FROM date '2020-01-01'), '%' || name FROM restaurant WHERE name LIKE '%a%'"),
    ],
)  # fmt: skip
def test_plain_queries_of_each_dialect_run(dialect: str, sql: str, source_of: Callable[[str], DataSource]) -> None:
    outcome = SqlExecutor(source_of(dialect)).run(sql)
    assert outcome.status == "ok", outcome.reason
    assert outcome.rows


@pytest.mark.parametrize("sql", ["SELECT name FORM restaurant", "SELECT count(* FROM restaurant", "SELECT name FROM"])
def test_a_slip_of_the_pen_is_an_error_and_no_attack(sql: str, shop: Path) -> None:
    outcome = SqlExecutor(DataSource.parse(shop)).run(sql)
    assert outcome.status == "error"
    assert "line 1" in outcome.reason or "column" in outcome.reason
