"""One cell of the grid: an answer with its assertions, scores, tokens, cost and time."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt_core.answering.finish_reason import describe_finish
from llmopt_core.evaluation.metrics.catalogue import METRICS
from llmopt_core.labs.prompts.grid import EMPTY, Cell, Grid, differences, metric_scores
from llmopt_core.labs.prompts.outcome import assertions_in
from llmopt_core.labs.prompts.repeats import stability
from llmopt_core.types import Record
from llmopt_ui import format as fmt
from llmopt_ui.prompts.html_blocks import (
    assertions_html,
    cells_html,
    diff_html,
    escape_text,
    meta_html,
    text_html,
    title_html,
)
from llmopt_ui.theme import Ink

_WAITING = {"waiting": "Waiting", "running": "Asked …", "cancelled": "Not answered"}


def row_html(grid: Grid, row: int, colours: Sequence[Ink], mark_differences: bool) -> str:
    """The cells of a row beside each other, each with its variant's name and whether it passed.

    Args:
        grid: The answers.
        row: Which.
        colours: Of their variants.
        mark_differences: Whether the others show how they differ from the first.
    """
    cells = grid.rows[row]
    outcomes = [cell.outcome(grid.metrics) for cell in cells]
    columns = [
        # The first is what the others are compared with, so it marks nothing.
        title_html(name, ink, outcome) + cell_html(cell, cells[0] if mark_differences and place else None)
        for place, (cell, name, ink, outcome) in enumerate(zip(cells, grid.names, colours, outcomes, strict=True))
    ]
    return cells_html(columns, [outcome.passed for outcome in outcomes])


def cell_html(cell: Cell, first: Cell | None) -> str:
    """The cell as HTML, every text in it escaped.

    Args:
        cell: What to show.
        first: The first column's cell to mark differences against; None for plain text.
    """
    record = cell.record
    if record is None:
        return text_html(cell.text or _WAITING.get(cell.state, ""), pending=True)
    if record.failure is not None:
        # What had come before the failure is paid and may show what went wrong.
        piece = text_html(cell.text, pending=True) if cell.text else ""
        failure_html = f'<div class="llmopt-text llmopt-failure">{escape_text(record.failure.message)}</div>'
        return f"{piece}{failure_html}{meta_html(stability(cell))}"
    if record.not_run:
        return f"{text_html(record.not_run, pending=True)}{assertions_html(assertions_in(record))}"
    pieces = differences(first, cell) if first is not None else None
    plain = text_html(cell.visible_text, pending=cell.visible_text == EMPTY)
    answer_html = plain if pieces is None else diff_html(pieces)
    if finish := describe_finish(record.answer):
        answer_html += f'<div class="llmopt-text llmopt-failure">{escape_text(finish)}</div>'
    return "".join(
        [
            answer_html,
            assertions_html(assertions_in(record)),
            meta_html(_facts(cell, record)),
            meta_html(stability(cell)),
        ]
    )


def _facts(cell: Cell, record: Record) -> list[str]:
    usage, answer = record.usage, record.answer
    scores = [f"{_metric_label(name)} {fmt.score(score.value)}" for name, score in metric_scores(record).items()]
    tokens = usage.prompt_tokens + usage.completion_tokens
    # A cached answer cost nothing now; its former tokens are no news in a grid.
    costs = [f"{tokens:,} tokens", fmt.money(usage.cost_usd)] if usage.calls else ["from the cache"]
    if answer is not None and answer.reasoning_tokens:
        costs.insert(1, f"{answer.reasoning_tokens:,} of reasoning")
    seconds = [fmt.short_time(answer.seconds)] if answer is not None else []
    return [fmt.unbroken(part) for part in (*scores, *costs, *seconds)]


def _metric_label(name: str) -> str:
    return METRICS[name].title if name in METRICS else name
