"""Fixtures of the retrieval lab's tests: see `tests/engine_lab.py`."""

from tests.engine_lab import calls, lab

__all__ = ["calls", "lab"]
