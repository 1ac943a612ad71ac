"""The stage cache that lasts: see `llmopt_core.cache`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from llmopt_core.runs.engine import Database
from llmopt_core.runs.tables import now
from llmopt_core.runs.tables_runs import cache

_AT_ONCE = 500


class StoreCache:
    """A cache in the workspace's database, shared by every process that works on it.

    Attributes:
        reads_at_once: Whether a look takes less time than handing it to another thread.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.reads_at_once = database.is_sqlite
        self._insert = database.insert_new(cache)

    def get_many(self, stage: str, keys: Iterable[str]) -> dict[str, bytes]:
        """See `Cache.get_many`."""
        wanted = list(dict.fromkeys(keys))
        parts = [wanted[start : start + _AT_ONCE] for start in range(0, len(wanted), _AT_ONCE)]
        found: dict[str, bytes] = {}
        if self._database.is_sqlite:
            with self._database.driver() as driver:
                for part in parts:
                    found.update(driver.execute(_READ.format(", ".join("?" * len(part))), (stage, *part)))
            return found
        with self._database.read() as connection:
            for part in parts:
                found.update(row for row in connection.execute(_QUERY, {"stage": stage, "keys": part}))
        return found

    def put_many(self, stage: str, values: Mapping[str, bytes]) -> None:
        """See `Cache.put_many`."""
        if not values:
            return
        moment = now()
        if self._database.is_sqlite:
            seconds = moment.timestamp()
            with self._database.driver(writes=True) as driver:
                driver.executemany(_WRITE, [(stage, key, value, seconds) for key, value in values.items()])
            return
        rows = [{"stage": stage, "key": key, "value": value, "saved_at": moment} for key, value in values.items()]
        with self._database.write() as connection:
            connection.execute(self._insert, rows)

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Per stage how many values there are, and how many bytes they take."""
        query = sa.select(cache.c.stage, sa.func.count(), sa.func.sum(sa.func.length(cache.c.value))).group_by(
            cache.c.stage
        )
        with self._database.read() as connection:
            return {stage: (count, int(size)) for stage, count, size in connection.execute(query)}

    def clear(self, stage: str | None = None) -> None:
        """Forget the values of one stage, or all. What is cleared is computed, and paid for, again."""
        statement = sa.delete(cache) if stage is None else sa.delete(cache).where(cache.c.stage == stage)
        with self._database.write() as connection:
            connection.execute(statement)


_READ = "SELECT key, value FROM cache WHERE stage = ? AND key IN ({})"
_WRITE = "INSERT OR IGNORE INTO cache (stage, key, value, saved_at) VALUES (?, ?, ?, ?)"
_QUERY = sa.select(cache.c.key, cache.c.value).where(
    cache.c.stage == sa.bindparam("stage"), cache.c.key.in_(sa.bindparam("keys", expanding=True))
)
