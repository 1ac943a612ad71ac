"""Values under the key they belong to."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def group_values(pairs: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    """The values of each key, keys and values in the order in which they come."""
    groups: dict[K, list[V]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups


def connected_groups(keys: Iterable[Iterable[Hashable]]) -> list[list[int]]:
    """Places of the items that hang together because they share a key, directly or through others; first come first."""
    above: list[int] = []

    def root(place: int) -> int:
        while above[place] != place:
            # Halves the way for whoever asks next.
            above[place] = above[above[place]]
            place = above[place]
        return place

    first_place: dict[Hashable, int] = {}
    for place, own_keys in enumerate(keys):
        above.append(place)
        for key in own_keys:
            one, other = sorted((root(place), root(first_place.setdefault(key, place))))
            above[other] = one
    return list(group_values((root(place), place) for place in range(len(above))).values())
