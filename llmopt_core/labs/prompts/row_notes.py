"""What people note on the rows of a comparison: a thumb and a comment, kept with the project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from llmopt_core.experiments.comparison import NOTES, Comparison
from llmopt_core.runs.store import Store

Thumb = Literal["", "up", "down"]


@dataclass(frozen=True, slots=True)
class RowNote:
    """A thumb up, down or none, and a comment."""

    thumb: Thumb = ""
    comment: str = ""

    @property
    def text(self) -> str:
        """`Thumb up: Good answers`; empty where nothing was noted."""
        thumb = {"up": "Thumb up", "down": "Thumb down", "": ""}[self.thumb]
        return ": ".join(part for part in (thumb, self.comment) if part)


def save_note(store: Store, comparison: Comparison, example_id: str, note: RowNote) -> None:
    """Keep what was noted on a row in place of what was there; an empty note goes."""

    def change(before: Mapping[str, Any] | None) -> dict[str, Any]:
        others = {key: one for key, one in (before or {}).items() if key != example_id}
        # Emptied notes leave no trace, so a file of notes holds what somebody said.
        return {**others, example_id: asdict(note)} if note.text else others

    store.change_draft(comparison.project, NOTES, comparison.id, change)


def row_notes(store: Store, comparison: Comparison) -> Mapping[str, RowNote]:
    """What was noted, by the id of the example."""
    draft = store.draft(comparison.project, NOTES, comparison.id) or {}
    return {key: RowNote(one["thumb"], one["comment"]) for key, one in draft.items()}


def thumbs_down(store: Store, comparison: Comparison) -> frozenset[str]:
    """The examples whose rows got a thumb down."""
    return frozenset(key for key, note in row_notes(store, comparison).items() if note.thumb == "down")
