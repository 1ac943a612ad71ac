"""The notes in groups: proposed, renamed, merged, split, counted."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from llmopt_core.labs.evaluation.note_groups import (
    NOTES_FOR_GROUPS,
    GroupCount,
    count_groups,
    merge_groups,
    move_notes,
    propose_groups,
    rename_group,
)
from llmopt_core.labs.evaluation.note_vectors import is_embedding_fit
from llmopt_core.labs.evaluation.notes import NoteBook, notes_csv, notes_json
from llmopt_core.models.base import EmbeddingSpec
from llmopt_ui import format as fmt
from llmopt_ui.components import downloads, empty_state, section, show_errors
from llmopt_ui.evaluation.failures.data import Desk
from llmopt_ui.evaluation.failures.group_buttons import group_buttons
from llmopt_ui.evaluation.failures.group_names import name_form
from llmopt_ui.resources import models, store
from llmopt_ui.session import notify, notify_problem
from llmopt_ui.tables import data_table, ticked_rows

GROUP, PROPOSE = "failures_group", "failures_propose"
_NEW = "A new group"
# Fewer make no group worth the name.
_LEAST = 4
_IDS = 3
"""Ids of records beside a group."""


def groups_view(desk: Desk, book: NoteBook, open_record: str) -> None:
    """The whole part below the records."""
    section("Groups of failures")
    # A note that is still being typed is not sorted yet.
    finished = [note for note in book.problems if note.key != open_record]
    open_count = sum(note.group not in book.groups for note in finished)
    if not book.groups and len(finished) >= NOTES_FOR_GROUPS:
        with show_errors(), st.spinner("Grouping the notes …"):
            _propose(desk)
            # The meter and the map above know the groups from now on. An error ends before this.
            st.rerun()
    if not book.groups:
        missing = NOTES_FOR_GROUPS - len(book.problems)
        with empty_state("No groups yet", f"Groups are proposed after {NOTES_FOR_GROUPS} notes: {missing} to go.",
                         ":material/category:"):  # fmt: skip
            st.button("Propose groups now", key=PROPOSE, icon=":material/category:", disabled=len(finished) < _LEAST,
                      on_click=_propose_now, args=(desk,))  # fmt: skip
    else:
        if open_count:
            st.button(f"Sort {fmt.plural(open_count, 'new note')} into groups", key=PROPOSE, type="primary",
                      icon=":material/category:", on_click=_propose_now, args=(desk,))  # fmt: skip
        _groups(desk, book)
    if book.notes:
        downloads(
            "failures_notes",
            ("Notes (CSV)", lambda: notes_csv(desk.notes()), f"failure-notes-{fmt.file_stem(desk.set_name)}.csv"),
            ("Notes (JSON)", lambda: notes_json(desk.notes()), f"failure-notes-{fmt.file_stem(desk.set_name)}.json"),
        )


def _propose(desk: Desk) -> int:
    return propose_groups(store(), desk.project, desk.set_name, models().embedder(EmbeddingSpec()).encode)


def _propose_now(desk: Desk) -> None:
    with notify_problem():
        count = _propose(desk)
        notify(f"{fmt.plural(count, 'new group')}." if count else "All notes fit into groups that were there.")


def _groups(desk: Desk, book: NoteBook) -> None:
    counts = count_groups(book)
    rows = [(one.name, len(one.notes), _share(one), _examples(one)) for one in counts]
    data_table(
        pd.DataFrame(rows, columns=["Group", "Notes", "Of the records read", "Records"]),
        column_config={"Of the records read": st.column_config.TextColumn(alignment="right")},
        alt="Groups with their notes and shares",
    )
    st.caption(f"Shares of {fmt.plural(len(book.reviews), 'record')} read, with 95 % intervals (Wilson).")
    if not is_embedding_fit([note.text for note in book.problems]):
        st.caption("The built-in embedding reads English only, so these notes are grouped by the words they share.")
    names = {one.id: f"{one.name} ({len(one.notes)})" for one in counts}
    if st.session_state.get(GROUP) not in (None, *names):
        del st.session_state[GROUP]
    group_id = st.selectbox("Group", list(names), key=GROUP, format_func=names.__getitem__, width=420)
    group = next(one for one in counts if one.id == group_id)
    group_buttons(desk, group)
    name_form(desk, book)
    with st.expander("Rename, merge, split", icon=":material/edit:"):
        _edit(desk, group, names)


def _share(group: GroupCount) -> str:
    rate = group.rate
    if rate.share is None or rate.low is None or rate.high is None:
        return fmt.DASH
    return f"{rate.share:.0%} ({rate.low:.0%} to {rate.high:.0%})"


def _examples(group: GroupCount) -> str:
    ids = [note.example_id for note in group.notes]
    # The ids of many would make every row tall; all of them are in the files.
    more = f" and {len(ids) - _IDS:,} more" if len(ids) > _IDS else ""
    return f"{', '.join(ids[:_IDS])}{more}"


def _edit(desk: Desk, group: GroupCount, names: dict[str, str]) -> None:
    others = {key: name for key, name in names.items() if key != group.id}
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        # The name in the key fills the field anew where another tab has renamed the group.
        name_key = f"failures_name_{group.id}_{group.name}"
        st.text_input("Name", group.name, key=name_key, width=320)
        st.button("Rename", key=f"failures_rename_{group.id}", icon=":material/edit:", on_click=_rename,
                  args=(desk, group, name_key))  # fmt: skip
    if others:
        with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
            into_key = f"failures_into_{group.id}"
            if st.session_state.get(into_key) not in (None, *others):
                del st.session_state[into_key]
            st.selectbox("Merge into", list(others), key=into_key, format_func=others.__getitem__, width=320)
            st.button("Merge", key=f"failures_merge_{group.id}", icon=":material/merge:", on_click=_merge,
                      args=(desk, group, into_key))  # fmt: skip
    table = pd.DataFrame(
        [(note.text, note.configuration, note.category, note.question) for note in group.notes],
        columns=["Note", "Configuration", "Category", "Question"],
    )
    rows = ticked_rows(table, [note.key for note in group.notes], f"failures_rows_{group.id}", alt="Notes of the group")
    keys = [group.notes[row].key for row in rows]
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        targets = {_NEW: _NEW, **others}
        target_key, new_key = f"failures_target_{group.id}", f"failures_new_{group.id}"
        if st.session_state.get(target_key) not in (None, *targets):
            del st.session_state[target_key]
        target = st.selectbox("Move ticked notes to", list(targets), key=target_key, format_func=targets.__getitem__,
                              width=320)  # fmt: skip
        if target == _NEW:
            st.text_input("Its name", key=new_key, width=240)
        st.button("Move", key=f"failures_move_{group.id}", icon=":material/drive_file_move:", disabled=not keys,
                  on_click=_move, args=(desk, keys, target_key, new_key))  # fmt: skip


def _rename(desk: Desk, group: GroupCount, key: str) -> None:
    with notify_problem():
        rename_group(store(), desk.project, desk.set_name, group.id, str(st.session_state.get(key) or ""))


def _merge(desk: Desk, group: GroupCount, key: str) -> None:
    with notify_problem():
        into = str(st.session_state.get(key) or "")
        merge_groups(store(), desk.project, desk.set_name, group.id, into)
        st.session_state[GROUP] = into


def _move(desk: Desk, keys: list[str], target_key: str, new_key: str) -> None:
    target = st.session_state.get(target_key)
    with notify_problem():
        into = "" if target in (None, _NEW) else str(target)
        name = "" if into else str(st.session_state.get(new_key) or "")
        st.session_state[GROUP] = move_notes(store(), desk.project, desk.set_name, keys, into=into, name=name)
