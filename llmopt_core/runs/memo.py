"""Long lists that are asked for again and again: only what has changed is read again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from llmopt_core.runs.engine import Database

T = TypeVar("T")
Stamp = tuple[Any, ...]

# Ids in one statement; SQLite takes 32,766 since 3.32, PostgreSQL 65,535.
_AT_ONCE = 5000


class Memo(Generic[T]):
    """Values of one kind as they were last read, each with a stamp that changes whenever its row does.

    Args:
        database: Where they are.
        stamps: Selects id and stamp of the rows, in the order of the list.
        load: Reads values by id.
    """

    def __init__(
        self, database: Database, stamps: sa.Select[Any], load: Callable[[Sequence[int]], Mapping[int, T]]
    ) -> None:
        self._database = database
        self._stamps = stamps
        self._load = load
        self._lists: dict[Hashable, tuple[int | None, list[Stamp], list[T]]] = {}
        self._lock = threading.Lock()

    def current(self, scope: Hashable, *where: sa.ColumnElement[bool]) -> list[T]:
        """The list as it is now.

        Args:
            scope: Names this part of the table; everything that decides `where`, and the values beside their rows.
            where: Which rows.
        """
        # Asked before the stamps are read: what changes meanwhile is seen the next time.
        version = self._database.version()
        with self._lock:
            cached_version, stamps, values = self._lists.get(scope, (None, [], []))
        # None on a server, where the stamps are compared each time.
        if version is None or version != cached_version:
            # Outside the lock: a long read keeps nobody waiting, and two at once only do the same twice.
            stamps, values = self._read(stamps, values, self._stamps.where(*where))
            with self._lock:
                self._lists[scope] = version, stamps, values
        # A copy, which the caller may sort or cut.
        return list(values)

    def _read(self, old: list[Stamp], values: list[T], query: sa.Select[Any]) -> tuple[list[Stamp], list[T]]:
        with self._database.read() as connection:
            # Straight from the driver: thousands of rows are not worth an object each.
            stamps = list(connection.execute(query).cursor.fetchall())
        if stamps == old:
            return old, values
        cached_values = dict(zip(old, values, strict=True))
        changed_ids = [stamp[0] for stamp in stamps if stamp not in cached_values]
        loaded_values: dict[int, T] = {}
        for start in range(0, len(changed_ids), _AT_ONCE):
            loaded_values.update(self._load(changed_ids[start : start + _AT_ONCE]))
        # What was deleted since the stamps were read is not there any more.
        merged_values = {
            stamp: cached_values[stamp] if stamp in cached_values else loaded_values.get(stamp[0]) for stamp in stamps
        }
        current_values = {stamp: value for stamp, value in merged_values.items() if value is not None}
        return list(current_values), list(current_values.values())
