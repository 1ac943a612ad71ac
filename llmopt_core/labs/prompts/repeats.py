"""What repeated answers of one cell come to, in words."""

from __future__ import annotations

from llmopt_core.labs.prompts.grid import EMPTY, Cell
from llmopt_core.text.words import shorten
from llmopt_core.types import Record

# Characters of a message in a cell.
_LONGEST = 120


def stability(cell: Cell) -> list[str]:
    """How stable the answer is, where it was asked more than once: how many came, say the same, passed, and failed."""
    # What was not asked says nothing about stability.
    records = [record for record in cell.repeats if record is None or not record.not_run]
    if len(records) < 2:
        return []
    parts = [f"{len(cell.texts)} of {len(records)} repeats"]
    if cell.same is not None:
        parts.append(f"{cell.same:.0%} say the same")
    pass_count, verdict_count = cell.passes
    parts += [f"{pass_count} of {verdict_count} passed"] if verdict_count else []
    failures = [record.failure.message for record in records if record is not None and record.failure is not None]
    # The first message stands for all: repeats mostly fail alike.
    return [*parts, f"{len(failures)} failed: {shorten(failures[0], _LONGEST)}"] if failures else parts


def repeat_texts(cell: Cell) -> list[str]:
    """Every answer of a cell that was asked more than once, or why there is none; numbered by the repeat."""
    if len(cell.repeats) < 2:
        return []
    return [f"{number}. {_answer_text(record)}" for number, record in enumerate(cell.repeats, 1)]


def _answer_text(record: Record | None) -> str:
    if record is None:
        return "(not answered)"
    if record.failure is not None:
        return f"(failed: {record.failure.message})"
    if record.answer is None:
        return f"({record.not_run})"
    return record.answer.text if record.answer.text.strip() else EMPTY
