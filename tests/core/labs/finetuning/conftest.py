"""A store with one project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from llmopt_core.runs.store import Store
from llmopt_core.settings import Settings


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(Settings(home=tmp_path / "home"))
    opened.ensure_project("p")
    yield opened
    opened.close()
