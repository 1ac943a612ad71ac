"""The ladder as a waterfall: from the baseline to today, with what was dropped on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from textwrap import wrap

import plotly.graph_objects as go

from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.labs.evaluation.ladder.rung import Ladder, Rung, Section, describe_questions
from llmopt_core.statistics.paired_comparison import Comparison
from llmopt_ui import format as fmt
from llmopt_ui.overview.ladder_rows import (
    CHANGE_LINE,
    NAME_LINE,
    TITLE_LINE,
    LadderRow,
    hover_text,
    ladder_rows,
    rung_label,
)
from llmopt_ui.theme import FAINT, FAINTER, NEUTRAL, VERDICTS, Ink, apply_theme, figure_text

RUNGS_AT_MOST = 14
"""More bars than that are no picture for a slide; the table below it has all."""
_ROW = 46
"""Pixels of a row: two lines of words beside each bar."""
_TODAY = "#4653B8"
_FILL = {"kept": "rgba(0, 158, 115, 0.85)", "dropped": "rgba(213, 94, 0, 0.16)", "undecided": FAINT}
_LINE = {"kept": "rgba(0, 0, 0, 0)", "dropped": VERDICTS["worse"].colour, "undecided": NEUTRAL}


def waterfall(
    ladder: Ladder,
    inks: Mapping[str, Ink],
    *,
    title: str = "",
    note: str = "",
    percent: bool = False,
    text_colour: str | None = None,
) -> go.Figure:
    """The picture.

    Args:
        ladder: What to show; of a long one the baseline and what came last.
        inks: Configuration -> its colour.
        title: By default the project and its way from the baseline to today.
        note: What stands below the title; by default what the numbers stand over.
        percent: Whether values are written as percentages.
        text_colour: Of words in a picture that leaves the page; None for the grey of axes.
    """
    sections = _newest(ladder.sections)
    rows = ladder_rows(sections)
    figure = go.Figure()
    for section in sections:
        _section(figure, [row for row in rows if row.section is section], percent)
    for row in rows:
        if row.rung is None and not row.is_today:
            _break(figure, row)
    if text_colour:
        figure.update_annotations(font_color=text_colour)
    head = [*wrap(title or _title(ladder, sections[-1]), TITLE_LINE)]
    below = wrap(note or _note(ladder, sections[-1]), TITLE_LINE + 16)
    return apply_theme(
        figure,
        height=_ROW * len(rows) + 68 + 22 * len(head) + 17 * len(below),
        margin={"l": 8, "r": 158, "t": 26 + 22 * len(head) + 17 * len(below), "b": 8},
        title={"text": _heading(head, below), "x": 0, "xref": "container", "xanchor": "left", "y": 1,
               "yref": "container", "yanchor": "top", "pad": {"t": 24, "l": 8}, "automargin": False,
               "font": {"color": text_colour}},
        barmode="overlay",
        bargap=0.42,
        showlegend=False,
        hovermode="y",
        dragmode=False,
        xaxis={"range": [0, _right_end(sections)], "fixedrange": True,
               # Beside another picture there is room for three percentages, and none for words that lean.
               "nticks": 3 if percent else 6, "tickangle": 0,
               "title": figure_text(metric_title(ladder.metric)), "tickformat": ".0%" if percent else ""},
        yaxis={"range": [len(rows) - 0.5, -0.5], "fixedrange": True, "showgrid": False, "tickmode": "array",
               "tickvals": [row.y for row in rows], "ticktext": [_tick(row, inks) for row in rows], "title": "",
               "tickfont": {"color": text_colour}},
    )  # fmt: skip


def is_cut(ladder: Ladder) -> bool:
    """Whether the picture shows only some of the experiments."""
    return len(ladder.rungs) > RUNGS_AT_MOST


def _newest(sections: Sequence[Section]) -> list[Section]:
    """The last sections and rungs that there is room for; of a section that is cut its baseline stays."""
    shown: list[Section] = []
    room = RUNGS_AT_MOST
    for section in reversed(sections):
        if room < 2 and shown:
            break
        rungs = section.rungs
        rungs = rungs if len(rungs) <= room else (rungs[0], *rungs[len(rungs) - room + 1 :])
        shown.insert(0, replace(section, rungs=rungs))
        room -= len(rungs)
    # Nothing stands above the first one that it could be apart from.
    return [replace(section, sentence="") if place == 0 else section for place, section in enumerate(shown)]


def _section(figure: go.Figure, rows: Sequence[LadderRow], percent: bool) -> None:
    level: float | None = None
    start: tuple[float, float] | None = None
    for row in (row for row in rows if row.rung is not None):
        rung = row.rung
        assert rung is not None  # noqa: S101
        value = rung.value
        if row.is_today or rung.state == "baseline":
            _bar(figure, row, 0.0, value, _TODAY if row.is_today else NEUTRAL)
        else:
            _step(figure, row, rung, level)
        if start is not None and rung.is_kept:
            _connect(figure, start, row.y)
        if rung.is_kept and value is not None:
            level, start = value, (value, row.y)
        rung_label(figure, row, rung, percent)
        _point(figure, row, rung, level)


def _step(figure: go.Figure, row: LadderRow, rung: Rung, level: float | None) -> None:
    """What an experiment gained or lost over what stood before it."""
    if rung.value is None or level is None:
        return
    if rung.is_kept:
        # What stood before stays to be seen below the gain.
        _bar(figure, row, 0.0, min(level, rung.value), FAINTER)
    _bar(figure, row, level, rung.value, _FILL[rung.state], line=_LINE[rung.state])


def _bar(figure: go.Figure, row: LadderRow, start: float, end: float | None, fill: str, *, line: str = "") -> None:
    if end is None:
        return
    figure.add_trace(
        go.Bar(
            orientation="h",
            y=[row.y],
            base=[min(start, end)],
            x=[abs(end - start)],
            marker={"color": fill, "line": {"width": 1.5 if line else 0, "color": line or fill}},
            hoverinfo="skip",
        )
    )


def _connect(figure: go.Figure, start: tuple[float, float], y: float) -> None:
    value, above = start
    figure.add_shape(
        type="line", x0=value, x1=value, y0=above, y1=y, layer="below",
        line={"width": 1.5, "dash": "dot", "color": NEUTRAL},
    )  # fmt: skip


def _point(figure: go.Figure, row: LadderRow, rung: Rung, level: float | None) -> None:
    """The interval at the end of a bar, and what is said when the row is pointed at."""
    at = rung.value if rung.value is not None else level
    if at is None:
        return
    up, down = _whisker(row, rung)
    is_crossed = rung.is_dropped and not row.is_today
    figure.add_trace(
        go.Scatter(
            x=[at],
            y=[row.y],
            mode="markers",
            marker={"size": 9, "symbol": "x-thin", "opacity": 1 if is_crossed else 0,
                    "line": {"width": 2.5, "color": VERDICTS["worse"].colour}},
            error_x={"type": "data", "symmetric": False, "array": [up], "arrayminus": [down], "thickness": 1.5,
                     "width": 5, "color": NEUTRAL},
            hovertemplate=f"{hover_text(row, rung)}<extra></extra>",
            cliponaxis=False,
        )
    )  # fmt: skip


def _whisker(row: LadderRow, rung: Rung) -> tuple[float, float]:
    """Upward and downward: of a gain its interval, of a mean that stands for itself its own."""
    compared, summary = rung.comparison, rung.summary
    if row.is_today or rung.state == "baseline":
        if summary.mean is None or summary.low is None or summary.high is None:
            return 0.0, 0.0
        return summary.high - summary.mean, summary.mean - summary.low
    if compared is None or compared.difference is None or compared.low is None or compared.high is None:
        return 0.0, 0.0
    return compared.high - compared.difference, compared.difference - compared.low


def _tick(row: LadderRow, inks: Mapping[str, Ink]) -> str:
    if row.rung is None:
        return ""
    rung = row.rung
    if row.is_today:
        return "<b>Today</b>"
    ink = inks.get(rung.name)
    dot = f'<span style="color:{ink.colour}">{"◍" if ink.pattern else "●"}</span> ' if ink else ""
    name = f"{dot}<b>{rung.position} {figure_text(fmt.shorten(rung.name, NAME_LINE))}</b>"
    changed = fmt.shorten(", ".join(rung.changes), CHANGE_LINE) if rung.changes else ""
    return f'{name}<br><span style="font-size:11px">{figure_text(changed)}</span>' if changed else name


def _break(figure: go.Figure, row: LadderRow) -> None:
    figure.add_shape(
        type="line", xref="paper", x0=0, x1=1, y0=row.y + 0.3, y1=row.y + 0.3,
        line={"width": 1, "dash": "dash", "color": NEUTRAL},
    )  # fmt: skip
    text = "<br>".join(figure_text(line) for line in wrap(row.section.sentence, 56))
    figure.add_annotation(
        x=0, xref="paper", xanchor="left", y=row.y + 0.22, yanchor="bottom", showarrow=False, align="left", text=text,
        font={"size": 12},
    )  # fmt: skip


def _title(ladder: Ladder, section: Section) -> str:
    first, last = section.rungs[0].value, section.today.value if section.today else None
    way = fmt.score(first) if len(section.kept) < 2 else f"{fmt.score(first)} → {fmt.score(last)}"
    return f"{ladder.project}: {metric_title(ladder.metric)} {way}"


def _note(ladder: Ladder, section: Section) -> str:
    lower = "" if ladder.higher_is_better else "; lower is better"
    return f"{describe_questions(section)}, graded by {section.judge}{lower}; whiskers: 95 % intervals"


def _heading(head: Sequence[str], below: Sequence[str]) -> str:
    small = "<br>".join(f'<span style="font-size:12px;font-weight:400">{figure_text(line)}</span>' for line in below)
    return "<br>".join([f"<b>{'<br>'.join(map(figure_text, head))}</b>", small])


def _right_end(sections: Sequence[Section]) -> float:
    ends = [0.0]
    for rung in (rung for section in sections for rung in section.rungs):
        if rung.value is not None:
            compared: Comparison | None = rung.comparison
            reach = compared.high - compared.difference if compared and compared.high is not None \
                and compared.difference is not None else 0.0  # fmt: skip
            ends += [rung.value + reach, rung.summary.high or 0.0]
    top = max(ends)
    # A share has its whole scale where it fills most of it.
    return 1.0 if 0.7 < top <= 1.0 else (top * 1.04 or 1.0)
