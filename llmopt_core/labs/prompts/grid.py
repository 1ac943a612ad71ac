"""The grid of a comparison: its cells, which rows to show, how stable an answer is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from llmopt_core.experiments.comparison import Comparison
from llmopt_core.experiments.comparison_plan import with_assertions
from llmopt_core.experiments.grading import ASSERTIONS
from llmopt_core.experiments.run_scores import higher_is_better
from llmopt_core.experiments.training_overlap import TrainingOverlap
from llmopt_core.experiments.training_sources import overlap_of
from llmopt_core.labs.prompts.board import Board, Live, Place, State, state_of
from llmopt_core.labs.prompts.outcome import Outcome, assertions_in, is_blank, outcome_of, passes_assertions
from llmopt_core.labs.prompts.row_notes import thumbs_down
from llmopt_core.runs.store import Store
from llmopt_core.text.word_diff import Op, word_diff
from llmopt_core.text.words import fold_to_words
from llmopt_core.types import Example, Record, Score

Filter = Literal["all", "failures", "different", "regressions"]
# Below this, two scores differ by rounding alone.
_LEAST_DIFFERENCE = 1e-9
# Of texts that share less, a word difference is harder to read than both.
_LEAST_SIMILARITY = 0.5
EMPTY = "(empty)"
"""What stands in the place of an answer without a word."""


@dataclass(frozen=True, slots=True)
class Cell:
    """The answers of one variant to one example.

    Attributes:
        state: Of the first answer.
        text: The first answer, or what has come of it.
        repeats: All answers; None for one that is not there yet.
    """

    state: State
    text: str
    record: Record | None
    repeats: tuple[Record | None, ...] = ()

    @property
    def has_passed(self) -> bool | None:
        """Whether the first answer passed its assertions; None where there are none, or that is not known."""
        return passes_assertions(self.record)

    @property
    def visible_text(self) -> str:
        """The first answer as people read it: one without a word says so."""
        return EMPTY if self.state == "done" and not self.text.strip() else self.text

    @property
    def texts(self) -> list[str]:
        """Every whole answer."""
        return [r.answer.text for r in self.repeats if r is not None and r.answer is not None and r.failure is None]

    @property
    def same(self) -> float | None:
        """The share of the answers that say the commonest thing, but for case, spaces and punctuation; None for one."""
        # One answer agrees with itself, which says nothing.
        if len(self.texts) < 2:
            return None
        # Folded: a point at the end or a capital is no other answer.
        return Counter(map(fold_to_words, self.texts)).most_common(1)[0][1] / len(self.texts)

    @property
    def repeat_failures(self) -> list[str]:
        """Why answers after the first failed."""
        later = [record.failure for record in self.repeats[1:] if record is not None]
        # A stop is no failure of the model.
        return [failure.message for failure in later if failure is not None and failure.kind != "cancelled"]

    def outcome(self, metrics: Sequence[str] = ()) -> Outcome:
        """Whether its answers passed, as a reader would say; where no assertion decides, by these metrics."""
        return outcome_of(self.repeats or (self.record,), metrics)

    @property
    def passes(self) -> tuple[int, int]:
        """How many repeats passed, of how many that are decided."""
        verdicts = [verdict for record in self.repeats if (verdict := passes_assertions(record)) is not None]
        return sum(verdicts), len(verdicts)


@dataclass(frozen=True)
class Grid:
    """A comparison's answers as rows of cells.

    Attributes:
        overlaps: For each column what its tuned parts have learned from these rows; empty where that was not looked up.
        disliked: The examples whose rows got a thumb down, which is a failure whatever checks and scores say.
    """

    names: tuple[str, ...]
    examples: tuple[Example, ...]
    rows: tuple[tuple[Cell, ...], ...]
    metrics: tuple[str, ...] = ()
    overlaps: tuple[TrainingOverlap, ...] = ()
    disliked: frozenset[str] = frozenset()

    def filter_rows(self, which: Filter) -> list[int]:
        """The rows that a filter keeps."""
        # A thumb down belongs to a row and not to one of its cells.
        disliked_ids = self.disliked if which == "failures" else ()
        return [
            number
            for number, row in enumerate(self.rows)
            if self.examples[number].id in disliked_ids or _FILTERS[which](row, self.metrics)
        ]

    def counts(self) -> dict[Filter, int]:
        """How many rows each filter keeps."""
        return {which: len(self.filter_rows(which)) for which in _FILTERS}


def load_grid(store: Store, comparison: Comparison, examples: Sequence[Example], board: Board | None = None) -> Grid:
    """The grid as it stands: stored records, and over them what is on the board.

    Args:
        store: Holds the records.
        comparison: The comparison.
        examples: Its rows.
        board: Where it is being worked on, if it is.
    """
    row_examples = tuple(with_assertions(example, comparison.assertions) for example in examples)
    place_of = {example.id: row for row, example in enumerate(examples)}
    records: dict[Place, Record] = {}
    for column, runs in enumerate(comparison.runs):
        for repeat, run in enumerate(runs):
            for record in store.records(run.id):
                # The set was edited: rows that are no longer in it have no place.
                if record.example.id in place_of:
                    records[column, place_of[record.example.id], repeat] = record
    # The board last: it knows what is not stored yet.
    live = board.cells() if board is not None else {}
    rows = _rows(comparison, len(row_examples), records, live)
    # By the first run, since repeats ask the same.
    overlaps = tuple(overlap_of(store, runs[0]) for runs in comparison.runs)
    return Grid(
        tuple(v.name for v in comparison.variants),
        row_examples,
        rows,
        comparison.metrics,
        overlaps,
        thumbs_down(store, comparison),
    )


def update_grid(grid: Grid, board: Board, places: Sequence[Place]) -> Grid:
    """The grid with these places taken from the board."""
    rows = [list(row) for row in grid.rows]
    for column, row, repeat in places:
        live = board.cell((column, row, repeat))
        old = rows[row][column]
        repeats = (*old.repeats[:repeat], live.record, *old.repeats[repeat + 1 :])
        # A repeat changes what is said of stability, and not the answer that is shown.
        rows[row][column] = _cell(live, repeats) if repeat == 0 else Cell(old.state, old.text, old.record, repeats)
    return replace(grid, rows=tuple(map(tuple, rows)))


def is_open(record: Record | None) -> bool:
    """Whether asking again may give more: no answer, a failed one, or one that lacks a score that can be had."""
    if record is None or record.failure is not None:
        return True
    # A judge that could not be asked can be asked again; the answer stays.
    return any(score.failure_kind for score in record.scores.values())


def missing_cells(grid: Grid) -> list[Place]:
    """What was never answered, failed or was stopped, or has a score that can still be had."""
    return [
        (column, row, repeat)
        for row, cells in enumerate(grid.rows)
        for column, cell in enumerate(cells)
        for repeat, record in enumerate(cell.repeats)
        if is_open(record)
    ]


def differences(first: Cell, other: Cell) -> list[tuple[Op, str]] | None:
    """What the other says, with what the first says instead, word by word.

    None where there is nothing to mark: one has not answered, both say the same, or less than half of the first is
    kept, so that marks would strike out most of an answer.
    """
    if not (first.state == other.state == "done" and first.text.strip() and other.text.strip()):
        return None
    if first.text == other.text:
        return None
    pieces = word_diff(first.text, other.text)
    # Words that both have, and words that only the first has.
    common_count, deletion_count = (
        sum(len(text.split()) for op, text in pieces if op == kind) for kind in ("equal", "delete")
    )
    return pieces if common_count and common_count >= _LEAST_SIMILARITY * (common_count + deletion_count) else None


def metric_scores(record: Record) -> dict[str, Score]:
    """The record's scores that are no assertions."""
    assertions = {ASSERTIONS, *(score.metric for _, score in assertions_in(record))}
    return {name: score for name, score in record.scores.items() if name not in assertions}


def is_regression(first: Cell, other: Cell, metrics: Sequence[str]) -> bool:
    """Whether the other does worse than the first: it failed, is empty, or an assertion fails, or a metric is worse.

    Metrics decide only where the assertions do not.
    """
    if first.record is None or other.record is None or first.state != "done":
        return False
    if other.state == "failed":
        return True
    if other.state != "done":
        return False
    # An empty answer has no score to fall.
    if is_blank(other.record) and not is_blank(first.record):
        return True
    if first.has_passed is not None and other.has_passed is not None:
        return first.has_passed and not other.has_passed
    return any(_is_worse(first.record, other.record, metric) for metric in metrics)


def _is_worse(first: Record, other: Record, metric: str) -> bool:
    before, after = (record.scores[metric].value if metric in record.scores else None for record in (first, other))
    if before is None or after is None:
        return False
    return (before - after if higher_is_better(metric) else after - before) > _LEAST_DIFFERENCE


def _rows(
    comparison: Comparison, size: int, stored_records: Mapping[Place, Record], live: Mapping[Place, Live]
) -> tuple[tuple[Cell, ...], ...]:
    def one(column: int, row: int) -> Cell:
        places = [(column, row, repeat) for repeat in range(comparison.repeats)]
        # What is on the board is newer than what was read from the store.
        records = [live[place].record if place in live else stored_records.get(place) for place in places]
        return _cell(live.get(places[0]), tuple(records))

    return tuple(tuple(one(column, row) for column in range(len(comparison.variants))) for row in range(size))


def _cell(live: Live | None, repeats: tuple[Record | None, ...]) -> Cell:
    first = repeats[0]
    if first is None:
        # Not stored and on no board: the process that asked is gone.
        return Cell(live.state if live else "cancelled", live.text if live else "", None, repeats)
    return Cell(state_of(first), first.answer.text if first.answer else "", first, repeats)


def _bad(row: Sequence[Cell], metrics: Sequence[str]) -> bool:
    return any(cell.outcome(metrics).passed is False for cell in row)


def _different(row: Sequence[Cell], metrics: Sequence[str]) -> bool:
    return len({cell.text.strip() for cell in row if cell.state == "done"}) > 1


def _has_regressed(row: Sequence[Cell], metrics: Sequence[str]) -> bool:
    return any(is_regression(row[0], other, metrics) for other in row[1:])


_FILTERS: Mapping[Filter, Callable[[Sequence[Cell], Sequence[str]], bool]] = {
    "all": lambda row, metrics: True,
    "failures": _bad,
    "different": _different,
    "regressions": _has_regressed,
}

FILTER_NAMES: tuple[Filter, ...] = tuple(_FILTERS)
