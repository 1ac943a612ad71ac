"""Which wait for an answer was over, and after how many seconds."""

from __future__ import annotations


class PieceTimeoutError(TimeoutError):
    """A stream said nothing more for so many seconds.

    Args:
        seconds: That were waited.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class WholeTimeoutError(PieceTimeoutError):
    """A stream went on, but was not at its end after so many seconds."""
