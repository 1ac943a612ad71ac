"""The stage cache: results keyed by the fingerprint of everything that decides them.

Stages see only the protocol, so each works without a database; `runs` has the one that lasts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, runtime_checkable


class Cache(Protocol):
    """Bytes by stage name and key. Values are never changed once written."""

    def get_many(self, stage: str, keys: Iterable[str]) -> dict[str, bytes]:
        """The stored values of those keys that are there."""

    def put_many(self, stage: str, values: Mapping[str, bytes]) -> None:
        """Store values; a key that is there already keeps its value."""


@runtime_checkable
class SupportsClaim(Protocol):
    """A cache that several processes share can say who computes what is not in it yet, so that it is paid for once."""

    def claim_many(self, stage: str, tokens: Mapping[str, str]) -> set[str]:
        """Claim keys, each under a token. Gives those that are this caller's now; the others are being worked on.

        A claim ends when its value is stored, when it is released, and with its process.
        """

    def release_many(self, stage: str, tokens: Mapping[str, str]) -> None:
        """Give claims back without a value; those of other tokens stay."""


@runtime_checkable
class SupportsForget(Protocol):
    """A cache that lasts may hold what is damaged, and a new value takes no old one's place."""

    def forget_many(self, stage: str, keys: Iterable[str]) -> None:
        """Remove values."""


@runtime_checkable
class SupportsReplace(Protocol):
    """A cache that lasts can keep what changes, too."""

    def replace_many(self, stage: str, values: Mapping[str, bytes]) -> None:
        """Store values in the place of older ones."""

    def starting_with(self, stage: str, prefix: str) -> dict[str, bytes]:
        """The values whose keys begin so."""


def drop_damaged_values(
    cache: Cache, stage: str, values: Mapping[str, bytes], is_whole: Callable[[bytes], bool]
) -> dict[str, bytes]:
    """The values that are whole; the others are removed and count as absent."""
    whole = {key: value for key, value in values.items() if is_whole(value)}
    # Removed, as a stored value is never replaced: the damaged one would be made anew and thrown away each time.
    if len(whole) < len(values) and isinstance(cache, SupportsForget):
        cache.forget_many(stage, values.keys() - whole.keys())
    return whole


# Smaller asks the database more often, larger lets a finished answer lie; calls take seconds.
CLAIM_POLL_SECONDS = 0.25
"""How often to look whether work that another process has claimed is done."""


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
            # The first value stays: others may have worked with it already.
            self._values.setdefault((stage, key), value)

    def replace_many(self, stage: str, values: Mapping[str, bytes]) -> None:
        """See `SupportsReplace.replace_many`."""
        self._values.update({(stage, key): value for key, value in values.items()})

    def starting_with(self, stage: str, prefix: str) -> dict[str, bytes]:
        """See `SupportsReplace.starting_with`."""
        # A copy, made in one step: other threads store values meanwhile.
        values = self._values.copy()
        return {key: value for (of, key), value in values.items() if of == stage and key.startswith(prefix)}
