"""What stands in a report, and the one HTML file it becomes."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from llmopt_core.reporting.bars import bar_charts, turns
from llmopt_core.reporting.formatting import change, interval, number, p_value, score
from llmopt_core.reporting.sections import ReportSection
from llmopt_core.reporting.votes import VotesTable

# Okabe and Ito's palette, told apart by readers with any colour vision.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
# Columns beside the names of runs that an A4 page has room for.
_METRICS, _FACTS = 4, 5  # more than these go into a further table below


_SIGNS = {"better": "▲", "worse": "▼", "equivalent": "≈", "cannot tell": "?", "not comparable": "≠"}


@dataclass(frozen=True, slots=True)
class ReportCell:
    """One metric of one run; `verdict` is empty for the baseline, and `verdict_words` says more than its one word.

    The ends of the difference belong to the verdict. `note` says what both come to on the questions that both answered,
    where the means stand over others. `unit` says over what the difference was tested. What the judge alone may make is
    grey.
    """

    mean: float | None
    low: float | None
    high: float | None
    scored: int
    total: int
    difference: float | None = None
    p_value: float | None = None
    verdict: str = ""
    difference_low: float | None = None
    difference_high: float | None = None
    note: str = ""
    verdict_words: str = ""
    unit: str = ""
    inside_judge_noise: bool = False


@dataclass(frozen=True, slots=True)
class ReportMetric:
    """One metric with a cell per run, in the order of the runs."""

    name: str
    title: str
    explanation: str
    higher_is_better: bool
    cells: tuple[ReportCell, ...]


@dataclass(frozen=True, slots=True)
class ReportRun:
    """One run with what it took, as label and value; `seen` where it was trained on questions of the set.

    `asked` says how many questions, where not all runs were asked as many.
    """

    name: str
    facts: tuple[tuple[str, str], ...]
    seen: bool = False
    asked: str = ""


@dataclass(frozen=True, slots=True)
class ReportAnswer:
    """What one run said to one question.

    Attributes:
        text: The answer; None where it failed, with the reason in `failure`.
        contexts: Place, text and score of each chunk.
        scores: Metric, value and why; the value is None where it could not be scored.
    """

    run: str
    text: str | None
    failure: str
    contexts: tuple[tuple[str, str, float | None], ...]
    scores: tuple[tuple[str, float | None, str], ...]


@dataclass(frozen=True, slots=True)
class ReportExample:
    """One question with the answers of all runs."""

    id: str
    question: str
    reference: str
    answers: tuple[ReportAnswer, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything on the page; `caveats` are sentences, each with whether it stands in red.

    `tested` says in short what verdicts hold for, `method` how they were tested; `colours` are those that runs have
    elsewhere, by their names; `votes` is None where nobody voted; `scope` says what all numbers stand over.
    """

    title: str
    subtitle: str
    baseline: str
    runs: tuple[ReportRun, ...]
    metrics: tuple[ReportMetric, ...]
    examples: tuple[ReportExample, ...]
    caveats: tuple[tuple[str, bool], ...] = ()
    tested: str = ""
    method: str = ""
    colours: Mapping[str, str] = field(default_factory=dict)
    votes: VotesTable | None = None
    scope: str = ""
    opening: tuple[ReportSection, ...] = ()
    findings: tuple[ReportSection, ...] = ()
    closing: tuple[ReportSection, ...] = ()


def render(report: Report) -> str:
    """One HTML page that needs nothing else: no script, no font, no picture from elsewhere."""
    script = _script() if report.opening or report.findings else ""
    colours = _colours(report)
    charts = bar_charts(
        [metric.title for metric in report.metrics],
        [[(cell.mean, cell.low, cell.high) for cell in metric.cells] for metric in report.metrics],
        [colours[run.name] for run in report.runs],
        [run.seen for run in report.runs],
    )
    page: str = template("report.html").render(
        report=report,
        script=script,
        # Only this script runs: what texts of users hold is escaped, and would be refused as well.
        script_hash=b64encode(sha256(script.encode()).digest()).decode(),
        charts=charts,
        colours=colours,
        turns=dict(zip(colours, turns(list(colours.values())), strict=True)),
        metric_tables=[report.metrics[i : i + _METRICS] for i in range(0, len(report.metrics), _METRICS)],
        # Templates know where the last column ends, to give a table with fewer columns the same widths.
        most=(_METRICS, _FACTS),
        # All runs have the same facts, so those of the first tell how many there are.
        fact_tables=[(i, i + _FACTS) for i in range(0, len(report.runs[0].facts) if report.runs else 0, _FACTS)],
    )
    return page


def _colours(report: Report) -> dict[str, str]:
    """Those that runs have elsewhere; where one has none, or that of a run before it, a colour that is free."""
    names = [run.name for run in report.runs]
    run_colours = set(report.colours.values())
    # Colours that any run has elsewhere are not given away, though that run may not be in this report.
    spare = [colour for colour in PALETTE if colour not in run_colours]
    colours: dict[str, str] = {}
    for place, name in enumerate(names):
        colour = report.colours.get(name, "")
        # Two runs may have one colour elsewhere, where they never stood side by side.
        if not colour or colour in colours.values():
            colour = spare.pop(0) if spare else PALETTE[place % len(PALETTE)]
        colours[name] = colour
    return colours


@cache
def _script() -> str:
    return (files("llmopt_core.reporting") / "templates" / "report.js").read_text(encoding="utf-8")


@cache
def template(name: str) -> Any:
    """A page's template. Everything put into it is escaped."""
    # Imported at use: jinja2 takes time to load, and most commands write no report.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("llmopt_core.reporting", "templates"),
        autoescape=True,  # answers of models hold HTML at times, or a script somebody put into a document
        undefined=StrictUndefined,  # a wrong name in a template fails in a test instead of leaving a hole in a report
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    environment.filters["shade"] = shade
    environment.filters["score"] = score
    environment.filters["p_value"] = p_value
    environment.globals |= {"interval": interval, "change": change}
    environment.globals["signs"] = _SIGNS
    return environment.get_template(name)


def shade(value: float | None) -> str:
    """Background of a heat map cell: the accent colour, as strong as the value between 0 and 1."""
    # .08 so that a 0 is told from a cell without value; .70 at most so that black text on it can be read. 0,114,178 is
    # the first colour of PALETTE.
    return "transparent" if value is None else f"rgba(0,114,178,{0.08 + 0.62 * min(1.0, max(0.0, value)):.2f})"


def spread(values: Sequence[float | None]) -> float:
    """How far runs differ on an example; None counts as nothing."""
    numbers = [value for value in values if value is not None]
    return max(numbers) - min(numbers) if len(numbers) > 1 else 0.0
