"""What stands in a report beside its scores: titles, sentences and tables of plain text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReportTable:
    """Rows of text. `is_folded` where it is long: it opens with a click, and stands open on paper."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    is_folded: bool = False


@dataclass(frozen=True, slots=True)
class ReportSection:
    """A heading with what stands below it."""

    title: str
    sentences: tuple[str, ...] = ()
    tables: tuple[ReportTable, ...] = ()
