"""The rows of a page of the grid, each with its question and one cell per column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from llmopt_core.experiments.comparison import Comparison
from llmopt_core.labs.prompts.board import Place
from llmopt_core.labs.prompts.grid import Grid, is_open
from llmopt_core.labs.prompts.repeats import repeat_texts
from llmopt_core.labs.prompts.row_notes import RowNote, row_notes
from llmopt_core.types import Example
from llmopt_ui import format as fmt
from llmopt_ui.prompts.cells import row_html
from llmopt_ui.prompts.html_blocks import question_html
from llmopt_ui.prompts.live import ask_again
from llmopt_ui.prompts.row_note import row_note
from llmopt_ui.record_view import record_parts
from llmopt_ui.resources import store
from llmopt_ui.session import report_problem
from llmopt_ui.theme import Ink

Slots = dict[int, st.delta_generator.DeltaGenerator]
"""Where the cells of a row are drawn."""


@dataclass(frozen=True, slots=True)
class Page:
    """The rows on the screen, whether differences are marked, and the colours of the columns."""

    rows: tuple[int, ...]
    marks_differences: bool
    colours: tuple[Ink, ...]


def draw_rows(comparison: Comparison, grid: Grid, page: Page, *, busy: bool) -> Slots:
    """Draw the rows of a page; gives the places of their cells, to be drawn over."""
    slots: Slots = {}
    # Not while answers come: fields that are drawn again and again lose what is typed into them.
    notes = {} if busy else row_notes(store(), comparison)
    for row in page.rows:
        with st.container(border=True, gap="xsmall"):
            _question(comparison, grid, row)
            # A place that can be drawn over alone, while the rest of the page stays.
            slots[row] = st.empty()
            draw_row(slots, grid, page, row)
            if not busy:
                _missing(comparison, grid, row)
                example_id = grid.examples[row].id
                row_note(comparison, example_id, notes.get(example_id, RowNote()))
    return slots


def draw_row(slots: Slots, grid: Grid, page: Page, row: int) -> None:
    """Draw the cells of one row as they stand: one piece of the page, since a browser takes its time for each."""
    slots[row].html(row_html(grid, row, page.colours, page.marks_differences))


def _missing(comparison: Comparison, grid: Grid, row: int) -> None:
    """Below a row in which answers failed or are missing, the buttons that ask for them again."""
    missing = [
        [(column, row, repeat) for repeat, record in enumerate(cell.repeats) if is_open(record)]
        for column, cell in enumerate(grid.rows[row])
    ]
    # Columns that are all empty would leave a gap below the row.
    if any(missing):
        for places, column in zip(missing, st.columns(len(grid.names), gap="small"), strict=True):
            if places:
                with column:
                    _ask_again_button(comparison, places)


def _ask_again_button(comparison: Comparison, places: Sequence[Place]) -> None:
    column, row, _ = places[0]
    # One button for all repeats of a cell.
    st.button("Ask again", key=f"cell_again_{comparison.id}_{column}_{row}", icon=":material/refresh:", type="tertiary",
              on_click=_ask, args=(comparison, places))  # fmt: skip


def _ask(comparison: Comparison, places: Sequence[Place]) -> None:
    with report_problem():
        ask_again(comparison, places)


def _question(comparison: Comparison, grid: Grid, row: int) -> None:
    example = grid.examples[row]
    with st.container(horizontal=True, gap="small", vertical_alignment="top", key=f"nowrap_row_{comparison.id}_{row}"):
        st.html(question_html(fmt.shorten(example.question, 400), _example_facts(example)), width="stretch")
        if st.button(
            "Details", key=f"row_details_{comparison.id}_{row}", type="tertiary", icon=":material/unfold_more:"
        ):
            _details(grid, row)


def _example_facts(example: Example) -> str:
    parts = [example.id, example.category or ""]
    parts.append(f"Expected: {fmt.shorten(example.answers_text, 160)}" if example.reference else "")
    return " · ".join(part for part in parts if part)


@st.dialog("One row in full", width="large")
def _details(grid: Grid, row: int) -> None:
    names = list(grid.names)
    name = st.segmented_control("Variant", names, default=names[0], required=True, label_visibility="collapsed",
                                  key=f"row_variant_{row}", format_func=fmt.markdown)  # fmt: skip
    cell = grid.rows[row][names.index(name or names[0])]
    st.text(grid.examples[row].question, width="stretch")
    if cell.record is not None and not cell.record.not_run:
        st.caption("Answers" if len(cell.repeats) > 1 else "Answer")
        # In full, while the grid cuts long answers.
        st.text("\n".join(repeat_texts(cell)) or cell.visible_text, width="stretch")
    if cell.record is None:
        st.caption("Not answered yet.")
    elif cell.record.not_run:
        st.text(cell.record.not_run, width="stretch")
    else:
        if cell.record.answer is not None and cell.record.answer.raw:
            with st.expander("All that the model wrote"):
                st.text(cell.record.answer.raw, width="stretch")
        record_parts(cell.record)
