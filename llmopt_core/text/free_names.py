"""A name that is not taken yet."""

from __future__ import annotations

from collections.abc import Container
from itertools import count


def free_name(name: str, names: Container[str], form: str = "{} ({})") -> str:
    """The name itself where it is free, else with the first number that is.

    Args:
        name: Preferred.
        names: Those that are taken.
        form: How name and number are written.
    """
    # From 2 on: the first of a name has no number.
    return name if name not in names else next(new for n in count(2) if (new := form.format(name, n)) not in names)
