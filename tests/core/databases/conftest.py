from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A small SQLite database."""
    path = tmp_path / "shop.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(
        """
        CREATE TABLE restaurant (id INTEGER PRIMARY KEY, name TEXT NOT NULL, rating REAL, city_name TEXT);
        INSERT INTO restaurant VALUES
            (1, 'Asador', 4.5, 'New York'), (2, 'Bento', 3.9, 'Osaka'), (3, 'Caldo', NULL, 'New York');
        """
    )
    connection.commit()
    connection.close()
    return path
