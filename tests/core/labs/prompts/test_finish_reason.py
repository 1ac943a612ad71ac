"""Why answers ended stands in the grid's exports and cells."""

from __future__ import annotations

import csv
import io

from llmopt_core.labs.prompts.export import _page_cell, comparison_csv
from llmopt_core.labs.prompts.grid import Grid, _cell
from llmopt_core.types import Answer, Example, Record
from llmopt_ui.prompts.cells import cell_html

TOLD = "No answer: the model spent its 64 tokens on reasoning; raise max_tokens."


def test_an_empty_answer_that_was_cut_is_told_in_csv_html_and_grid() -> None:
    cut = Answer("", finish_reason="length", reasoning="hm", reasoning_tokens=64, notes=(TOLD,))
    held = Answer("Half", finish_reason="content_filter")
    example = Example("q1", "Why?")
    cells = tuple(_cell(None, (Record(example, answer=answer),)) for answer in (cut, held))
    grid = Grid(("a", "b"), (example,), (cells,))

    rows = list(csv.DictReader(io.StringIO(comparison_csv(grid))))
    assert [row["ending"] for row in rows] == [TOLD, "The endpoint's content filter ended the answer."]
    assert rows[0]["reasoning tokens"] == "64"
    assert TOLD in cell_html(grid.rows[0][0], None)
    assert _page_cell(grid.rows[0][0], None, ()).failure == TOLD
