"""What a start of the program does first, and its end last. Imports nothing heavy."""

from __future__ import annotations

import gc

# New objects before a collection; Python's own number is hundreds or a few thousand. Larger keeps circles of dead
# objects for longer.
_OBJECTS = 100_000


def start_quickly() -> None:
    """Let the collector of reference cycles look less often.

    Importing makes some hundred thousand objects that live to the end; by default they would be looked through again
    and again, which takes a tenth of a start.
    """
    gc.set_threshold(_OBJECTS, 10, 10)


def end_quickly() -> None:
    """Spare the interpreter its last search for reference cycles, which takes a third of a second; all ends anyway."""
    gc.freeze()
