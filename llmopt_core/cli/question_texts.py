"""What `llmopt questions` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from llmopt_core.cli.output import table

if TYPE_CHECKING:
    from llmopt_core.documents.question_diff import SetDiff
    from llmopt_core.runs.question_splits import Split
    from llmopt_core.types import EvaluationSet


def describe_sizes(sizes: Mapping[str, int] | None) -> str:
    """`10 search, 5 confirm, 5 never seen`; empty where nothing is split."""
    return "" if sizes is None else ", ".join(f"{size} {part}" for part, size in sizes.items())


def describe_split(questions: EvaluationSet, made: Split) -> str:
    """How many questions of each category stand in each part, and what is odd about it."""
    from llmopt_core.types.parts import PARTS

    counts: dict[str, dict[str, int]] = {}
    for example in questions.examples:
        row = counts.setdefault(example.category or "(no category)", dict.fromkeys(PARTS, 0))
        row[made.parts[example.id]] += 1
    rows = [[category, *(str(row[part]) for part in PARTS)] for category, row in sorted(counts.items())]
    total = ["all", *(str(size) for size in made.sizes.values())]
    text = table([questions.name, *PARTS], [*(rows if len(rows) > 1 else []), total])
    return "\n".join([text, *(f"Note: {line}" for line in made.notes)])


def describe_diff(before: EvaluationSet, after: EvaluationSet, found: SetDiff) -> str:
    """The difference line by line."""
    from llmopt_core.text.words import shorten

    lines = [f"{before.name} {before.version} -> {after.name} {after.version}: {found.summary}"]
    lines += [f"- {one.id}: {shorten(one.question)}" for one in found.removed]
    lines += [f"+ {one.id}: {shorten(one.question)}" for one in found.added]
    for one in found.changed:
        lines.append(f"~ {one.after.id}: {shorten(one.after.question)}")
        lines += [
            f"    {change.field}: {shorten(change.before) or '(none)'} -> {shorten(change.after) or '(none)'}"
            for change in one.changes
        ]
    return "\n".join(lines)


def diff_values(before: EvaluationSet, after: EvaluationSet, found: SetDiff) -> dict[str, Any]:
    """The difference as plain values."""
    from dataclasses import asdict

    return {
        "before": {"name": before.name, "version": before.version, "size": len(before.examples)},
        "after": {"name": after.name, "version": after.version, "size": len(after.examples)},
        "added": [{"id": one.id, "question": one.question} for one in found.added],
        "removed": [{"id": one.id, "question": one.question} for one in found.removed],
        "changed": [
            {"id": one.after.id, "question": one.after.question, "changes": [asdict(change) for change in one.changes]}
            for one in found.changed
        ],
        "unchanged": found.unchanged,
        "reordered": found.reordered,
        "summary": found.summary,
    }
