"""The stage cache: results keyed by the fingerprint of everything that decides them.

Stages see only the protocol, so each works without a database; `runs` has the one that lasts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol


class Cache(Protocol):
    """Bytes by stage name and key. Values are never changed once written."""

    def get_many(self, stage: str, keys: Iterable[str]) -> dict[str, bytes]:
        """The stored values of those keys that are there."""
        ...

    def put_many(self, stage: str, values: Mapping[str, bytes]) -> None:
        """Store values; a key that is there already keeps its value."""
        ...


class MemoryCache:
    """A cache that lasts as long as the process."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], bytes] = {}

    def get_many(self, stage: str, keys: Iterable[str]) -> dict[str, bytes]:
        """See `Cache.get_many`."""
        return {key: self._values[stage, key] for key in keys if (stage, key) in self._values}

    def put_many(self, stage: str, values: Mapping[str, bytes]) -> None:
        """See `Cache.put_many`."""
        for key, value in values.items():
            self._values.setdefault((stage, key), value)
