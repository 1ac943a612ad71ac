"""A comparison as a page, a table, and plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

from llmopt_core.answering.finish_reason import describe_finish
from llmopt_core.evaluation.assertions.spec import describe
from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.experiments.colours import project_colours
from llmopt_core.experiments.comparison import Comparison
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.grading import ASSERTIONS
from llmopt_core.experiments.votes import votes_table
from llmopt_core.labs.prompts.columns import Column, columns_of
from llmopt_core.labs.prompts.grid import Cell, Filter, Grid, differences, metric_scores
from llmopt_core.labs.prompts.outcome import assertions_in
from llmopt_core.labs.prompts.repeats import repeat_texts, stability
from llmopt_core.labs.prompts.row_notes import RowNote, row_notes
from llmopt_core.reporting.comparison_page import (
    ComparisonPage,
    PageAssertion,
    PageCell,
    PageColumn,
    PageRow,
    render_comparison,
)
from llmopt_core.reporting.formatting import day, interval, money, p_value, score, short_time, with_sign
from llmopt_core.reporting.page import PALETTE
from llmopt_core.runs.store import Store
from llmopt_core.runs.store_labs import Vote
from llmopt_core.text.csv_text import csv_text
from llmopt_core.text.word_diff import ONLY_SPACE, only_space
from llmopt_core.types import Record, Usage

_NO_NOTES: Mapping[str, RowNote] = {}
_KINDS: tuple[Filter, ...] = ("failures", "different", "regressions")
_VERDICT_WORDS = {True: "passed", False: "failed", None: "not run"}
_ID_COLUMNS = ("example", "question", "reference", "variant", "repeat", "answer", "passed", "failure", "prompt tokens",
               "completion tokens", "cost usd", "seconds", "ending", "reasoning tokens")  # fmt: skip


def comparison_page(store: Store, comparison: Comparison, grid: Grid, zone: tzinfo | None = None) -> str:
    """The page of a comparison with its votes, what was noted on its rows, and the colours that its names have."""
    # The colours of the app: a page beside it shows the same variant in the same colour.
    colours = project_colours(store, comparison.project, grid.names)
    votes, notes = store.votes(comparison.project, comparison.id), row_notes(store, comparison)
    return comparison_html(comparison, grid, votes, [colours[name] for name in grid.names], notes, zone=zone)


def comparison_html(
    comparison: Comparison,
    grid: Grid,
    votes: Sequence[Vote] = (),
    colours: Sequence[str] = PALETTE,
    notes: Mapping[str, RowNote] = _NO_NOTES,
    *,
    zone: tzinfo | None = None,
) -> str:
    """The comparison as one self-contained HTML page.

    Args:
        comparison: The comparison.
        grid: Its answers.
        votes: What was voted on them.
        colours: Of its columns.
        notes: What was noted on rows, by the id of the example.
        zone: In which its day is told; that of this machine if None.
    """
    # As sets: each row asks three times whether it is in them.
    rows_by_kind = {kind: set(grid.filter_rows(kind)) for kind in _KINDS}
    columns = [
        PageColumn(variant.name, summary_lines(grid, column), _question_fields(variant))
        for variant, column in zip(comparison.variants, columns_of(grid), strict=True)
    ]
    rows = [
        PageRow(
            example.id,
            example.question,
            example.answers_text,
            tuple(kind for kind in _KINDS if place in rows_by_kind[kind]),
            # The first column is what the others are compared with, so it has no difference to show.
            tuple(_page_cell(cell, row[0] if column else None, grid.metrics) for column, cell in enumerate(row)),
            notes[example.id].text if example.id in notes else "",
        )
        for place, (example, row) in enumerate(zip(grid.examples, grid.rows, strict=True))
    ]
    when = day(comparison.created_at.astimezone(zone))
    subtitle = f"{comparison.project}, {when}. The others are compared with {grid.names[0]}."
    return render_comparison(
        ComparisonPage(
            comparison.title, subtitle, tuple(columns), tuple(rows), votes_table(grid.names, votes), tuple(colours)
        )
    )


def comparison_csv(grid: Grid, notes: Mapping[str, RowNote] = _NO_NOTES) -> str:
    """One line per answer, with a column per metric and assertion, and what was noted on its row."""
    answers = [
        (name, repeat, record)
        for row in grid.rows
        for name, cell in zip(grid.names, row, strict=True)
        for repeat, record in enumerate(cell.repeats)
        if record is not None
    ]
    # Metrics of any answer: a column may lack one that others have.
    metrics = list(dict.fromkeys(name for *_, record in answers for name in metric_scores(record)))
    assertions = list(dict.fromkeys(score.metric for *_, record in answers for _, score in assertions_in(record)))
    rows = [
        [*_identity(name, repeat, record),
         *(record.scores[metric].value if metric in record.scores else None for metric in metrics),
         *(_VERDICT_WORDS[record.scores[name].passed] if name in record.scores else "" for name in assertions),
         # A note is on a row, so it stands on the line of each of its answers.
         *_note_cells(notes.get(record.example.id, RowNote()))]
        for name, repeat, record in answers
    ]  # fmt: skip
    return csv_text([*_ID_COLUMNS, *metrics, *assertions, "thumb", "comment"], rows)


def _note_cells(note: RowNote) -> list[str]:
    return [note.thumb, note.comment]


def summary_lines(grid: Grid, column: Column) -> tuple[str, ...]:
    """What a column comes to, in plain words."""
    lines = []
    if column.decided or column.not_run:
        open_ones = f", {column.not_run} not run" if column.not_run else ""
        share = column.pass_rate
        spread = "" if share.low is None else f" ({interval(share.low, share.high)})"
        lines.append(f"{column.passed} of {column.decided} passed{open_ones}{spread}{_versus(column, ASSERTIONS)}")
    for name, summary in column.metrics.items():
        title = metric_title(name)
        spread = "" if summary.low is None else f" ({interval(summary.low, summary.high)})"
        lines.append(f"{title} {score(summary.mean)}{spread}{_versus(column, name)}")
    failure_words = f", {column.empty} empty" if column.empty else ""
    failure_words += f", {column.failed} failed" if column.failed else ""
    if column.failed_repeats:
        failure_words += f", {column.failed_repeats} of {column.repeats} repeats failed"
    lines.append(f"{column.answered} of {len(grid.rows)} answered{failure_words}; {_cost_words(column.usage)}")
    if column.seconds is not None:
        lines.append(f"{short_time(column.seconds)} each")
    overlap = column.overlap
    return (*lines, *(text for text in ((overlap.warning, overlap.note) if overlap else ()) if text))


def comparison_values(comparison: Comparison, grid: Grid) -> dict[str, Any]:
    """The comparison as JSON-like values."""
    columns = columns_of(grid)
    rows_by_kind = {kind: set(grid.filter_rows(kind)) for kind in _KINDS}
    return {
        "project": comparison.project,
        "comparison": comparison.id,
        "evaluation_set": {"name": comparison.set_name, "version": comparison.set_version, "size": comparison.total},
        "judge": comparison.judge.label,
        "variants": [
            _column_values(variant, column) for variant, column in zip(comparison.variants, columns, strict=True)
        ],
        "rows": [
            {
                "example_id": example.id,
                "question": example.question,
                "reference": example.reference,
                # Only where there are several: the reference is one of them, and most questions have no other.
                **({"right_answers": list(right)} if len(right := example.right_answers) > 1 else {}),
                "kinds": [kind for kind in _KINDS if place in rows_by_kind[kind]],
                "cells": [_cell_values(name, cell) for name, cell in zip(grid.names, row, strict=True)],
            }
            for place, (example, row) in enumerate(zip(grid.examples, grid.rows, strict=True))
        ],
    }


def _column_values(variant: Configuration, column: Column) -> dict[str, Any]:
    usage = column.usage
    return {
        "name": variant.name,
        "fingerprint": variant.fingerprint,
        "answered": column.answered,
        "failed": column.failed,
        "failed_repeats": column.failed_repeats,
        "passed": column.passed,
        "decided": column.decided,
        # The bounds are null where nothing was decided.
        "pass_rate_ci95": [column.pass_rate.low, column.pass_rate.high],
        "not_run": column.not_run,
        "metrics": {
            name: {"mean": s.mean, "ci95": None if s.low is None else [s.low, s.high], "scored": s.scored,
                   "total": s.total}
            for name, s in column.metrics.items()
        },
        "versus_first": {
            name: {"difference": p.difference, "ci95": [p.low, p.high], "confidence": p.confidence,
                   "p_value": p.p_value, "family": p.family, "pairs": p.pairs, "verdict": p.verdict}
            for name, p in column.versus.items()
        },
        "tokens": {"prompt": usage.prompt_tokens, "completion": usage.completion_tokens},
        "cost_usd": usage.cost_usd,
        "model_calls": usage.calls,
        "cached_calls": usage.cached_calls,
        "seconds_each": column.seconds,
        "training_overlap": column.overlap and column.overlap.model_dump(mode="json"),
    }  # fmt: skip


def _cell_values(name: str, cell: Cell) -> dict[str, Any]:
    return {
        "variant": name,
        "state": cell.state,
        "passed": cell.has_passed,
        "same_share": cell.same,
        "answers": [_answer_values(record) for record in cell.repeats if record is not None],
    }


def _answer_values(record: Record) -> dict[str, Any]:
    return {
        "answer": record.answer.text if record.answer else None,
        "finish_reason": (record.answer.finish_reason or None) if record.answer else None,
        "ending": describe_finish(record.answer) or None,
        "reasoning": (record.answer.reasoning or None) if record.answer else None,
        "failure": record.failure.message if record.failure else None,
        "not_run": record.not_run or None,
        "checks": [
            {"check": score.metric, "passed": score.passed, "explanation": score.explanation or score.failure}
            for _, score in assertions_in(record)
        ],
        "scores": {name: score.value for name, score in metric_scores(record).items()},
        "seconds": record.answer.seconds if record.answer else None,
    }


def _page_cell(cell: Cell, first: Cell | None, metrics: Sequence[str]) -> PageCell:
    record, outcome = cell.record, cell.outcome(metrics)
    stable, repeats = " · ".join(stability(cell)), tuple(repeat_texts(cell))
    if record is None or record.failure is not None:
        failure = "Not answered." if record is None or record.failure is None else record.failure.message
        return PageCell(cell.text, (), (), "", failure, stability=stable, repeats=repeats, passed=outcome.passed,
                        outcome=outcome.word)  # fmt: skip
    assertions = tuple(
        PageAssertion(describe(spec), s.passed, s.explanation or s.failure) for spec, s in assertions_in(record)
    )
    if record.not_run:
        return PageCell("", (), assertions, "", not_run=record.not_run, passed=outcome.passed, outcome=outcome.word)
    # None where there is nothing to mark, or too much.
    pieces = (differences(first, cell) if first is not None else None) or []
    note = ONLY_SPACE if only_space(pieces) else ""
    finish = describe_finish(record.answer)
    return PageCell(cell.visible_text, tuple(pieces), assertions, _facts(record), finish, note=note,
                    stability=stable, repeats=repeats, passed=outcome.passed, outcome=outcome.word)  # fmt: skip


def _facts(record: Record) -> str:
    scores = [f"{metric_title(name)} {score(result.value)}" for name, result in metric_scores(record).items()]
    seconds = [short_time(record.answer.seconds)] if record.answer else []
    return " · ".join([*scores, _cost_words(record.usage), *seconds])


def _cost_words(usage: Usage) -> str:
    if not usage.calls:
        # No call was made: a price of zero would look like a free model.
        return "from the cache" if usage.cached_calls else "no calls"
    return f"{usage.prompt_tokens + usage.completion_tokens:,} tokens, {money(usage.cost_usd)}"


def _versus(column: Column, name: str) -> str:
    paired_test = column.versus.get(name)
    # No pair: nothing to say about which is better.
    if paired_test is None or not paired_test.pairs or paired_test.difference is None:
        return ""
    return f"; {paired_test.verdict} ({with_sign(paired_test.difference)}, p {p_value(paired_test.p_value)})"


def _question_fields(variant: Configuration) -> tuple[tuple[str, str], ...]:
    prompt, model = variant.prompt, variant.model
    fields = [("Model", f"{model.name or 'default model'} on {model.endpoint}, temperature {model.temperature:g}")]
    fields += [("System message", prompt.system)] if prompt.system else []
    fields += [(f"Step {step.name}", step.template) for step in prompt.steps]
    fields.append(("User message", prompt.template))
    if prompt.few_shot is not None:
        shots = prompt.few_shot
        shot_lines = "\n".join(f"{shot.get('question', '')} -> {shot['answer']}" for shot in shots.examples)
        fields.append((f"Few-shot examples ({shots.select})", shot_lines))
    fields += [("Extraction", prompt.extract)] if prompt.extract else []
    return tuple(fields)


def _identity(name: str, repeat: int, record: Record) -> list[object]:
    answer, usage = record.answer, record.usage
    verdict = _VERDICT_WORDS[record.scores[ASSERTIONS].passed] if ASSERTIONS in record.scores else ""
    failure = record.failure.message if record.failure else record.not_run
    return [
        record.example.id, record.example.question, record.example.answers_text or None, name, repeat + 1,
        answer.text if answer else "", verdict, failure,
        usage.prompt_tokens, usage.completion_tokens, usage.cost_usd, answer.seconds if answer else None,
        describe_finish(answer), answer.reasoning_tokens if answer else None,
    ]  # fmt: skip
