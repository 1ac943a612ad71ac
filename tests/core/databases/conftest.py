from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from llmopt_core.databases.source import DataSource
from tests.postgres import postgres, postgres_url  # noqa: F401

SCRIPT = """
CREATE TABLE restaurant (
    id INTEGER PRIMARY KEY, name VARCHAR(50) NOT NULL, rating DOUBLE PRECISION, city_name VARCHAR(50)
);
CREATE TABLE location (
    restaurant_id INTEGER REFERENCES restaurant(id), street_name VARCHAR(50), city_name VARCHAR(50)
);
CREATE TABLE geographic (city_name VARCHAR(50) PRIMARY KEY, region VARCHAR(50));
INSERT INTO restaurant VALUES
    (1, 'Asador', 4.5, 'New York'), (2, 'Bento', 3.9, 'Osaka'), (3, 'Caldo', NULL, 'New York'), (4, 'D', 3.5, 'Paris'),
    (5, 'E', 3.5, 'Paris'), (6, 'F', 3.5, 'Paris'), (7, 'G', 3.5, 'Paris'), (8, 'H', 3.5, 'Paris'),
    (9, 'I', 3.5, 'Paris'), (10, 'J', 3.5, 'Paris'), (11, 'K', 3.5, 'Paris');
INSERT INTO location VALUES (1, 'Broadway', 'New York'), (2, 'Midosuji', 'Osaka');
INSERT INTO geographic VALUES ('New York', 'East'), ('Osaka', 'Kansai');
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A small SQLite database."""
    path = tmp_path / "shop.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(SCRIPT)
    connection.commit()
    connection.close()
    return path


@pytest.fixture
def duck(tmp_path: Path) -> Path:
    """The same in DuckDB."""
    import duckdb

    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(SCRIPT)
    return path


@pytest.fixture
def server(postgres_url: str) -> str:  # noqa: F811
    """The same in PostgreSQL: its URL."""
    import psycopg

    url = postgres_url.replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SCRIPT)
    return url


@pytest.fixture
def source_of(request: pytest.FixtureRequest) -> Callable[[str], DataSource]:
    """The source that speaks a dialect, by sqlglot's name."""
    fixtures = {"sqlite": "shop", "duckdb": "duck", "postgres": "server"}

    def find(dialect: str) -> DataSource:
        return DataSource.parse(request.getfixturevalue(fixtures[dialect]))

    return find
