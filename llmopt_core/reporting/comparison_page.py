"""A comparison side by side as one HTML page that needs nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle, islice

from llmopt_core.reporting.bars import turns
from llmopt_core.reporting.page import PALETTE, template
from llmopt_core.reporting.votes import VotesTable
from llmopt_core.text.word_diff import Op, visible_text


@dataclass(frozen=True, slots=True)
class PageColumn:
    """One variant: its name, what it comes to (line by line), and what was asked (title and text)."""

    name: str
    summary: tuple[str, ...]
    asked: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PageAssertion:
    """One assertion: passed, failed, or None for not run."""

    label: str
    passed: bool | None
    why: str


@dataclass(frozen=True, slots=True)
class PageCell:
    """One answer.

    Attributes:
        text: The answer.
        pieces: Its word differences against the first column's; empty where they are not marked.
        passed: Whether it passed, which `outcome` says in words; None where that is not known.
        facts: Scores, tokens, cost, time in one line.
        not_run: Why the question was not asked; empty where it was.
        note: What is to be said of the differences.
        stability: Where there are repeats, what they come to in one line.
        repeats: All answers to the same question, those that failed included; empty where it was asked once.
    """

    text: str
    pieces: tuple[tuple[Op, str], ...]
    assertions: tuple[PageAssertion, ...]
    facts: str
    failure: str = ""
    not_run: str = ""
    note: str = ""
    stability: str = ""
    repeats: tuple[str, ...] = ()
    passed: bool | None = None
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class PageRow:
    """One example; `kinds` are the filters that keep it: failures, different, regressions. `note`: by people."""

    id: str
    question: str
    reference: str
    kinds: tuple[str, ...]
    cells: tuple[PageCell, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class ComparisonPage:
    """Everything on the page; `votes` is None where nobody voted."""

    title: str
    subtitle: str
    columns: tuple[PageColumn, ...]
    rows: tuple[PageRow, ...]
    votes: VotesTable | None = None
    colours: tuple[str, ...] = PALETTE


def render_comparison(page: ComparisonPage) -> str:
    """One HTML page: no script, no font, no picture from elsewhere. Answers are shown as text."""
    counts = {kind: sum(kind in row.kinds for row in page.rows) for kind in ("failures", "different", "regressions")}
    # More columns than colours begin anew, and `turns` tells the second of a colour by its filling.
    colours = list(islice(cycle(page.colours), len(page.columns)))
    keys = list(zip(colours, turns(colours), strict=True))
    html: str = template("comparison.html").render(page=page, keys=keys, counts=counts, shown=visible_text)
    return html
