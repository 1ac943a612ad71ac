"""Which documents a run was made over, and which runs stand beside others over other documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llmopt_core.runs.values import Run

# Hexadecimal digits of a hash: enough to tell the few versions of one project apart.
_VERSION_DIGITS = 6


@dataclass(frozen=True, slots=True)
class RunDocuments:
    """The documents of one run.

    Attributes:
        name: Of the run.
        is_used: Whether its answers depend on documents.
        version: Their hash; None where it was not kept.
    """

    name: str
    is_used: bool
    version: str | None


def documents_of(run: Run, name: str = "") -> RunDocuments:
    """The documents of a stored run, under the name it is shown with."""
    return RunDocuments(name or run.name, run.retrieves, run.documents_version)


def same_documents(a: Run, b: Run) -> bool:
    """Whether two runs may stand for each other: over the same documents, or not known to be over others."""
    versions = {a.documents_version, b.documents_version} - {None}
    return not (a.retrieves and b.retrieves) or len(versions) < 2


def document_marks(runs: Sequence[RunDocuments]) -> list[str]:
    """For each run the documents it was made over; all empty where no two of them are known to differ."""
    versions = {run.version for run in runs if run.is_used}
    if len(versions) < 2:
        return [""] * len(runs)
    return [_mark(run) if run.is_used else "" for run in runs]


def _mark(run: RunDocuments) -> str:
    return f"documents {run.version[:_VERSION_DIGITS]}" if run.version else "documents not recorded"


def documents_note(runs: Sequence[RunDocuments]) -> str:
    """One sentence on runs that stand side by side over different documents; empty where none do."""
    groups: dict[str, list[str]] = {}
    for run, mark in zip(runs, document_marks(runs), strict=True):
        if mark:
            groups.setdefault(mark, []).append(run.name)
    if not groups:
        return ""
    listing = "; ".join(f"{', '.join(names)}: {mark}" for mark, names in groups.items())
    known_count = len([mark for mark in groups if mark != _mark(RunDocuments("", True, None))])
    what = "were made over different documents" if known_count > 1 else "may have been made over different documents"
    return f"These runs {what} ({listing}), which alone may change their scores; run them again to compare them."
