"""Fixtures of the tests of all labs: see `tests/engine_lab.py`."""

from tests.engine_lab import lab

__all__ = ["lab"]
