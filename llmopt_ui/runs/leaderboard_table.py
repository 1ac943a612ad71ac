"""The leaderboard as a table: each mean with its interval and, against the baseline, its verdict."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.experiments.imported_runs import import_source, judge_of_runs
from llmopt_core.reporting.verdict_words import short_missing
from llmopt_core.text.csv_text import csv_text
from llmopt_ui import format as fmt
from llmopt_ui.runs.results import Entry
from llmopt_ui.tables import show_table
from llmopt_ui.theme import Ink, comparison_style, verdict

_MOST = 5
"""Metrics that a table has room for in a narrow window; further ones stand in a table below it."""
_BESIDE_DOT = 10
"""Letters that the narrowest first column has room for beside a dot."""


def leaderboard_table(
    entries: Sequence[Entry], metrics: Sequence[str], inks: Mapping[str, Ink], key: str, *, cost: bool = True
) -> None:
    """A row per configuration, a column per metric: mean, interval, verdict with colour, sign and word."""
    # Without metrics one table remains, with names and costs.
    parts = [metrics[start : start + _MOST] for start in range(0, len(metrics), _MOST)] or [metrics]
    for number, part in enumerate(parts):
        rows = [
            {
                "Configuration": f"{_with_dot(inks[entry.name], entry.name)}{_state(entry)}",
                **{_heading(metric): _cell(entry, metric) for metric in part},
                **(_cost_cells(entry) if cost and part is parts[-1] else {}),
            }
            for entry in entries
        ]
        show_table(rows, "Leaderboard: mean, interval and verdict", f"{key}_{number}")


def _with_dot(ink: Ink, name: str) -> str:
    # The column is as wide as its header, which has room for a dot and so many letters of what stands before the first
    # place where a name may break. Beside a longer beginning the dot would make the column wider than there is room.
    beginning = re.split(r"(?<=-)|\s", name, maxsplit=1)[0]
    blank = "\u00a0" if len(beginning) <= _BESIDE_DOT else " "
    return f"{ink.dot}{blank}**{fmt.markdown(name)}**"


def _heading(metric: str) -> str:
    # Names of other tools' metrics have no blanks, so their lines may end behind an underscore.
    return fmt.markdown(metric_title(metric)).replace("_", "_\u200b")


def _cost_cells(entry: Entry) -> dict[str, str]:
    # What a cache took says nothing about the configuration, so no time stands there to be compared.
    if entry.from_cache:
        return {"Per question": ":gray[from the cache]", "Cost": "free"}
    each = entry.each
    # A mean, so it has decimals that mean nothing.
    tokens = None if each.tokens is None else round(each.tokens)
    lines = [fmt.duration(each.seconds)]
    if tokens is not None:
        lines.append(f":gray[{fmt.count(tokens)} tokens]")
    if each.cost_usd:
        lines.append(f":gray[{fmt.markdown(fmt.money(each.cost_usd))}]")
    if each.cached:
        lines.append(f":gray[{each.asked:,} asked, {each.cached:,} cached]")
    return {"Per question": "  \n".join(lines), "Cost": fmt.markdown(fmt.money(entry.run.usage.cost_usd))}


def _state(entry: Entry) -> str:
    run = entry.run
    words = [] if run.status == "finished" else [run.status.replace("-", " ")]
    words += (
        [f"{run.done} of {run.total} answered"]
        if run.done != run.total
        else [entry.question_count]
        if entry.question_count
        else []
    )
    text = f"  \n:gray[{', '.join(words)}]" if words else ""
    text += f"  \n:{'red' if entry.overlap_count else 'orange'}[{entry.mark}]" if entry.mark else ""
    return text + (f"  \n:red[✕ {run.failed:,} of {run.total:,} failed]" if run.failed else "")


def _cell(entry: Entry, metric: str) -> str:
    summary = entry.summaries.get(metric)
    if summary is None or summary.mean is None:
        # Where every answer failed the metric is not to blame.
        return ":red[✕ failed]" if entry.run.failed and entry.run.failed == entry.run.done else ":gray[not scored]"
    lines = [f"**{fmt.score(summary.mean)}**"]
    if summary.low is not None:
        lines.append(f":gray[{fmt.unbroken(fmt.interval(summary.low, summary.high))}]")
    comparison = entry.comparisons.get(metric)
    if entry.is_baseline:
        lines.append(fmt.unbroken(verdict("baseline").markdown))
    elif comparison is not None:
        lines.append(comparison_style(comparison).markdown)
        if comparison.more_questions is not None:
            # It may break: in a narrow window this would else be the widest line of its column.
            lines.append(f":gray[{short_missing(comparison)}]")
    # The means above are over other questions than the difference, which would look like a miscalculation without
    # this line.
    if comparison is not None and metric in entry.apart:
        means = f"{fmt.score(comparison.before)} → {fmt.score(comparison.after)}"
        lines.append(f":gray[{fmt.unbroken(f'on {comparison.pairs:,} of both:')} {fmt.unbroken(means)}]")
    if summary.missing:
        lines.append(f":gray[{fmt.unbroken(f'{summary.scored} of {summary.total}')} scored]")
    return "  \n".join(lines)


def leaderboard_csv(entries: Sequence[Entry], metrics: Sequence[str]) -> str:
    """One row per configuration and metric, with everything that is known."""
    return csv_text(_CSV_COLUMNS, [_csv_row(entry, metric) for entry in entries for metric in metrics])


def _csv_row(entry: Entry, metric: str) -> list[object]:
    run, each = entry.run, entry.each
    summary, comparison = entry.summaries.get(metric), entry.comparisons.get(metric)
    start = (entry.name, run.fingerprint, run.status, judge_of_runs([run]), metric)
    # As many empty cells as the columns below: every row has all of them.
    mean_cells = (summary.mean, summary.low, summary.high, summary.scored, summary.total) if summary else (None,) * 5
    comparison_cells: tuple[object, ...] = (None,) * len(_COMPARISON_COLUMNS)
    if comparison:
        comparison_cells = (
            comparison.difference,
            comparison.low,
            comparison.high,
            comparison.p_value,
            comparison.verdict,
        )
        comparison_cells += (comparison.pairs, comparison.confidence, comparison.family)
        comparison_cells += (comparison.margin, comparison.clusters, comparison.more_questions, comparison.judge_band)
    source = import_source(run.imported)
    tokens = run.usage.prompt_tokens + run.usage.completion_tokens if source is None or source.has_tokens else None
    seconds = run.seconds if source is None or source.has_seconds else None
    took = (tokens, run.usage.cost_usd, seconds, entry.overlap_count, run.documents_version)
    return [
        *start,
        *mean_cells,
        *comparison_cells,
        *took,
        each.tokens,
        each.cost_usd,
        each.seconds,
        each.asked,
        each.cached,
    ]


_COMPARISON_COLUMNS = (
    "difference", "difference_low", "difference_high", "p_value", "verdict", "pairs", "confidence", "family",
    "margin", "documents", "more_questions", "judge_band",
)  # fmt: skip
_CSV_COLUMNS = (
    "configuration", "fingerprint", "status", "judge", "metric", "mean", "low", "high", "scored", "total",
    *_COMPARISON_COLUMNS,
    "tokens", "cost_usd", "seconds", "trained_on", "documents_version",
    "tokens_each", "cost_each", "seconds_each", "asked", "cached",
)  # fmt: skip
