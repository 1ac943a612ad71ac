"""Draws what arrives while a comparison runs. The script itself waits for it, so nothing is polled from the browser.

A click ends the script at its next drawing, and the one that follows goes on watching.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import streamlit as st

from llmopt_core.experiments.prompt_lab.board import Board
from llmopt_core.experiments.prompt_lab.grid import Filter, Grid, updated
from llmopt_ui import format as fmt
from llmopt_ui.prompt_grid_rows import Page, Slots, draw_cell

_WAIT = 0.25
_BETWEEN = 0.02
_HEAD_EVERY = 0.5
_ROWS_EVERY = 2.0


def watch(  # noqa: PLR0917
    board: Board, grid: Grid, page: Page, slots: Slots, which: Filter, draw_head: Callable[[Grid], None]
) -> None:
    """Keep the page up to date until the comparison ends, then draw all of it again."""
    told = st.empty()
    version, seen = 0, grid
    headed = filtered = time.monotonic()
    while True:
        ended = board.ended
        version, places = board.changes(version, _WAIT)
        grid = updated(grid, board, places)
        for column, row in {(column, row) for column, row, _ in places} & slots.keys():
            if grid.rows[row][column] != seen.rows[row][column]:
                draw_cell(slots, grid, page, column, row)
        seen = grid
        if time.monotonic() - headed > _HEAD_EVERY:
            headed = time.monotonic()
            draw_head(grid)
            told.caption(_progress(grid))
        if ended:
            st.rerun()
        if which != "all" and time.monotonic() - filtered > _ROWS_EVERY:
            filtered = time.monotonic()
            if tuple(grid.shown(which)) != page.rows:
                st.rerun(scope="fragment")
        time.sleep(_BETWEEN)


def _progress(grid: Grid) -> str:
    records = [record for row in grid.rows for cell in row for record in cell.repeats]
    done = sum(record is not None for record in records)
    return f"{done:,} of {fmt.plural(len(records), 'answer')}"
