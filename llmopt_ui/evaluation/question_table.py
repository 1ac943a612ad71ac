"""A set as a table that is edited; what is typed is kept until it is saved."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from llmopt_core.errors import BadInput
from llmopt_core.labs.documents.question_table import (
    CATEGORY,
    COLUMNS,
    DRAFT,
    MORE,
    QUESTION,
    REFERENCE,
    SOURCES,
    TableRow,
    apply_edits,
    is_empty_row,
    merge_edits,
    table_row,
)
from llmopt_core.runs.values import Project, SavedSet
from llmopt_core.types import EvaluationSet
from llmopt_ui import format as fmt
from llmopt_ui.components import show_errors
from llmopt_ui.evaluation_sets import set_version
from llmopt_ui.resources import store
from llmopt_ui.session import notify, report_problem, state
from llmopt_ui.tables import FULL_ROOM, table_editor

SAVE, DISCARD = "questions_table_save", "questions_table_discard"
_CONFIG = {
    QUESTION: st.column_config.TextColumn("Question", width="large"),
    REFERENCE: st.column_config.TextColumn("Reference answer", width="medium"),
    MORE: st.column_config.ListColumn("Also right", help="Further right answers."),
    CATEGORY: st.column_config.TextColumn("Category"),
    SOURCES: st.column_config.TextColumn(
        "Stands in",
        help="Documents that hold the answer, parted by `;`: a name for all of it, or `name START-END` in characters. "
        "Places are easier marked on the page Documents.",
    ),
}


@dataclass(frozen=True)
class _Table:
    """What an edited table began with.

    Attributes:
        keys: Of its rows: ids of questions, and names of rows that were added and not saved.
        rows: As they were then.
        prefix: Begins the names of rows that are added here.
    """

    questions: EvaluationSet
    keys: tuple[str, ...]
    rows: tuple[TableRow, ...]
    prefix: str


def edit_table(project: Project, item: SavedSet) -> None:
    """The table, and the buttons that save or discard."""
    lengths = {one.name: one.characters for one in store().document_list(project)}
    key = f"questions_table_{project.id}_{item.name}_{item.version}_{state().forms}"
    draft: dict[str, Any] = store().draft(project, DRAFT, item.name) or {}
    memory = f"{key}_began"
    # Held for as long as the table is shown: the editor tells its edits relative to what it was given first.
    if key not in st.session_state or memory not in st.session_state:
        st.session_state[memory] = _begin(
            set_version(project, item.name, item.version), draft.get("edits", {}), lengths
        )
    table: _Table = st.session_state[memory]
    table_editor(
        _frame(table), num_rows="dynamic", key=key, room=FULL_ROOM, height=620,
        lines=3, column_config=_CONFIG,
        on_change=_remember, args=(project, item, key, lengths),
    )  # fmt: skip
    edits = (store().draft(project, DRAFT, item.name) or {}).get("edits", {})
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if st.button("Save as a new version", key=SAVE, type="primary", icon=":material/save:", disabled=not edits):
            with show_errors():
                _save(project, item, lengths)
        if edits:
            st.button("Discard what was typed", key=DISCARD, type="tertiary", icon=":material/undo:",
                      on_click=_discard, args=(project, item.name))  # fmt: skip
            st.caption(f"{fmt.plural(len(edits), 'row')} not saved yet; what was typed is kept.", width="content")
        else:
            st.caption(
                "Click into a cell to change it, into the row below the last to add a question.", width="content"
            )


def _begin(questions: EvaluationSet, edits: Mapping[str, TableRow | None], lengths: Mapping[str, int]) -> _Table:
    """The questions with what was typed before and not saved."""
    rows = {example.id: table_row(example, lengths) for example in questions.examples}
    rows = {key: {**row, **(edits.get(key) or {})} for key, row in rows.items() if edits.get(key, row) is not None}
    rows |= {key: row for key, row in edits.items() if row is not None and key not in rows}
    return _Table(questions, tuple(rows), tuple(rows.values()), f"new-{secrets.token_hex(3)}-")


def _frame(table: _Table) -> pd.DataFrame:
    columns: dict[str, Any] = {name: [row.get(name) or "" for row in table.rows] for name in COLUMNS if name != MORE}
    frame = pd.DataFrame(columns, dtype="string")
    frame[MORE] = pd.Series([list(row.get(MORE) or ()) for row in table.rows], dtype="object")
    return frame[list(COLUMNS)]


def _remember(project: Project, item: SavedSet, key: str, lengths: Mapping[str, int]) -> None:
    """Keep what was typed, beside what other tabs typed."""
    table: _Table = st.session_state[f"{key}_began"]
    own = _own_edits(table, st.session_state[key])

    def change(draft: Any | None) -> dict[str, Any]:
        before = draft["edits"] if isinstance(draft, dict) else {}
        # Of several tables the earliest version: what was saved since may concern what any of them typed.
        version = draft["version"] if isinstance(draft, dict) and before else item.version
        return {
            "version": version,
            "edits": dict(merge_edits(before, own, table.questions, lengths, table.prefix)),
        }

    with report_problem():
        store().change_draft(project, DRAFT, item.name, change)


def _own_edits(table: _Table, editing: Mapping[str, Any]) -> dict[str, TableRow | None]:
    """All that was done in this table, from what the browser sent."""
    own: dict[str, TableRow | None] = {}
    for place, changes in editing.get("edited_rows", {}).items():
        own[table.keys[int(place)]] = _clean({**table.rows[int(place)], **changes})
    for number, row in enumerate(editing.get("added_rows", ())):
        # A click below the last row adds one, whether or not something is typed then.
        if not is_empty_row(cleaned := _clean(row)):
            own[f"{table.prefix}{number}"] = cleaned
    own |= {table.keys[place]: None for place in editing.get("deleted_rows", ())}
    return own


def _clean(row: Mapping[str, Any]) -> TableRow:
    return {
        name: [str(one) for one in row.get(name) or ()] if name == MORE else str(row.get(name) or "")
        for name in COLUMNS
    }


def _save(project: Project, item: SavedSet, lengths: Mapping[str, int]) -> None:
    draft = store().draft(project, DRAFT, item.name) or {}
    newest = store().evaluation_set(project, item.name)
    base = None
    if draft.get("version") not in (None, newest.version):
        # Without the version that was edited nothing can be told of what others did meanwhile.
        with suppress(BadInput):
            base = set_version(project, item.name, draft["version"])
    questions, notes = apply_edits(newest, draft.get("edits", {}), lengths, base)
    saved = store().save_evaluation_set(project, questions)
    # After saving: a crash between both leaves a draft that changes nothing more.
    store().delete_draft(project, DRAFT, item.name)
    state().forms += 1
    notify(" ".join([f"{saved.name} saved with {fmt.plural(saved.size, 'question')}.", *notes]), warning=bool(notes))
    st.rerun()


def _discard(project: Project, name: str) -> None:
    with report_problem():
        store().delete_draft(project, DRAFT, name)
        state().forms += 1
