"""Columns of a comparison are compared by the means of repeats, and by documents where rows share them."""

from __future__ import annotations

from llmopt_core.labs.prompts.columns import columns_of
from llmopt_core.labs.prompts.grid import Cell, Grid
from llmopt_core.types import Answer, Example, Failure, Record, Score, Span

METRIC = "exact_match"


def record(example: Example, value: float | None, failure: str = "") -> Record:
    scores = {} if value is None else {METRIC: Score(METRIC, value)}
    broken = Failure("answer", "endpoint", failure) if failure else None
    return Record(example, Answer("words"), scores=scores, failure=broken)


def cell(example: Example, *values: float | None) -> Cell:
    records = tuple(record(example, value) for value in values)
    return Cell("done", "words", records[0], records)


def grid(examples: list[Example], rows: list[tuple[Cell, ...]]) -> Grid:
    return Grid(("plain", "other"), tuple(examples), tuple(rows), (METRIC,))


def test_the_value_of_a_row_is_the_mean_over_its_repeats() -> None:
    examples = [Example(f"q{i}", "Why?", "a") for i in range(12)]
    rows = [(cell(one, 0.0, 0.0), cell(one, 1.0, 0.0)) for one in examples]
    plain, other = columns_of(grid(examples, rows))
    assert (plain.metrics[METRIC].mean, other.metrics[METRIC].mean) == (0.0, 0.5)
    versus = other.versus[METRIC]
    # Twelve questions, however many repeats.
    assert (versus.difference, versus.pairs) == (0.5, 12)


def test_repeats_without_a_score_or_an_answer_leave_the_others() -> None:
    one = Example("q0", "Why?", "a")
    broken = Cell("done", "words", record(one, 1.0), (record(one, 1.0), record(one, 0.0, "fell over"), None))
    plain, other = columns_of(grid([one], [(cell(one, 1.0, None), broken)]))
    assert (plain.metrics[METRIC].mean, other.metrics[METRIC].mean) == (1.0, 1.0)


def test_rows_about_the_same_documents_are_tested_together() -> None:
    examples = [Example(f"q{i}", "Why?", "a", (Span(f"d{i % 4}.txt", 0, 3),)) for i in range(20)]
    rows = [(cell(one, 0.0), cell(one, 1.0)) for one in examples]
    _, other = columns_of(grid(examples, rows))
    versus = other.versus[METRIC]
    assert (versus.clusters, versus.verdict) == (4, "cannot tell")
    alone = [Example(f"q{i}", "Why?", "a") for i in range(20)]
    _, other = columns_of(grid(alone, [(cell(one, 0.0), cell(one, 1.0)) for one in alone]))
    assert (other.versus[METRIC].clusters, other.versus[METRIC].verdict) == (None, "better")
