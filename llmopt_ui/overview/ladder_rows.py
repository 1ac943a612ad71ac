"""Rows of the ladder's picture: what stands beside a rung, and what it says under the pointer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

import plotly.graph_objects as go

from llmopt_core.labs.evaluation.ladder.rung import Rung, Section
from llmopt_core.reporting.verdict_words import INSIDE_NOISE, verdict_words
from llmopt_ui import format as fmt
from llmopt_ui.overview.ladder_words import chart_word, cost_words, difference_words
from llmopt_ui.theme import NEUTRAL, figure_text, verdict

NAME_LINE, CHANGE_LINE, _HOVER_LINE, TITLE_LINE = 28, 38, 64, 74


@dataclass(frozen=True, slots=True)
class LadderRow:
    """One line of the picture: an experiment, what stands today, or a break between other questions."""

    y: float
    section: Section
    rung: Rung | None = None
    is_today: bool = False


def ladder_rows(sections: Sequence[Section]) -> list[LadderRow]:
    """The lines of the picture from top to bottom."""
    rows: list[LadderRow] = []
    for section in sections:
        if section.sentence:
            rows.append(LadderRow(len(rows), section))
        for rung in section.rungs:
            rows.append(LadderRow(len(rows), section, rung))
        if len(section.kept) > 1:
            rows.append(LadderRow(len(rows), section, section.today, is_today=True))
    return rows


def rung_label(figure: go.Figure, row: LadderRow, rung: Rung, percent: bool) -> None:
    """Writes what an experiment gained beside its bar."""
    figure.add_annotation(
        x=1, xref="paper", xanchor="left", xshift=10, y=row.y, yanchor="middle", showarrow=False, align="left",
        text="<br>".join(_label_lines(row, rung, percent)), font={"size": 13},
    )  # fmt: skip


def _label_lines(row: LadderRow, rung: Rung, percent: bool) -> list[str]:
    value = f"<b>{_value(rung.value, percent)}</b>"
    if row.is_today:
        total = row.section.total
        gain = total.difference if total is not None else _gain(row.section)
        return [f"{value}  {_signed(gain, percent)}", "since the baseline"]
    if rung.state == "baseline":
        return [value, "● baseline"]
    words = [chart_word(rung), _verdict_word(rung)]
    is_noise = rung.comparison is not None and rung.comparison.inside_judge_noise
    signed = _signed(rung.difference, percent)
    figures = f"{value}  {_grey(signed) if is_noise else signed}" if rung.value is not None else ""
    # In a line of its own: beside the verdict there is no room.
    return [
        line for line in (figures, " · ".join(filter(None, words)), _grey(INSIDE_NOISE) if is_noise else "") if line
    ]


def _grey(text: str) -> str:
    return f'<span style="color:{NEUTRAL}">{text}</span>'


def _verdict_word(rung: Rung) -> str:
    if rung.comparison is None:
        return ""
    style = verdict(rung.comparison.verdict)
    # The sign stands before the state already.
    return style.word if style.sign == rung.sign else style.text


def _gain(section: Section) -> float | None:
    first, last = section.rungs[0].value, section.today.value if section.today else None
    return None if first is None or last is None else last - first


def _value(value: float | None, percent: bool) -> str:
    return fmt.score(value) if not percent or value is None else f"{value:.0%}"


def _signed(value: float | None, percent: bool) -> str:
    if value is None:
        return ""
    return f"{value * 100:+.0f} points".replace("-", "−") if percent else fmt.with_sign(value)


def hover_text(row: LadderRow, rung: Rung) -> str:
    """What stands under the pointer, as HTML of the chart."""
    lines = [f"<b>{figure_text(fmt.shorten(rung.name, _HOVER_LINE))}</b>"]
    for text in _hover_lines(row, rung):
        lines += [figure_text(line) for line in wrap(text, _HOVER_LINE)]
    return "<br>".join(lines)


def _hover_lines(row: LadderRow, rung: Rung) -> list[str]:
    summary, total = rung.summary, row.section.total
    texts = [f"Changed: {', '.join(rung.changes)}"] if rung.changes and not row.is_today else []
    if summary.mean is not None and summary.total:
        ends = f" ({fmt.interval(summary.low, summary.high)})" if summary.low is not None else ""
        texts.append(f"Mean {fmt.score(summary.mean)}{ends}, {summary.scored} of {summary.total} scored")
    if row.is_today:
        words = f"Since the baseline: {difference_words(total)}, {verdict_words(total)}" if total is not None else ""
        return [*texts, *filter(None, [words])]
    if rung.comparison is not None:
        texts.append(
            f"Against {rung.parent}: {difference_words(rung.comparison)}, {verdict_words(rung.comparison)}; "
            f"{rung.comparison.pairs} answered by both"
        )
    texts += filter(None, [cost_words(rung.each), rung.answered, rung.mark])
    return [*texts, f"{chart_word(rung)}: {rung.reason}"]
