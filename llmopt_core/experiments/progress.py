"""How far a run is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from llmopt_core.types import Usage


@dataclass(frozen=True, slots=True)
class RunProgress:
    """A moment of a run.

    Attributes:
        stage: `indexing` counts texts, `answering` counts records.
        cached: Records so far that cost no call.
        usage: Of the whole run, earlier sessions included.
        seconds: Since this session started.
        seconds_left: None until something is known.
        left_usd: Of the budget, which other runs may share; None without one.
    """

    run_id: int
    configuration: str
    stage: Literal["indexing", "answering"]
    done: int
    total: int
    failed: int = 0
    cached: int = 0
    usage: Usage = Usage()
    seconds: float = 0.0
    seconds_left: float | None = None
    left_usd: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a job's progress in the store."""
        return asdict(self)
