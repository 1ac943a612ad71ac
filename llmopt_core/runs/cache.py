"""The stage cache that lasts: see `llmopt_core.cache`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from llmopt_core.execution.spending import STAGE as SPENT
from llmopt_core.runs.engine import Database
from llmopt_core.runs.owner import is_claimed, owner_values
from llmopt_core.runs.reconnect import retrying
from llmopt_core.runs.tables import Moment, now
from llmopt_core.runs.tables_runs import cache, claims

# SQLite takes at most 999 parameters in a statement of older versions.
_AT_ONCE = 500


@retrying
class StoreCache:
    """A cache in the workspace's database, shared by every process that works on it.

    Attributes:
        reads_at_once: Whether a look takes less time than handing it to another thread.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.reads_at_once = database.is_sqlite
        self._insert = database.insert_new(cache)
        self._claim = database.insert_new(claims)

    def get_many(self, stage: str, keys: Iterable[str]) -> dict[str, bytes]:
        """See `Cache.get_many`."""
        # The same key may be wanted twice; each would take a parameter.
        distinct_keys = list(dict.fromkeys(keys))
        parts = _parts(distinct_keys)
        values: dict[str, bytes] = {}
        # Read for every call and every text, thousands of times in a run: see `Database.driver`.
        if self.database.is_sqlite:
            with self.database.driver() as driver:
                for part in parts:
                    values.update(driver.execute(_READ.format(", ".join("?" * len(part))), (stage, *part)))
            return values
        with self.database.read() as connection:
            for part in parts:
                values.update(row for row in connection.execute(_QUERY, {"stage": stage, "keys": part}))
        return values

    def put_many(self, stage: str, values: Mapping[str, bytes]) -> None:
        """See `Cache.put_many`."""
        if not values:
            return
        moment = now()
        if self.database.is_sqlite:
            seconds = moment.timestamp()
            with self.database.driver(writes=True) as driver:
                driver.executemany(_WRITE, [(stage, key, value, seconds) for key, value in values.items()])
                # In the same transaction, so that whoever waits for the value never sees neither value nor claim.
                driver.executemany(_UNCLAIM, [(stage, key) for key in values])
            return
        rows = [
            {"stage": stage, "key": key, "value": value, "saved_at": moment} for key, value in sorted(values.items())
        ]
        with self.database.write() as connection:
            connection.execute(self._insert, rows)
            for part in _parts(list(values)):
                connection.execute(sa.delete(claims).where(claims.c.stage == stage, claims.c.key.in_(part)))

    def replace_many(self, stage: str, values: Mapping[str, bytes]) -> None:
        """See `SupportsReplace.replace_many`."""
        moment = now()
        # In one order everywhere, as in `claim_many`.
        rows = [{"stage": stage, "key": key, "value": values[key], "saved_at": moment} for key in sorted(values)]
        with self.database.write() as connection:
            connection.execute(_REPLACE, rows)

    def starting_with(self, stage: str, prefix: str) -> dict[str, bytes]:
        """See `SupportsReplace.starting_with`."""
        # Escaped: `%` and `_` in a prefix mean themselves.
        query = sa.select(cache.c.key, cache.c.value).where(
            cache.c.stage == stage, cache.c.key.startswith(prefix, autoescape=True)
        )
        with self.database.read() as connection:
            return {key: bytes(value) for key, value in connection.execute(query)}

    def claim_many(self, stage: str, tokens: Mapping[str, str]) -> set[str]:
        """See `SupportsClaim.claim_many`. Claims of another host, whose processes cannot be asked, end in time."""
        # In one order everywhere, or two writers could each wait for a row of the other.
        ordered_keys, owner = sorted(tokens), owner_values()
        rows = [{"stage": stage, "key": key, "token": tokens[key], **owner} for key in ordered_keys]
        claimed_keys: set[str] = set()
        with self.database.write() as connection:
            # New claims are added, those that are there stay; which of all are ours is seen below.
            connection.execute(self._claim, rows)
            for part in _parts(ordered_keys):
                # SQLite knows no locks of rows, and leaves this one out: there the transaction has the lock of the
                # whole file.
                query = sa.select(claims).where(claims.c.stage == stage, claims.c.key.in_(part)).with_for_update()
                for row in map(dict, connection.execute(query).mappings()):
                    token = tokens[row["key"]]
                    if row["token"] != token and is_claimed(row):
                        continue
                    claimed_keys.add(row["key"])
                    if row["token"] != token:
                        condition = sa.and_(claims.c.stage == stage, claims.c.key == row["key"])
                        connection.execute(sa.update(claims).where(condition).values(token=token, **owner))
        return claimed_keys

    def release_many(self, stage: str, tokens: Mapping[str, str]) -> None:
        """See `SupportsClaim.release_many`."""
        with self.database.write() as connection:
            for key in sorted(tokens):
                # The token keeps a late release from ending the claim of whoever took the work over.
                condition = sa.and_(claims.c.stage == stage, claims.c.key == key, claims.c.token == tokens[key])
                connection.execute(sa.delete(claims).where(condition))

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Per stage how many values there are, and how many bytes they take."""
        query = sa.select(cache.c.stage, sa.func.count(), sa.func.sum(sa.func.length(cache.c.value))).group_by(
            cache.c.stage
        )
        with self.database.read() as connection:
            return {stage: (count, int(size)) for stage, count, size in connection.execute(query)}

    def forget_many(self, stage: str, keys: Iterable[str]) -> None:
        """See `SupportsForget`."""
        with self.database.write() as connection:
            for part in _parts(list(keys)):
                connection.execute(sa.delete(cache).where(cache.c.stage == stage, cache.c.key.in_(part)))

    def clear(self, stage: str | None = None) -> None:
        """Forget the values of one stage, or all. What is cleared is computed, and paid for, again.

        What was spent was spent: those sums go only with the workspace, or when they are named.
        """
        condition = cache.c.stage != SPENT if stage is None else cache.c.stage == stage
        statement = sa.delete(cache).where(condition)
        with self.database.write() as connection:
            connection.execute(statement)


def _parts(keys: list[str]) -> list[list[str]]:
    return [keys[start : start + _AT_ONCE] for start in range(0, len(keys), _AT_ONCE)]


# SQLite (since 3.24) and PostgreSQL read the same words.
_REPLACE = sa.text(
    "INSERT INTO cache (stage, key, value, saved_at) VALUES (:stage, :key, :value, :saved_at) "
    "ON CONFLICT (stage, key) DO UPDATE SET value = excluded.value, saved_at = excluded.saved_at"
).bindparams(sa.bindparam("value", type_=sa.LargeBinary), sa.bindparam("saved_at", type_=Moment))
_UNCLAIM = "DELETE FROM claims WHERE stage = ? AND key = ?"
_READ = "SELECT key, value FROM cache WHERE stage = ? AND key IN ({})"
# The first value stays: others may have gone on with it, and a key stands for one value.
_WRITE = "INSERT OR IGNORE INTO cache (stage, key, value, saved_at) VALUES (?, ?, ?, ?)"
# With room for any number of keys, so that it is compiled once.
_QUERY = sa.select(cache.c.key, cache.c.value).where(
    cache.c.stage == sa.bindparam("stage"), cache.c.key.in_(sa.bindparam("keys", expanding=True))
)
