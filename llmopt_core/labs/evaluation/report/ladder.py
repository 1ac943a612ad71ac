"""The experiments of the project in order, each kept or dropped."""

from __future__ import annotations

from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.labs.evaluation.ladder.rung import Ladder, Rung, Section, count_states, describe_questions
from llmopt_core.reporting.formatting import DASH, change, duration, interval, money, p_value, score
from llmopt_core.reporting.sections import ReportSection, ReportTable
from llmopt_core.reporting.verdict_words import unit_note, verdict_words
from llmopt_core.runs.question_splits import part_of

_COLUMNS = ("step", "experiment", "mean", "difference", "verdict", "what it takes per question", "why")


def ladder_section(ladder: Ladder) -> ReportSection:
    """One table for each set of questions and judge: only what stands in one table is compared."""
    counts = count_states(ladder.rungs)
    by = f", by {metric_title(ladder.metric)}" if ladder.metric else ""
    sentence = f"The experiments of {ladder.project} in order{by}"
    return ReportSection(
        "Ladder", (f"{sentence}: {counts}." if counts else f"{sentence}.",), tuple(map(_table, ladder.sections))
    )


def _table(section: Section) -> ReportTable:
    total, today = section.total, section.today
    sentences = [section.sentence]
    if total is not None and today is not None:
        amount = change(total.difference, total.low, total.high)
        sentences.append(
            f"Today: {today.name}, {amount} since {section.rungs[0].name}: {verdict_words(total)} "
            f"({unit_note(total.pairs, total.clusters)})."
        )
    part = part_of(section.set_name)
    sentences.append(f"Each mean stands over the questions that were scored; split: {part[1] if part else 'none'}.")
    graded = f", graded by {section.judge}" if section.judge else ""
    title = f"{describe_questions(section)}{graded}"
    return ReportTable(title, _COLUMNS, tuple(map(_row, section.rungs)), " ".join(filter(None, sentences)))


def _row(rung: Rung) -> tuple[str, ...]:
    summary, compared, each = rung.summary, rung.comparison, rung.each
    ends = "" if summary.low is None else f" ({interval(summary.low, summary.high)})"
    changes = f"{', '.join(rung.changes)}: " if rung.changes else ""
    cost = "cost not known" if each.cost_usd is None else money(each.cost_usd)
    return (
        f"{rung.position} {rung.sign} {rung.state}",
        f"{rung.name} ({rung.mark})" if rung.mark else rung.name,
        f"{score(summary.mean)}{ends}; {summary.scored:,} of {summary.total:,} scored",
        DASH if compared is None else _difference(rung),
        DASH if compared is None else verdict_words(compared),
        f"{cost}, {duration(each.seconds)} ({each.asked:,} asked)" if each.asked else "not known",
        f"{changes}{rung.reason}",
    )


def _difference(rung: Rung) -> str:
    compared = rung.comparison
    if compared is None:
        return DASH
    amount = change(compared.difference, compared.low, compared.high)
    return (
        f"{amount} against {rung.parent}, p {p_value(compared.p_value)}; {unit_note(compared.pairs, compared.clusters)}"
    )
