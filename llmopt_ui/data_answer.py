"""What a database answered: every query that was tried, the one that counts, its result and its chart.

Queries, names of columns and cells are shown as they stand, never read as Markdown or HTML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from llmopt_core.labs.data_questions.result_chart import chart_of
from llmopt_core.text.csv_text import csv_text
from llmopt_core.types import DataAnswer, QueryAttempt
from llmopt_ui import format as fmt
from llmopt_ui.chart_view import show_chart
from llmopt_ui.components import downloads
from llmopt_ui.result_figure import result_figure
from llmopt_ui.tables import data_table

if TYPE_CHECKING:
    import pandas as pd

_STAGES = {"draft": "Draft", "hypothetical": "Draft to search with", "repair": "Repair", "sample": "Further draft"}
_STATUS = {
    "ok": ":green[:material/check: ran]",
    "refused": ":red[:material/block: refused]",
    "ended": ":red[:material/timer_off: ended at a limit]",
    "error": ":red[:material/close: error]",
    "absent": ":red[:material/close: no query]",
    "unread": ":gray[not run]",
}
_ALL_TEXT = 20_000
"""Characters of a query that are shown; a model that repeats itself writes more."""


def data_answer_view(data: DataAnswer, key: str) -> None:
    """All of it, for a record: result, query, attempts.

    Args:
        data: What is shown.
        key: Begins the keys of its elements.
    """
    result_view(data, key)
    query_view(data)
    origin_line(data)
    st.markdown(f"**{fmt.plural(len(data.attempts), 'attempt')}**")
    attempts_view(data)


def result_view(data: DataAnswer, key: str) -> None:
    """The rows that were taken, with the obvious chart; why there are none."""
    attempt = data.attempt
    if attempt is None:
        st.markdown(":red[:material/close: No query gave a result.]")
        return
    chart = chart_of(attempt.columns, attempt.rows)
    if chart.kind == "number":
        st.metric(fmt.markdown(attempt.columns[0]) or "Result", fmt_cell(attempt.rows[0][0]))
    elif chart.kind != "none":
        figure = result_figure(chart, attempt.columns, attempt.rows)
        show_chart(figure, f"{key}_chart", "The result as a chart")
    if attempt.row_count:
        data_table(result_table(attempt), placeholder="NULL", alt="The rows of the result", lines=3, key=f"{key}_rows")
    st.caption(f"{rows_text(attempt)}{'' if chart.kind != 'none' else ' · No chart: ' + chart.reason}")
    downloads(key, ("Rows (CSV)", lambda: csv_text(attempt.columns, attempt.rows), "result.csv"))


def query_view(data: DataAnswer) -> None:
    """The query that counts, to be copied."""
    if data.sql:
        st.code(data.sql[:_ALL_TEXT], language="sql", wrap_lines=True)


def origin_line(data: DataAnswer) -> None:
    """Where the answer came from, and what the model was shown."""
    tables = [
        f"{name} ({why})" if why else name
        for name, why in zip(data.tables, data.table_reasons or [""] * len(data.tables), strict=False)
    ]
    words = [f"Answered by the database {data.source}"]
    words += [f"shown {fmt.plural(len(tables), 'table')}: {fmt.shorten(', '.join(tables), 400)}"] if tables else []
    words += [f"{data.votes[0]} of {data.votes[1]} drafts agree"] if data.votes else []
    st.caption(fmt.markdown(" · ".join(words)))
    if data.examples:
        st.caption(fmt.markdown(f"Solved queries shown: {fmt.shorten(' · '.join(data.examples), 600)}"))


def attempts_view(data: DataAnswer) -> None:
    """Each query in the order in which it was tried; the one that was taken is marked."""
    for number, attempt in enumerate(data.attempts):
        attempt_view(number, attempt, is_taken=number == data.result)
    if not data.attempts:
        st.caption("No query was tried.")


def attempt_view(number: int, attempt: QueryAttempt, *, is_taken: bool = False) -> None:
    """One query with what the database said to it."""
    with st.container(border=True, gap="xsmall"):
        parts = [f"**{number + 1}. {_STAGES.get(attempt.stage, attempt.stage)}**", _STATUS[attempt.status]]
        parts += [f":gray[{rows_text(attempt)} · {fmt.short_time(attempt.seconds)}]"] if attempt.status == "ok" else []
        parts += [":blue-badge[taken]"] if is_taken else []
        st.markdown(" ".join(parts))
        if attempt.sql:
            st.code(attempt.sql[:_ALL_TEXT], language="sql", wrap_lines=True)
        if attempt.reason:
            st.text(attempt.reason, width="stretch")


def rows_text(attempt: QueryAttempt) -> str:
    """How many rows there are, and how many of them are shown."""
    count = fmt.plural(attempt.row_count, "row")
    if attempt.rows_cut:
        count = f"more than {count}"
    shown = len(attempt.rows)
    return count if shown >= attempt.row_count else f"{count}, of which the first {shown} are kept"


def result_table(attempt: QueryAttempt) -> pd.DataFrame:
    """The rows as a table; columns of the same name are told apart, and one that mixes kinds is text."""
    import pandas as pd

    names: list[str] = []
    for place, column in enumerate(attempt.columns):
        name = column or f"column {place + 1}"
        names.append(name if name not in names else f"{name} ({place + 1})")
    columns = zip(*attempt.rows, strict=True) if attempt.rows else [() for _ in names]
    return pd.DataFrame({name: _column(cells) for name, cells in zip(names, columns, strict=True)})


def _column(cells: tuple[object, ...]) -> pd.Series:
    import pandas as pd

    kinds = {type(cell) for cell in cells if cell is not None}
    # The browser reads larger whole numbers as other ones.
    is_large = any(isinstance(cell, int) and abs(cell) >= 2**53 for cell in cells)
    if kinds and kinds <= {int, float} and not is_large:
        return pd.Series(cells, dtype="Int64" if kinds == {int} else "float64")
    return pd.Series([None if cell is None else str(cell) for cell in cells], dtype="object")


def fmt_cell(cell: object) -> str:
    """A single number as it is read."""
    if isinstance(cell, int):
        return f"{cell:,}"
    return f"{cell:,.6g}" if isinstance(cell, float) else str(cell)
