"""A comparison side by side as one HTML page that needs nothing else, and as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from llmopt_core.prompts.diff import Op, shown
from llmopt_core.reporting.page import PALETTE, template

_RISKY = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@dataclass(frozen=True, slots=True)
class PageColumn:
    """One variant: its name, what it comes to (line by line), and what was asked (title and text)."""

    name: str
    summary: tuple[str, ...]
    asked: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PageCheck:
    """One check: passed, failed, or None for not run."""

    label: str
    passed: bool | None
    why: str


@dataclass(frozen=True, slots=True)
class PageCell:
    """One answer.

    Attributes:
        pieces: The answer; for a later column, as its word differences against the first.
        facts: Scores, tokens, cost, time in one line.
        not_run: Why the question was not asked; empty where it was.
        note: What is to be said of the differences.
        stability: Where there are repeats, what they come to in one line.
        repeats: All answers to the same question, those that failed included; empty where it was asked once.
    """

    pieces: tuple[tuple[Op, str], ...]
    checks: tuple[PageCheck, ...]
    facts: str
    failure: str = ""
    not_run: str = ""
    note: str = ""
    stability: str = ""
    repeats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PageRow:
    """One example; `kinds` are the filters that keep it: failures, different, regressions."""

    id: str
    question: str
    reference: str
    kinds: tuple[str, ...]
    cells: tuple[PageCell, ...]


@dataclass(frozen=True, slots=True)
class ComparisonPage:
    """Everything on the page."""

    title: str
    subtitle: str
    columns: tuple[PageColumn, ...]
    rows: tuple[PageRow, ...]


def render_comparison(page: ComparisonPage) -> str:
    """One HTML page: no script, no font, no picture from elsewhere. Answers are shown as text."""
    counts = {kind: sum(kind in row.kinds for row in page.rows) for kind in ("failures", "different", "regressions")}
    made: str = template("comparison.html").render(page=page, colours=PALETTE, counts=counts, shown=shown)
    return made


def csv_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A CSV file that a spreadsheet opens safely: a text that it would run as a formula gets an apostrophe in front."""
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\r\n")
    writer.writerows([_safe(cell) for cell in row] for row in (header, *rows))
    return table.getvalue()


def _safe(cell: object) -> object:
    if isinstance(cell, str) and _is_risky(cell) and not _is_number(cell):
        return f"'{cell}"
    return "" if cell is None else cell


def _is_risky(text: str) -> bool:
    """Whether a spreadsheet might take the text for a formula, or for cells of its own."""
    return text.startswith(("\t", "\r")) or text.lstrip().startswith(_RISKY)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
