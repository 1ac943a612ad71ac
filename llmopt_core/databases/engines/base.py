"""What every engine does, and how rows are read within a cap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from llmopt_core.databases.allow_list import Names
from llmopt_core.databases.limits import QueryLimits

# What a number, a date or a missing value counts as.
_SMALL_CELL = 16


class EngineError(Exception):
    """The database cannot be used, or does not take the query; one sentence, fit for the user."""


class SourceError(EngineError):
    """The source is locked, damaged or gone: no fault of the query."""


class QueryRefusal(Exception):
    """A lock of the engine refused the query; one sentence."""


class QueryStop(Exception):
    """A limit stopped the query.

    Args:
        limit: `time`, `memory`, or `engine` for a limit of the engine's own.
        detail: Which one, in the engine's words.
    """

    def __init__(self, limit: Literal["time", "memory", "engine"], detail: str = "") -> None:
        super().__init__(limit)
        self.limit, self.detail = limit, detail


@dataclass(frozen=True, slots=True)
class Result:
    """Columns and rows that were read.

    Attributes:
        cut: Which cap left rows out, `rows` or `bytes`; empty where all were read.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    cut: str = ""


class Engine(Protocol):
    """An open, locked database."""

    @property
    def names(self) -> Names:
        """What the database calls its own."""

    def is_current(self) -> bool:
        """Whether it is still open on the same database."""

    def run(self, sql: str, limits: QueryLimits) -> Result:
        """Run one query that was looked at before.

        Raises:
            EngineError: The engine complains.
            QueryRefusal: A lock of the engine refuses.
            QueryStop: It ran into a limit of the engine.
        """

    def close(self) -> None:
        """Let go of the database."""


def read_rows(rows: Iterable[Sequence[Any]], limits: QueryLimits) -> tuple[tuple[tuple[Any, ...], ...], str]:
    """Rows up to the caps, and which cap left some out; see `Result.cut`."""
    found: list[tuple[Any, ...]] = []
    size = 0
    for row in rows:
        # Looked at with the next row in hand: exactly as many rows as the cap are all of them.
        if len(found) == limits.rows:
            return tuple(found), "rows"
        size += sum(map(cell_size, row))
        if size > limits.result_bytes:
            return tuple(found), "bytes"
        found.append(tuple(row))
    return tuple(found), ""


def cell_size(value: Any) -> int:
    """About how many bytes a cell is."""
    if isinstance(value, str | bytes):
        return _SMALL_CELL + len(value)
    if isinstance(value, list | tuple):
        return _SMALL_CELL + sum(map(cell_size, value))
    if isinstance(value, dict):
        return _SMALL_CELL + sum(cell_size(key) + cell_size(item) for key, item in value.items())
    if isinstance(value, int):
        return _SMALL_CELL + value.bit_length() // 8
    return _SMALL_CELL


def file_mark(path: Path) -> tuple[int, int, int, int] | None:
    """What tells that a path leads to the same, unchanged file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
