"""The indexes this process has open, the least recently used dropped first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from llmopt_core.index.index import Index

# Each holds its vectors in memory; more are hardly compared at once.
LIMIT = 8

_lock = threading.Lock()
_indexes: OrderedDict[Path, Index] = OrderedDict()


def get(folder: Path) -> Index | None:
    """The opened index of that folder; None where it is not open or its folder is gone."""
    with _lock:
        index = _indexes.get(folder)
        if index is None:
            return None
        # Its folder was deleted by another process: what is open would go on answering from an index that is no more.
        if not folder.exists():
            del _indexes[folder]
            return None
        _indexes.move_to_end(folder)
        return index


def put(folder: Path, index: Index) -> Index:
    """Keep an index; one that another thread opened meanwhile wins. Whoever still holds a dropped one can use it."""
    with _lock:
        # Both are equal, being named by their content; one of them is enough.
        index = _indexes.setdefault(folder, index)
        _indexes.move_to_end(folder)
        while len(_indexes) > LIMIT:
            _indexes.popitem(last=False)
        return index


def drop(folder: Path) -> None:
    """Forget the index of that folder."""
    with _lock:  # it need not be there: whoever removes an index does not know who opened it
        _indexes.pop(folder, None)


def close_all() -> None:
    """Drop every index. Each closes its files when nothing holds it any more."""
    with _lock:
        _indexes.clear()
