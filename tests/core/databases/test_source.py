"""What a path or URL names."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmopt_core.databases.source import DataSource
from llmopt_core.errors import BadInput


@pytest.mark.parametrize("form", ["{}", "sqlite:///{}", "SQLITE:///{}"])
def test_sqlite_by_path_and_url(form: str, shop: Path) -> None:
    source = DataSource.parse(form.format(shop))
    assert (source.kind, source.dialect, source.where, source.name) == ("sqlite", "sqlite", str(shop), "shop.sqlite")


def test_relative_urls_and_paths_begin_at_a_folder(shop: Path, duck: Path) -> None:
    assert DataSource.parse("sqlite:///shop.sqlite", shop.parent).where == str(shop)
    assert DataSource.parse("shop.duckdb", duck.parent).kind == "duckdb"
    assert DataSource.parse("duckdb:///shop.duckdb", duck.parent).where == str(duck)


def test_a_file_db_is_what_its_first_bytes_say(shop: Path, duck: Path) -> None:
    one, two = shop.rename(shop.with_name("one.db")), duck.rename(duck.with_name("two.db"))
    assert (DataSource.parse(one).kind, DataSource.parse(two).kind) == ("sqlite", "duckdb")


def test_a_server_is_shown_without_user_and_password() -> None:
    source = DataSource.parse("postgresql+psycopg://ann:pa%2Fss@db.example:5433/shop?password=again")
    assert (source.kind, source.dialect, source.name) == ("postgresql", "postgres", "db.example:5433/shop")
    assert source.where == "postgresql://ann:pa%2Fss@db.example:5433/shop?password=again"
    assert "pa%2Fss" not in repr(source)
    assert "again" not in repr(source)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "No data source is named"),
        ("mysql://ann:secret@h/x", "begins with mysql:// is not known"),
        ("postgresql://h:port/x", "The postgresql:// URL cannot be read"),
        ("none.csv", "does not exist"),
        ("notes.txt", "is no data source"),
        ("sqlite:///", "names no file"),
        ("sqlite:///{folder}", "is a folder"),
    ],
)
def test_what_is_no_source_is_told_without_secrets(text: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
    with pytest.raises(BadInput, match=complaint) as caught:
        DataSource.parse(text.format(folder=tmp_path), tmp_path)
    assert "secret" not in str(caught.value)
