"""How many questions of a run its tuned parts have learned from, in numbers, in words, and in comparisons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from pydantic import ValidationError

from llmopt_core.statistics.paired_comparison import Comparison
from llmopt_core.types import Spec

PartKind = Literal[
    "model", "embedding model", "few-shot examples", "few-shot choice", "instruction",
    "chunking", "number of chunks", "components", "solved queries",
]  # fmt: skip
SETTINGS = frozenset(("chunking", "number of chunks", "components"))
"""Parts that are numbers and switches: chosen on questions, they flatter a score, but hold nothing of an answer."""


# A sentence names so many configurations.
_MOST_NAMES = 3


def describe_closeness(exact: int, near: int) -> str:
    """`(40 word for word, 4 nearly)`; only what there is."""
    if exact and near:
        return f"({exact:,} word for word, {near:,} nearly)"
    return "(nearly word for word)" if near else "(word for word)"


class TrainedPart(Spec):
    """Something in a configuration that learned from data.

    Attributes:
        name: Of the tuned model; empty for parts of the prompt.
        source: Where the data is from, such as a fine-tuning job or a search; empty where it is not known.
        known: Whether the data could be looked at.
        exact, near: How many questions stand in the data word for word, and nearly.
    """

    kind: PartKind
    name: str = ""
    source: str = ""
    known: bool = True
    exact: int = 0
    near: int = 0

    def sentence(self, questions: int) -> str:
        """`44 of 48 questions stand in the training data of support (40 word for word, 4 nearly)`."""
        share = f"{self.exact + self.near} of {questions} questions"
        how = describe_closeness(self.exact, self.near)
        if self.kind == "few-shot examples":
            return f"{share} stand among the few-shot examples {how}"
        if self.kind == "solved queries":
            return f"the right query of {share} stands among the solved queries under another wording of the question"
        if self.kind in ("instruction", "few-shot choice"):
            what = "instruction" if self.kind == "instruction" else "few-shot examples"
            return f"{share} chose the {what} in a search {how}"
        if self.kind in SETTINGS:
            return f"{share} chose the {self.kind} ({self.source})"
        return f"{share} stand in the training data of {self.name} {how}"


class TrainingOverlap(Spec):
    """What the tuned parts of a run have learned from, against the questions it was asked.

    Attributes:
        questions: How many it was asked.
        exact, near: How many of them stand in the data of any part; word for word, or only nearly.
        chosen: How many of them chose a setting, such as the chunking, in a sweep.
        looks: Configurations that were asked these never-seen questions before, by name.
        parts: All that was tuned; empty where nothing was.
    """

    questions: int
    exact: int = 0
    near: int = 0
    chosen: int = 0
    looks: tuple[str, ...] = ()
    parts: tuple[TrainedPart, ...] = ()

    @property
    def overlap_count(self) -> int:
        """How many questions were trained on."""
        return self.exact + self.near

    @property
    def unknown_parts(self) -> tuple[str, ...]:
        """Names of tuned parts whose training data is not known."""
        return tuple(dict.fromkeys(part.name or part.kind for part in self.parts if not part.known))

    @property
    def warning(self) -> str:
        """One sentence for the user on questions that were trained on; empty where there are none."""
        sentences = self._sentences(settings=False)
        return f"{sentences}: its score shows what it has seen, not what it can do." if sentences else ""

    @property
    def choice_note(self) -> str:
        """One sentence on settings that were chosen on the questions; empty where none were."""
        sentences = self._sentences(settings=True)
        return (
            f"{sentences}: its score here flatters it; confirm it on questions that chose nothing." if sentences else ""
        )

    @property
    def looks_note(self) -> str:
        """One sentence on who was asked the never-seen questions before; empty where nobody was."""
        if not self.looks:
            return ""
        names = ", ".join(self.looks[:_MOST_NAMES])
        more = f" and {len(self.looks) - _MOST_NAMES} more" if len(self.looks) > _MOST_NAMES else ""
        return (
            f"The never-seen questions were asked before, of {names}{more}: what was chosen after those numbers were "
            "looked at has seen them."
        )

    def _sentences(self, *, settings: bool) -> str:
        return "; ".join(
            part.sentence(self.questions)
            for part in self.parts
            if part.exact + part.near and (part.kind in SETTINGS) == settings
        )

    @property
    def note(self) -> str:
        """One sentence on training data that is not known; empty where all of it is."""
        if not self.unknown_parts:
            return ""
        return f"Training data unknown: {', '.join(self.unknown_parts)} may have learned from these questions."


def overlap_from(values: Mapping[str, Any] | None) -> TrainingOverlap | None:
    """What was stored or written to a result; None where nothing was, or another version of the program wrote it."""
    try:
        return None if values is None else TrainingOverlap.model_validate(values)
    except ValidationError:
        return None


def withhold_verdict(comparison: Comparison, *, knows_a: bool, knows_b: bool) -> Comparison:
    """The comparison without a verdict that a run owes to questions it was trained on.

    Such a run is never called the better one; that it is worse all the same stays.

    Args:
        comparison: Of `b` against the baseline `a`.
        knows_a: Whether `a` was trained on questions of the set.
        knows_b: Whether `b` was.
    """
    # The one that is ahead owes it, if it knew the questions; ahead of such a run the other one has earned it all the
    # more.
    is_unfair = knows_b if comparison.verdict == "better" else knows_a and comparison.verdict == "worse"
    return replace(comparison, verdict="not comparable") if is_unfair else comparison
