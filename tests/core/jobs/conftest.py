"""Fixtures of the tests of jobs: see `tests/engine_lab.py`."""

from tests.engine_lab import calls, lab

__all__ = ["calls", "lab"]
