"""What each column of a comparison comes to, and whether it does better than the first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from llmopt_core.experiments.document_clusters import cluster_labels
from llmopt_core.experiments.grading import ASSERTIONS
from llmopt_core.experiments.run_scores import higher_is_better
from llmopt_core.experiments.training_overlap import TrainingOverlap, withhold_verdict
from llmopt_core.labs.prompts.grid import EMPTY, Cell, Grid
from llmopt_core.statistics.clusters import summarize_clusters
from llmopt_core.statistics.intervals import Rate, Summary, rate
from llmopt_core.statistics.paired_comparison import Comparison as Paired
from llmopt_core.statistics.paired_comparison import compare_family
from llmopt_core.statistics.paired_wins import question_means
from llmopt_core.statistics.tables import mean
from llmopt_core.types import Usage


@dataclass(frozen=True, slots=True)
class Column:
    """What one variant comes to over the examples, by first answers.

    `usage` covers repeats, too, and means and tests take the mean over the repeats of each example.

    Attributes:
        passed: How many answers passed; `decided` is how many passed or failed.
        not_run: Rows that were not asked, or whose answer's assertions could not all be run.
        empty: Answers without a word.
        failed_repeats: Answers after the first of a cell that failed; `repeats` is how many were asked for.
        seconds: Mean time of an answer.
        metrics: Mean and interval of each metric.
        versus: Against the first column, on the same rows: each metric, and `checks` for passing; empty for the first.
            All columns are tested together, by each metric.
        overlap: What its tuned parts have learned from these rows; None where that was not looked up.
    """

    answered: int
    failed: int
    passed: int
    decided: int
    not_run: int
    usage: Usage
    seconds: float | None
    failed_repeats: int = 0
    repeats: int = 0
    empty: int = 0
    metrics: Mapping[str, Summary] = field(default_factory=dict)
    versus: Mapping[str, Paired] = field(default_factory=dict)
    overlap: TrainingOverlap | None = None

    @property
    def pass_rate(self) -> Rate:
        """The share that passed, with its interval."""
        return rate([True] * self.passed + [False] * (self.decided - self.passed))


def columns_of(grid: Grid, *, with_tests: bool = True) -> list[Column]:
    """One summary per column.

    Args:
        grid: The answers.
        with_tests: Whether to test the columns against the first, which takes some time.
    """
    versus = _versus(grid) if with_tests else {}
    return [_column(grid, number, versus.get(number, {})) for number in range(len(grid.names))]


def _column(grid: Grid, number: int, versus: Mapping[str, Paired]) -> Column:
    cells, clusters = [row[number] for row in grid.rows], cluster_labels(grid.examples)
    # A failed answer has no passing to speak of; it is counted below.
    done_cells = [cell for cell in cells if cell.state == "done"]
    verdicts = [cell.has_passed for cell in done_cells if cell.has_passed is not None]
    records = [record for cell in cells for record in cell.repeats if record is not None]
    answers = [cell.record.answer for cell in done_cells if cell.record is not None]
    seconds = [answer.seconds for answer in answers if answer is not None]
    # Answers with assertions of which not all could be decided are counted as not run.
    checked_count = sum(cell.record is not None and ASSERTIONS in cell.record.scores for cell in done_cells)
    not_run = sum(cell.state == "not run" for cell in cells)
    return Column(
        len(done_cells),
        sum(cell.state == "failed" for cell in cells),
        sum(verdicts),
        len(verdicts),
        checked_count - len(verdicts) + not_run,
        # Repeats as well: they were paid.
        sum((record.usage for record in records), Usage()),
        mean(seconds),
        sum(len(cell.repeat_failures) for cell in cells),
        # A cell that is not asked has no repeats to fail.
        sum(max(0, len(cell.repeats) - 1) for cell in cells if cell.state != "not run"),
        sum(cell.visible_text == EMPTY for cell in done_cells),
        # None where a cell has no value, so that all columns keep the same rows.
        {metric: summarize_clusters([_value(cell, metric) for cell in cells], clusters) for metric in grid.metrics},
        versus,
        grid.overlaps[number] if grid.overlaps else None,
    )


def _versus(grid: Grid) -> dict[int, dict[str, Paired]]:
    """By the number of the column."""
    # Nothing to compare in passing where no row has an assertion.
    has_assertions = any(cell.has_passed is not None for row in grid.rows for cell in row)
    others, clusters = range(1, len(grid.names)), cluster_labels(grid.examples)
    versus: dict[int, dict[str, Paired]] = {number: {} for number in others}
    for name in ([ASSERTIONS] if has_assertions else []) + list(grid.metrics):
        values = [[_value(row[place], name) for row in grid.rows] for place in range(len(grid.names))]
        # Together: with several variants one of them is ahead by chance soon.
        comparisons = compare_family(
            [(values[0], values[number]) for number in others], higher_is_better(name), clusters=clusters
        )
        for number, one in zip(others, comparisons, strict=True):
            # Who has learned the questions shows its numbers, but no verdict.
            versus[number][name] = withhold_verdict(one, knows_a=_has_seen(grid, 0), knows_b=_has_seen(grid, number))
    return versus


def _has_seen(grid: Grid, number: int) -> bool:
    return bool(grid.overlaps) and grid.overlaps[number].overlap_count > 0


def _value(cell: Cell, metric: str) -> float | None:
    """The mean over the cell's repeats: they are no further questions, so only their mean is tested."""
    # A failed or stopped answer may have scores of an earlier attempt.
    if cell.record is None or cell.state != "done":
        return None
    records = [record for record in cell.repeats or (cell.record,) if record is not None and record.failure is None]
    scores = [record.scores[metric].value if metric in record.scores else None for record in records]
    return question_means([[score] for score in scores])[0] if scores else None
