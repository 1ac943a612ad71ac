"""What a database holds."""

import sqlite3

import pytest

from llmopt_core.databases.schema import schema_text
from llmopt_core.databases.schema_reader import read_schema
from llmopt_core.databases.source import DataSource
from llmopt_core.errors import BadInput


@pytest.fixture
def odd(tmp_path):
    path = tmp_path / "odd.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(
        """
        CREATE TABLE "order items" ("价格" DECIMAL(10,2), "select" TEXT, note, picture BLOB, PRIMARY KEY ("select"));
        INSERT INTO "order items" VALUES (2.5, 'a', 'one
        DROP TABLE x', x'00ff'), (2.5, 'b', NULL, NULL), (3, 'c', 'one
        DROP TABLE x', NULL);
        CREATE TABLE tag (a TEXT, b TEXT, item TEXT REFERENCES "order items",
            FOREIGN KEY (a, b) REFERENCES pair (x, y));
        CREATE VIEW broken AS SELECT * FROM gone;
        """
    )
    connection.commit()
    connection.close()
    return DataSource.parse(path)


def test_tables_columns_keys_and_values(odd):
    schema = read_schema(odd)
    assert [table.name for table in schema.tables] == ["order items", "tag", "broken"]
    items, tag, broken = schema.tables
    assert [(c.name, c.type, c.is_key) for c in items.columns] == [
        ("价格", "DECIMAL(10,2)", False), ("select", "TEXT", True), ("note", "", False), ("picture", "BLOB", False),
    ]  # fmt: skip
    assert items.columns[0].values == ("2.5", "3")
    assert items.columns[3].values == ()
    assert {(key.columns, key.target, key.target_columns) for key in tag.foreign_keys} == {
        (("a", "b"), "pair", ("x", "y")),
        (("item",), "order items", ()),
    }
    assert broken.columns == ()


def test_the_text_quotes_names_and_keeps_values_within_their_comment(odd):
    lines = schema_text(read_schema(odd)).splitlines()
    assert lines[0] == 'CREATE TABLE "order items" ('
    assert '  "价格" DECIMAL(10,2),  -- such as 2.5, 3' in lines
    assert '  "select" TEXT,  -- such as a, b, c' in lines
    assert "  note,  -- such as one DROP TABLE x" in lines
    assert '  FOREIGN KEY (item) REFERENCES "order items"' in lines


def test_descriptions_are_edited_beside_the_source_and_change_its_version(odd):
    schema = read_schema(odd)
    changes = {"tag": "Labels\nof items", "tag.a": "First half", "tag.zz": "nothing"}
    described = schema.described(changes)
    text = schema_text(described.only(["tag"]))
    assert text.startswith("-- Labels of items\nCREATE TABLE tag (\n  a TEXT,  -- First half")
    assert described.version != schema.version
    assert read_schema(odd).version == schema.version


def test_a_database_without_tables_or_that_is_none_is_refused(tmp_path):
    empty = tmp_path / "empty.sqlite"
    sqlite3.connect(empty).execute("PRAGMA user_version = 1").connection.close()
    with pytest.raises(BadInput, match=r"empty\.sqlite has no table"):
        read_schema(DataSource.parse(empty))
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"SQLite format 3\x00" + b"x" * 2000)
    with pytest.raises(BadInput, match=r"broken\.sqlite cannot be read as an SQLite database"):
        read_schema(DataSource.parse(broken))


def test_duckdb_is_read_alike(tmp_path):
    import duckdb

    path = tmp_path / "sales.duckdb"
    connection = duckdb.connect(str(path))
    connection.execute("CREATE TABLE region (id INTEGER PRIMARY KEY, name TEXT)")
    connection.execute("CREATE TABLE sale (region INTEGER REFERENCES region (id), day DATE, price DECIMAL(8, 2))")
    connection.execute("INSERT INTO region VALUES (1, 'north')")
    connection.execute("INSERT INTO sale VALUES (1, '2026-01-02', 3.50)")
    connection.execute("COMMENT ON COLUMN sale.price IS 'in euros'")
    connection.close()
    text = schema_text(read_schema(DataSource.parse(path)))
    assert "  price DECIMAL(8,2),  -- in euros; such as 3.5" in text
    assert "  day DATE,  -- such as 2026-01-02" in text
    assert "  FOREIGN KEY (region) REFERENCES region (id)" in text
    assert "  PRIMARY KEY (id)" in text


def test_a_server_is_read_alike(server, tmp_path):
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            "COMMENT ON TABLE restaurant IS 'Places to eat'; COMMENT ON COLUMN restaurant.rating IS 'Of 5 stars';"
            'CREATE SCHEMA other; CREATE TABLE other."Odd name" ("a b" int)'
        )
    schema = read_schema(DataSource.parse(server))
    assert [table.name for table in schema.tables] == ["restaurant", "location", "geographic", "other.Odd name"]
    restaurant, location, *_ = schema.tables
    assert [(c.name, c.type, c.is_key) for c in restaurant.columns] == [
        ("id", "integer", True), ("name", "character varying(50)", False), ("rating", "double precision", False),
        ("city_name", "character varying(50)", False),
    ]  # fmt: skip
    assert (restaurant.description, restaurant.columns[2].description) == ("Places to eat", "Of 5 stars")
    assert restaurant.columns[3].values == ("Paris", "New York", "Osaka")
    (key,) = location.foreign_keys
    assert (key.columns, key.target, key.target_columns) == (("restaurant_id",), "restaurant", ("id",))


def test_files_of_tables_have_a_schema(tmp_path, monkeypatch):
    monkeypatch.setenv("LLMOPT_HOME", str(tmp_path / "home"))
    (tmp_path / "cities.csv").write_text("城市,人口\n北京,21893095\n", encoding="utf-8")
    (table,) = read_schema(DataSource.parse(tmp_path / "cities.csv")).tables
    assert table.name == "cities"
    assert [(c.name, c.type, c.values) for c in table.columns] == [
        ("城市", "VARCHAR", ("北京",)), ("人口", "BIGINT", ("21893095",)),
    ]  # fmt: skip


@pytest.mark.parametrize("engine", ["sqlite", "duckdb"])
def test_a_view_without_an_end_is_shown_without_values(engine, shop, duck):
    import duckdb

    endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) AS m FROM c"
    path = shop if engine == "sqlite" else duck
    connection = sqlite3.connect(path) if engine == "sqlite" else duckdb.connect(str(path))
    connection.execute(f"CREATE VIEW endless AS {endless}")
    connection.commit()
    connection.close()
    views = [table for table in read_schema(DataSource.parse(path)).tables if table.name == "endless"]
    assert [(c.name, c.values) for c in views[0].columns] == [("m", ())]
