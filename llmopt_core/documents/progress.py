"""How far the reading of one file is."""

from __future__ import annotations

from collections.abc import Callable

OnPart = Callable[[int, int, str], None]
"""Told how many parts are read, how many there are, and what a part is: a `page` or a `file`."""


def ignore_parts(count: int, total: int, what: str) -> None:
    """Nobody watches."""
