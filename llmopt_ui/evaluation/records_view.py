"""The tab Records: the records of one configuration behind a mark of a picture, and one of them in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.experiments.caveats import caveats_of
from llmopt_core.experiments.imported_runs import import_source
from llmopt_core.experiments.run_scores import RunScoreTable
from llmopt_core.labs.evaluation.pictures.record_list import RecordRow, list_records
from llmopt_core.labs.evaluation.pictures.score_bands import band_named, band_titles, metric_bands
from llmopt_core.runs.values import Project, Run
from llmopt_core.types import fingerprint
from llmopt_ui import format as fmt
from llmopt_ui.button_to import button_to
from llmopt_ui.caveats import caveats_view
from llmopt_ui.components import empty_state, section
from llmopt_ui.copy_link import copy_link
from llmopt_ui.evaluation.comparison import EXAMPLE, Selection, choose, questions_of
from llmopt_ui.evaluation.examples import read_record
from llmopt_ui.evaluation.records_address import ANY, BAND, BY, CATEGORY, OF, category_value
from llmopt_ui.evaluation.run_pins import RUNS, ids_text
from llmopt_ui.evaluation_sets import set_version
from llmopt_ui.navigation import EVALUATION
from llmopt_ui.pickers import address_arguments
from llmopt_ui.record_view import answers, question_card, record_parts
from llmopt_ui.resources import store
from llmopt_ui.runs.results import leading_metrics, score_tables
from llmopt_ui.tables import FULL_ROOM, data_table

TABLE, _TURNS = "records_table", "records_turns"


def records_view(project: Project, runs: Sequence[Run]) -> None:
    """The whole tab; which records it shows stands in the address."""
    there = [run for run in runs if run.done]
    if not there:
        with empty_state("No records yet", "Run a configuration; then read here what it answered."):
            button_to(EVALUATION, "Go to Run", "records_to_run", "Run")
        return
    selection = choose(project, there, link=False)
    if not selection.runs:
        st.caption("Choose at least one configuration above.")
        return
    tables = dict(zip(selection.runs, score_tables(selection.runs), strict=True))
    questions, categories = questions_of(project, selection), categories_of(project, selection)
    bar = st.container(horizontal=True, gap="small", vertical_alignment="bottom")
    name, metric, rows = _choose_records(bar, selection, tables, categories)
    _link(bar, project, selection, name, metric)
    caveats_view(caveats_of(store(), [selection.runs[name]], [name]))
    if not rows:
        st.caption("No record is like that. Choose others above.")
        return
    _table(selection, tables, rows, name=name, metric=metric, questions=questions)
    _open_record(selection, name, [row.example_id for row in rows])


def categories_of(project: Project, selection: Selection) -> Mapping[str, str]:
    """Example id -> category, empty where it has none; nothing where the set is gone."""
    try:
        examples = set_version(project, selection.set_name, selection.set_version).examples
    # Deleted since.
    except BadInput:
        return {}
    return {example.id: example.category or "" for example in examples}


def _choose_records(
    bar: st.delta_generator.DeltaGenerator,
    selection: Selection,
    tables: Mapping[str, RunScoreTable],
    categories: Mapping[str, str],
) -> tuple[str, str, list[RecordRow]]:
    """Configuration, metric (empty for runs without scores) and the records."""
    names = list(selection.runs)
    name = str(bar.selectbox("Records of", names, width=220, **address_arguments(OF, names, names[-1])))
    metric, band = "", ANY
    bands = metric_bands(list(tables.values()), metric)
    if metrics := list(selection.metrics):
        usual = next(iter(leading_metrics(selection.runs[name].metrics)), metrics[0])
        metric = str(
            bar.selectbox(
                "Score", metrics, width=220, format_func=metric_title,
                **address_arguments(BY, metrics, usual if usual in metrics else metrics[0]),
            )
        )  # fmt: skip
        bands = metric_bands(list(tables.values()), metric)
        titles = {ANY: "All scores", **band_titles(bands)}
        band = str(
            bar.selectbox(
                "Scored", list(titles), width=200, format_func=titles.__getitem__,
                **address_arguments(BAND, list(titles), ANY),
            )
        )  # fmt: skip
    category = _choose_category(bar, categories)
    rows = list_records(tables[name], metric, categories, band=band_named(bands, band), category=category)
    return name, metric, rows


def _choose_category(bar: st.delta_generator.DeltaGenerator, categories: Mapping[str, str]) -> str | None:
    titles = {ANY: "All", **{category_value(one): one or "(none)" for one in sorted(set(categories.values()))}}
    # All questions have the same.
    if len(titles) <= 2:
        return None
    chosen = str(
        bar.selectbox(
            "Category", list(titles), width=180, format_func=titles.__getitem__,
            **address_arguments(CATEGORY, list(titles), ANY),
        )
    )  # fmt: skip
    return None if chosen == ANY else chosen[1:]


def _link(
    bar: st.delta_generator.DeltaGenerator, project: Project, selection: Selection, name: str, metric: str
) -> None:
    named = {key: st.query_params.get(key, "") for key in (BAND, CATEGORY, EXAMPLE)}
    pins = {RUNS: ids_text(run.id for run in selection.runs.values()), OF: name, BY: metric, **named}
    with bar:
        copy_link(project, "Records", {key: value for key, value in pins.items() if value}, "records_link",
                  "A link to these records.")  # fmt: skip


def _table(
    selection: Selection,
    tables: Mapping[str, RunScoreTable],
    rows: Sequence[RecordRow],
    *,
    name: str,
    metric: str,
    questions: Mapping[str, str],
) -> None:
    section("Records", "Those without a score first, then the worst ones. Choose one to read it below.")
    total = len(tables[name].scores.examples)
    st.caption(f"{len(rows):,} of {fmt.plural(total, 'record')} of {fmt.markdown(name)}.")
    ids = [row.example_id for row in rows]
    columns: dict[str, list[str]] = {"Question": [questions.get(row.example_id, row.example_id) for row in rows]}
    if any(row.category for row in rows):
        columns["Category"] = [row.category for row in rows]
    if metric:
        columns["Score"] = ["the answer failed" if row.failed else fmt.score(row.value) for row in rows]
        if name != selection.baseline:
            values = tables[selection.baseline].align(metric, ids)
            columns["Baseline"] = [fmt.score(value) for value in values]
    current = st.query_params.get(EXAMPLE, "")
    # Other records, and a record that a button went to, are another table, which begins with that one chosen.
    key = f"{TABLE}_{fingerprint([name, metric, ids])}_{st.session_state.get(_TURNS, 0)}"
    data_table(
        pd.DataFrame(columns), room=FULL_ROOM, height=360, lines=2, key=key, selection_mode="single-row",
        on_select=lambda: _take_row(key, ids),
        selection_default={"selection": {"rows": [ids.index(current)] if current in ids else []}},
        column_config={one: st.column_config.TextColumn(alignment="right") for one in ("Score", "Baseline")
                       if one in columns},
        alt="Records with their scores",
    )  # fmt: skip


def _take_row(key: str, ids: Sequence[str]) -> None:
    rows = [row for row in st.session_state[key].selection.rows if row < len(ids)]
    if rows:
        st.query_params[EXAMPLE] = ids[rows[0]]


def _open_record(selection: Selection, name: str, ids: Sequence[str]) -> None:
    named = st.query_params.get(EXAMPLE, "")
    example = named if named in ids else ids[0]
    place = ids.index(example)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for label, side, to in (
            ("Previous", "left", max(0, place - 1)),
            ("Next", "right", min(len(ids) - 1, place + 1)),
        ):
            st.button(label, key=f"records_{label.lower()}", icon=f":material/chevron_{side}:", disabled=to == place,
                      icon_position="left" if side == "left" else "right", on_click=_turn, args=(ids[to],))  # fmt: skip
        st.caption(f"Record {place + 1:,} of {len(ids):,}", width="content")
    # The baseline's answer beside it shows what is this configuration's own doing.
    pair = dict.fromkeys((selection.baseline, name))
    records = {one: read_record(selection.runs[one].id, selection.runs[one].done, example) for one in pair}
    record = records[name]
    if record is None:
        st.caption("This run has no record of this question yet.")
        return
    question_card(record.example)
    answers(records, selection.inks, selection.leading)
    source = import_source(selection.runs[name].imported)
    record_parts(record, source.tool if source else "")


def _turn(example: str) -> None:
    st.query_params[EXAMPLE] = example
    st.session_state[_TURNS] = st.session_state.get(_TURNS, 0) + 1
