"""Draws what arrives while a comparison runs. The script itself waits for it, so nothing is polled from the browser.

A click ends the script at its next drawing, and the one that follows goes on watching.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from llmopt_core.labs.prompts.board import Board
from llmopt_core.labs.prompts.grid import Cell, Filter, Grid, update_grid
from llmopt_ui.prompts.grid_rows import Page, Slots, draw_row

_WAIT = 0.25
"""Seconds to wait for news where nothing is left to draw."""
_BETWEEN = 0.02
"""Seconds between two looks, so that a stream of words does not take a whole core."""
# A first word is drawn at once. What follows is drawn a few times a second: a browser that is sent more than it can
# draw falls behind, and stays behind.
_TEXT_EVERY = 0.12
_HEAD_EVERY = 1.0
_HEAD_SHARE = 10
"""Drawing the summary takes at most one part in ten of the time: it tests all answers anew."""
_ROWS_EVERY = 2.0
"""Seconds. Which rows a filter shows may change with any answer; rows that jump more often cannot be read."""


def watch_grid(  # noqa: PLR0917
    board: Board, grid: Grid, page: Page, slots: Slots, which: Filter, draw_head: Callable[[Grid], None],
    draw_progress: Callable[[Grid], None],
) -> None:  # fmt: skip
    """Keep the page up to date until the comparison ends, then draw all of it again."""
    draw_progress(grid)
    # Answers of rows that somebody looks at are streamed; others come whole.
    board.look_at(_viewer(), page.rows)
    rows = _Rows(page, slots, grid)
    head = _Head(grid)
    version, filter_time = 0, time.monotonic()
    while True:
        has_ended = board.has_ended
        # Waits shorter while something is left to draw: its time may come before the next news.
        version, places = board.changes(version, _TEXT_EVERY if rows.waiting else _WAIT)
        grid = update_grid(grid, board, places)
        rows.draw(grid, (row for _, row, _ in places))
        if head.is_due(grid):
            head.draw(grid, draw_head)
            draw_progress(grid)
        # Read before the changes: what came between both is drawn above, and nothing comes after it.
        if has_ended:
            st.rerun()
        if which != "all" and time.monotonic() - filter_time > _ROWS_EVERY:
            filter_time = time.monotonic()
            # Only where it changes what is on the screen.
            if tuple(grid.filter_rows(which)) != page.rows:
                st.rerun(scope="fragment")
        time.sleep(_BETWEEN)


class _Rows:
    """The rows on the screen.

    Attributes:
        waiting: Those with text that is not drawn yet.
    """

    def __init__(self, page: Page, slots: Slots, grid: Grid) -> None:
        self._page, self._slots = page, slots
        # Cells as they were drawn; they are never changed but replaced, so comparing them tells what is new.
        self._drawn = {row: grid.rows[row] for row in slots}
        self._at = dict.fromkeys(slots, 0.0)
        self.waiting: set[int] = set()

    def draw(self, grid: Grid, rows_to_draw: Iterable[int]) -> None:
        """Draw what is due of what waits and of what was touched."""
        self.waiting |= {row for row in rows_to_draw if row in self._slots}
        for row in sorted(self.waiting):
            cells, now = grid.rows[row], time.monotonic()
            if not _has_news(self._drawn[row], cells) and now - self._at[row] < _TEXT_EVERY:
                continue
            self.waiting.discard(row)
            if cells != self._drawn[row]:
                draw_row(self._slots, grid, self._page, row)
                self._drawn[row], self._at[row] = cells, now


class _Head:
    """The summaries above the columns, drawn anew where an answer has ended; seldom where that takes long."""

    def __init__(self, grid: Grid) -> None:
        self._drawn, self._next = count_ended(grid), 0.0

    def is_due(self, grid: Grid) -> bool:
        """Whether to draw now."""
        return time.monotonic() > self._next and count_ended(grid) != self._drawn

    def draw(self, grid: Grid, draw_head: Callable[[Grid], None]) -> None:
        """Draw, and note how long it took."""
        start = time.monotonic()
        draw_head(grid)
        end = time.monotonic()
        # The longer a drawing took, the longer until the next one.
        self._drawn, self._next = count_ended(grid), end + max(_HEAD_EVERY, _HEAD_SHARE * (end - start))


def _has_news(cells_before: Sequence[Cell], cells: Sequence[Cell]) -> bool:
    """Whether some answer shows its first word, or has ended. That it has been asked can wait."""
    return any(
        new.state not in (old.state, "running") or (new.text and not old.text)
        for old, new in zip(cells_before, cells, strict=True)
    )


def count_ended(grid: Grid) -> tuple[int, int]:
    """How many answers have ended, of how many."""
    records = [record for row in grid.rows for cell in row for record in cell.repeats]
    return sum(record is not None for record in records), len(records)


def _viewer() -> str:
    """Names this browser tab among those that look at a comparison."""
    context = get_script_run_ctx()
    # Without a browser, as in tests, there is one viewer.
    return context.session_id if context else "page"
