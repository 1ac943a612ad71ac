"""A store that lives as long as it is used, for work of which nothing is kept."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llmopt_core.runs.store import Store


@contextmanager
def temporary_store() -> Iterator[Store]:
    """An empty store in a folder of its own; both are gone at the end."""
    with tempfile.TemporaryDirectory(prefix="llmopt-") as folder:
        store = Store(f"sqlite:///{Path(folder) / 'llmopt.db'}", Path(folder))
        try:
            yield store
        finally:
            store.close()
