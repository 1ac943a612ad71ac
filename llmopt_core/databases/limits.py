"""What one query may take."""

from __future__ import annotations

from pydantic import Field

from llmopt_core.types import Spec


class QueryLimits(Spec):
    """What one query may take; the first limit that is reached ends it, or cuts its rows.

    Attributes:
        seconds: By the clock, and of processor time.
        memory: Bytes of the process that runs it, beyond what it holds when it begins.
        rows: Rows that are read; the rest is left out.
        result_bytes: Bytes that are read, counted over all cells.
        text: Characters of the query.
    """

    seconds: float = Field(default=10.0, gt=0, le=3600)
    memory: int = Field(default=512_000_000, ge=64_000_000)
    rows: int = Field(default=10_000, ge=1)
    result_bytes: int = Field(default=10_000_000, ge=1_000)
    text: int = Field(default=100_000, ge=1)
