"""The ladder of the talk *A Survey of Techniques for Maximizing LLM Performance*, as an example of what one looks like.

The talk tells four numbers, and which techniques were kept and dropped on the way; what it does not tell is missing.
"""

from __future__ import annotations

from llmopt_core.labs.evaluation.ladder.proposal import BASELINE
from llmopt_core.labs.evaluation.ladder.rung import Ladder, Proposal, Rung, Section, State
from llmopt_core.statistics.intervals import Summary

SOURCE = "the talk A Survey of Techniques for Maximizing LLM Performance"

_STEPS: tuple[tuple[str, State, float | None, float | None, str], ...] = (
    ("Search by cosine similarity", "baseline", 0.45, None, "the baseline of the talk"),
    ("HyDE", "dropped", None, None, "tried and dropped"),
    ("Fine-tuned embeddings", "dropped", None, None, "tried and dropped"),
    ("Chunking", "kept", 0.65, 0.20, "45 → 65 %"),
    ("Reranking, classification", "kept", 0.85, 0.20, "65 → 85 %, both together"),
    ("Tools, query expansion", "kept", 0.98, 0.13, "85 → 98 %, both together"),
)


def talk_ladder() -> Ladder:
    """45 → 65 → 85 → 98 %. No run stands behind it, so it has no intervals and no verdicts."""
    rungs: list[Rung] = []
    for position, (name, state, value, gain, reason) in enumerate(_STEPS, start=1):
        parent = next((rung.name for rung in reversed(rungs) if rung.is_kept), "")
        proposal = BASELINE if state == "baseline" else Proposal(state, reason)
        summary = Summary(value, None, None, 0, 0)
        rungs.append(Rung(position, name, None, "", proposal, summary, parent=parent, gain=gain))
    section = Section("questions of the talk", "", "", None, tuple(rungs))
    return Ladder(SOURCE, "Accuracy", True, (section,))
