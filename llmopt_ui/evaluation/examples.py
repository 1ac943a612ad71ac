"""Question by question: a heat map to find the interesting ones, and one of them in full."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import streamlit as st

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.metrics.catalogue import METRICS, metric_title
from llmopt_core.experiments.imported_runs import import_source
from llmopt_core.experiments.run_scores import RunScoreTable
from llmopt_core.labs.evaluation.pictures.disagreement import order_by_disagreement, order_by_mean
from llmopt_core.runs.values import Project, Run
from llmopt_core.types import Record
from llmopt_ui import format as fmt
from llmopt_ui.chart_view import show_chart
from llmopt_ui.components import section
from llmopt_ui.evaluation.cell_click import hear_cells
from llmopt_ui.evaluation.comparison import EXAMPLE, METRIC, ONE, ORDER, Selection, questions_of
from llmopt_ui.evaluation.example_map import Cells, example_map
from llmopt_ui.record_view import answers, question_card, record_parts
from llmopt_ui.resources import store
from llmopt_ui.runs.results import scores_of

MAP, PART = "example_map", "example_map_part"
# Columns of a pixel in a wide window: more could not be told apart.
MAP_COLUMNS = 1_000
ORDERS = {"spread": "Most different first", "set": "As in the set", "low": "Lowest first"}


def examples_view(project: Project, selection: Selection, usual: str = "") -> None:
    """The heat map and, below it, the chosen question; runs without scores have no map.

    Args:
        project: Whose questions they are.
        selection: What is compared.
        usual: The metric that the map has until another is picked.
    """
    section("Question by question")
    if selection.metrics:
        table, name, example = _map_view(project, selection, usual)
    else:
        table = _cells(selection.runs, "", questions_of(project, selection))
        name, example = _selection(selection, table)
    _example_view(selection, table, name, example)


def _map_view(project: Project, selection: Selection, usual: str) -> tuple[Cells, str, str]:
    """The map, and the configuration and the example that are chosen."""
    bar = st.container(horizontal=True, gap="small", vertical_alignment="bottom")
    metric = bar.selectbox(
        "Metric", selection.metrics, selection.metrics.index(usual) if usual in selection.metrics else 0, key=METRIC,
        format_func=metric_title, bind="query-params", width=220,
    )  # fmt: skip
    order = bar.selectbox(
        "Order", list(ORDERS), key=ORDER, format_func=ORDERS.__getitem__, bind="query-params", width=220
    )
    if metric in METRICS:
        bar.caption(fmt.markdown(METRICS[metric].explanation), width=520)
    table = sort_columns(_cells(selection.runs, metric, questions_of(project, selection)), order)
    name, example = _selection(selection, table)
    drawn = _drawn(table)
    if len(drawn.examples) < len(table.examples):
        st.caption(
            f"{len(drawn.examples):,} of {fmt.plural(len(table.examples), 'question')}: those that all "
            f"{len(table.configurations)} have a score for. The others come behind them below, and are drawn in the "
            f"order *{ORDERS['set']}*."
        )
    part = _part(bar, drawn, name, example)
    with st.container(key=MAP):
        # Another order is another figure.
        show_chart(example_map(part, (name, example)), f"{MAP}_{metric}_{order}",
                   "Score of each question by configuration")  # fmt: skip

    def take(row: int, column: int) -> None:
        # What is clicked while the page is being drawn may be of a larger map.
        if row < len(part.configurations) and column < len(part.examples):
            _go_to_example(part.configurations[row], part.examples[column])

    hear_cells(MAP, take)
    return table, name, example


def _drawn(table: Cells) -> Cells:
    """The columns that are drawn: of those ordered by disagreement the ones that everybody has a value in."""
    if not table.common or table.common == len(table.examples):
        return table
    part = slice(0, table.common)
    values = tuple(row[part] for row in table.values)
    return replace(table, examples=table.examples[part], questions=table.questions[part], values=values)


def sort_columns(table: Cells, order: str) -> Cells:
    """The same cells with their columns in another order; questions that some have no score for come last."""
    if order == "set" or not table.examples:
        return table
    sorted_places = order_by_disagreement(table.values) if order == "spread" else order_by_mean(table.values)
    places = sorted_places.places
    return replace(
        table,
        examples=tuple(table.examples[place] for place in places),
        questions=tuple(table.questions[place] for place in places),
        values=tuple(tuple(row[place] for place in places) for row in table.values),
        # A mean over fewer is still one; how far some disagree says nothing of all.
        common=len(sorted_places.common) if order == "spread" else None,
    )


def _cells(runs: Mapping[str, Run], metric: str, questions: Mapping[str, str]) -> Cells:
    """One metric's values of these runs, aligned by example, without the questions that no run was to ask."""
    scores = scores_of(runs)
    # With a limit, runs asked only the first questions of the set.
    count = max((run.total for run in runs.values() if not run.imported), default=0)
    # What another tool asked may stand anywhere in the set.
    asked = {example for run in runs.values() if run.imported for example in scores[run.id].examples}
    examples = tuple(e for place, e in enumerate(questions) if place < count or e in asked)
    rows = tuple(RunScoreTable(name, run.total, scores[run.id]).align(metric, examples) for name, run in runs.items())
    failures = frozenset((name, example) for name, run in runs.items() for example in scores[run.id].failures)
    return Cells(metric, tuple(runs), examples, tuple(questions[e] for e in examples), rows, failures)


def _part(bar: st.delta_generator.DeltaGenerator, table: Cells, name: str, example: str) -> Cells:
    """The columns around the chosen question: a map of thousands takes seconds, and nobody could point at one."""
    count = len(table.examples)
    if count <= MAP_COLUMNS:
        return table
    starts = list(range(0, count, MAP_COLUMNS))
    # Which part is shown follows from the question, so that going to the next one may turn the page.
    place = table.examples.index(example) if example in table.examples else 0
    st.session_state[PART] = starts[place // MAP_COLUMNS]

    def label(start: int) -> str:
        return f"{start + 1:,} to {min(count, start + MAP_COLUMNS):,} of {count:,}"

    def turn() -> None:
        _go_to_example(name, table.examples[st.session_state[PART]])

    start = bar.selectbox("Questions", starts, key=PART, format_func=label, on_change=turn, width=220)
    part = slice(start, start + MAP_COLUMNS)
    values = tuple(row[part] for row in table.values)
    return replace(table, examples=table.examples[part], questions=table.questions[part], values=values, first=start)


def _selection(selection: Selection, table: Cells) -> tuple[str, str]:
    """Configuration and example that the address names, else the last configuration's first question."""
    example, name = st.query_params.get(EXAMPLE, ""), st.query_params.get(ONE, "")
    return (
        name if name in selection.runs else list(selection.runs)[-1],
        example if example in table.examples else table.examples[0],
    )


def _example_view(selection: Selection, table: Cells, name: str, example: str) -> None:
    _turn_buttons(table, name, example)
    records = {label: read_record(run.id, run.done, example) for label, run in selection.runs.items()}
    # Any of them will do: all hold the same question.
    record_there = next((record for record in records.values() if record is not None), None)
    if record_there is None:
        st.caption("No run has answered this question yet.")
        return
    question_card(record_there.example)
    answers(records, selection.inks, selection.leading)
    if len(records) > 1:
        name_choice = st.segmented_control(
            "Look into", list(records), default=name, required=True, key=f"{ONE}_{name}_{example}",
            label_visibility="collapsed", format_func=fmt.markdown,
        )  # fmt: skip
        if name_choice and name_choice != name:
            _go_to_example(name_choice, example)
            st.rerun()
    record = records[name]
    if record is None:
        st.caption("This run has no record of this question yet.")
    else:
        source = import_source(selection.runs[name].imported)
        record_parts(record, source.tool if source else "")


def _turn_buttons(table: Cells, name: str, example: str) -> None:
    """Buttons to the questions before and after."""
    position = table.examples.index(example)
    # At the ends the neighbour is the question itself, by which its button is known to be of no use.
    before, after = table.examples[max(0, position - 1)], table.examples[min(len(table.examples) - 1, position + 1)]
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        sides: tuple[tuple[str, Literal["left", "right"], str], ...] = (
            ("Previous", "left", before), ("Next", "right", after))  # fmt: skip
        for label, side, other in sides:
            st.button(label, key=f"example_{label.lower()}", icon=f":material/chevron_{side}:", icon_position=side,
                      disabled=other == example, on_click=_go_to_example, args=(name, other))  # fmt: skip
        st.caption(f"Question {position + 1} of {len(table.examples)}", width="content")


def _go_to_example(name: str, example: str) -> None:
    st.query_params[ONE], st.query_params[EXAMPLE] = name, example


@st.cache_resource(max_entries=256, show_spinner=False)
def read_record(run_id: int, answer_count: int, example: str) -> Record | None:
    """The record; `answer_count` is part of the key because a running or resumed run gets more."""
    try:
        return store().record(run_id, example)
    # Not asked yet, or the run stopped before it; kept as well, under a key that changes with more answers.
    except BadInput:
        return None
