"""Fixtures of the tests of evaluations as jobs: see `tests/engine_lab.py`."""

from tests.engine_lab import lab

__all__ = ["lab"]
