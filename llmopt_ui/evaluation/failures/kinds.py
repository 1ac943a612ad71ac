"""What fails: categories by kinds by configurations, by what the program tells or by what people noted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from llmopt_core.labs.evaluation.failure_counts import count_kinds
from llmopt_core.labs.evaluation.failure_kinds import FAILURE_EXPLANATIONS, FAILURE_KINDS
from llmopt_core.labs.evaluation.failure_summary import UNKNOWN
from llmopt_core.labs.evaluation.note_groups import count_by_category
from llmopt_core.text.csv_text import csv_text
from llmopt_ui import format as fmt
from llmopt_ui.chart_view import show_chart
from llmopt_ui.components import downloads, section
from llmopt_ui.evaluation.failures.data import Desk, kind_title
from llmopt_ui.evaluation.failures.kind_figure import KindCell, kind_figure, read_category
from llmopt_ui.evaluation.failures.record_filter import choose_records
from llmopt_ui.tables import show_table

MAP, BY = "failures_map", "failures_by"
_AUTOMATIC, _GROUPS = "Found by the program", "Noted by people"
_HEADER = ("configuration", "category", "kind", "records", "of", "share", "low", "high", "example_ids")
_CAPTIONS = {
    _AUTOMATIC: "Numbers are records, colours their share of those of which it is known whether they failed; a record "
    "may be of several kinds. Point at a cell for its interval, click it to read its records below.",
    _GROUPS: "Numbers are notes, colours their share of the records that were read. These were not drawn at random, so "
    "the shares compare kinds and are none of the whole set.",
}


def kinds_view(desk: Desk) -> None:
    """The map, with its numbers to read and to take away."""
    section("What fails")
    by = _AUTOMATIC
    if desk.notes().groups:
        by = st.segmented_control("Kinds", [_AUTOMATIC, _GROUPS], default=_AUTOMATIC, required=True, key=BY) or by
    cells, titles = _groups(desk) if by == _GROUPS else _kinds(desk)
    if not titles:
        st.caption("No record of these runs failed.")
        return
    key = f"{MAP}_{by}"
    show_chart(
        kind_figure(cells, titles),
        key,
        "Records of each kind of failure, by configuration and category",
        plain=True,
        on_select=lambda: _take_click(key),
        selection_mode="points",
    )
    st.caption(_CAPTIONS[by])
    with st.expander("As a table, with intervals", icon=":material/table:"):
        for kind in titles if by == _AUTOMATIC else ():
            if words := FAILURE_EXPLANATIONS.get(kind, ""):  # type: ignore[call-overload]
                st.caption(f"**{kind_title(kind)}:** {fmt.markdown(words)}")
        show_table(
            [
                {
                    "Configuration": fmt.markdown(cell.configuration),
                    "Category": "all" if cell.category is None else fmt.markdown(cell.category or "none"),
                    "Kind": fmt.markdown(titles[cell.kind]),
                    "Records": cell.words,
                }
                for cell in cells
                if cell.rate.passed
            ],
            "Records of each kind by configuration and category",
        )
    downloads("failures_kinds_files", ("Kinds (CSV)", lambda: _csv(cells, titles), "failure-kinds.csv"))


def _kinds(desk: Desk) -> tuple[list[KindCell], dict[str, str]]:
    counts = [*count_kinds(desk.diagnoses), *count_kinds(desk.diagnoses, by_category=True)]
    cells = [
        KindCell(one.configuration, one.category, one.kind or UNKNOWN, one.rate, one.example_ids) for one in counts
    ]
    present = {cell.kind for cell in cells if cell.rate.passed}
    titles: dict[str, str] = {kind: kind_title(kind) for kind in FAILURE_KINDS if kind in present}
    titles |= {UNKNOWN: kind_title(None)} if UNKNOWN in present else {}
    return _in_blocks(desk, [cell for cell in cells if cell.kind in titles]), titles


def _groups(desk: Desk) -> tuple[list[KindCell], dict[str, str]]:
    book = desk.notes()
    cells = [
        KindCell(one.configuration, one.category, one.group, one.rate, one.example_ids)
        for one in count_by_category(book, desk.run_names)
    ]
    present = {cell.kind for cell in cells if cell.rate.passed}
    titles = {group: name for group, name in book.groups.items() if group in present}
    return _in_blocks(desk, [cell for cell in cells if cell.kind in titles]), titles


def _in_blocks(desk: Desk, cells: Sequence[KindCell]) -> list[KindCell]:
    """All rows of a configuration together, the one of all categories first; it alone where there is one category."""
    ordered: list[KindCell] = []
    for name in desk.runs:
        block = [cell for cell in cells if cell.configuration == name]
        categories = {cell.category for cell in block if cell.category is not None}
        # A second row of the same numbers would say nothing.
        ordered += [cell for cell in block if cell.category is None]
        ordered += [cell for cell in block if cell.category is not None and len(categories) > 1]
    return ordered


def _take_click(key: str) -> None:
    """Read the records of the cell that was clicked."""
    event: Any = st.session_state.get(key)
    points = event.selection.points if event else []
    data = points[0].get("customdata") if points else None
    if isinstance(data, list | tuple) and len(data) > 2:
        configuration, category, kind = map(str, data[:3])
        choose_records(configuration, kind, read_category(category))


def _csv(cells: Sequence[KindCell], titles: Mapping[str, str]) -> str:
    return csv_text(_HEADER, [
        (
            cell.configuration, "all" if cell.category is None else cell.category, titles[cell.kind], cell.rate.passed,
            cell.rate.scored, cell.rate.share, cell.rate.low, cell.rate.high, " ".join(cell.example_ids),
        )
        for cell in cells
    ])  # fmt: skip
