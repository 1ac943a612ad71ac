"""What the auditor says of a gold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

FindingKind = Literal["gold_error", "empty_result", "nondeterministic", "duplicate_sensitive", "passes_by_accident"]
KINDS: tuple[FindingKind, ...] = get_args(FindingKind)
KIND_WORDS: dict[FindingKind, str] = {
    "gold_error": "fails",
    "empty_result": "returns nothing",
    "nondeterministic": "does not always return the same",
    "duplicate_sensitive": "depends on rows that repeat",
    "passes_by_accident": "is right only on this data",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason not to trust a gold.

    Attributes:
        kind: What is wrong.
        reason: One sentence.
        details: What shows it, as JSON can hold it.
    """

    kind: FindingKind
    reason: str
    details: dict[str, Any] = field(default_factory=dict)

    def evidence(self) -> dict[str, Any]:
        """Sentence and details together."""
        return {"reason": self.reason, **self.details}
