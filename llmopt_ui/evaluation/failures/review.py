"""Record after record by keyboard: read it, note the first thing that went wrong, go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st

from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.labs.evaluation.failure_kinds import Diagnosis
from llmopt_core.labs.evaluation.note_groups import saturation
from llmopt_core.labs.evaluation.notes import Finding, NoteBook, new_note, record_key, save_note
from llmopt_core.runs.values import Project
from llmopt_core.types import Record
from llmopt_ui import format as fmt
from llmopt_ui.chunks_view import chunks_view
from llmopt_ui.components import section, show_error, side_by_side
from llmopt_ui.evaluation.examples import read_record
from llmopt_ui.evaluation.failures.data import Desk, kind_title
from llmopt_ui.evaluation.failures.record_filter import POSITION, Queue, record_filter
from llmopt_ui.own_component import own_component
from llmopt_ui.record_view import question_card
from llmopt_ui.resources import store
from llmopt_ui.session import report_problem

NOTE, NEXT, PREVIOUS, RIGHT, SKIP = (
    "failures_note", "failures_next", "failures_previous", "failures_right", "failures_skip",
)  # fmt: skip
_JS = Path(__file__).with_name("note_field.js")
_JUDGEMENTS: tuple[tuple[str, str, str, Finding], ...] = (
    ("No fault", RIGHT, "Shift+Enter", "nothing wrong"),
    ("Skip", SKIP, "Shift+Down", "skipped"),
)


def review_view(desk: Desk, book: NoteBook) -> str:
    """Selectors, the record, the field for the note; gives the key of the record that is open."""
    section("Read and note", "Note the first thing that went wrong: what comes after it often follows from it.")
    queue = record_filter(desk, book)
    if queue.sentence:
        st.caption(fmt.markdown(queue.sentence))
    if not queue.example_ids:
        st.caption("No record fits this choice.")
        return ""
    example_id = _current(queue, book)
    _meter(queue, book, example_id)
    run = desk.runs[queue.configuration]
    record = read_record(run.id, run.done, example_id)
    if record is None:
        show_error(f"The record of {example_id} is no longer there.")
        return ""
    diagnosis = next(one for one in desk.diagnoses[queue.configuration] if one.example_id == example_id)
    left, right = side_by_side([6, 5], "failures_record")
    with left:
        question_card(record.example)
        _answer(record, diagnosis)
        _note(desk, queue, record, book)
        _moves(desk, queue, record)
    # The style sheet lets the chunks scroll beside the question, so that the field for the note stays in sight; few of
    # them leave no gap.
    with right, st.container(key="failures_chunks"):
        chunks_view(record)
    return record_key(run.id, example_id)


def _meter(queue: Queue, book: NoteBook, example_id: str) -> None:
    done = sum(record_key(queue.run_id, example_id) in book.notes for example_id in queue.example_ids)
    count = len(queue.example_ids)
    st.progress(done / count, f"Record {queue.example_ids.index(example_id) + 1:,} of {count:,} · {done:,} read")
    meter = saturation(book)
    if not meter.records:
        return
    text = f"New kinds in the last {fmt.plural(meter.records, 'record')} read: **{meter.new_kinds}**."
    if not book.groups:
        text = (
            f"{fmt.plural(len(book.problems), 'note')} so far; from 30 on groups are proposed, which this meter counts."
        )
    elif meter.open_notes:
        text += f" {fmt.plural(meter.open_notes, 'note')} among them not in a group yet."
    elif not meter.new_kinds:
        text += " Reading on is likely to bring more of the same."
    st.caption(text)


def _current(queue: Queue, book: NoteBook) -> str:
    """The record that is open: where the reader went, else the first one that nobody has read."""
    position = st.session_state.get(POSITION)
    if position not in queue.example_ids:
        unread = (one for one in queue.example_ids if record_key(queue.run_id, one) not in book.notes)
        position = st.session_state[POSITION] = next(unread, queue.example_ids[0])
    return str(position)


def _answer(record: Record, diagnosis: Diagnosis) -> None:
    with st.container(border=True, gap="small"):
        if record.failure is not None:
            show_error(f"{record.failure.stage}: {record.failure.message}")
        else:
            # A model's text, shown as such and never read as Markdown.
            st.text((record.answer.text if record.answer else record.not_run) or "(an empty answer)", width="stretch")
        values = [
            f"{fmt.markdown(metric_title(name))} {fmt.score(score.value)}" for name, score in record.scores.items()
        ]
        if values:
            st.caption(" · ".join(values))
    for kind, reason in diagnosis.reasons.items():
        st.markdown(f":orange-badge[{kind_title(kind)}] :gray[{fmt.markdown(reason)}]")
    if diagnosis.unknown:
        st.caption(fmt.markdown(diagnosis.unknown))
    if diagnosis.passed:
        st.markdown(":green-badge[Passed]")


def _note(desk: Desk, queue: Queue, record: Record, book: NoteBook) -> None:
    key = note_key(queue, record)
    note = book.notes.get(record_key(queue.run_id, record.example.id))
    if key not in st.session_state:
        # What this tab begins with: by it the store knows what another tab has written since.
        st.session_state[key] = st.session_state[f"{key}_before"] = note.text if note else ""
    # By its class the script finds the field.
    with st.container(key=f"{NOTE}_field"):
        # Sent while it is typed and kept at once, so that nothing is lost when the page is closed.
        st.text_input(
            "What went wrong first?", key=key, live=True, placeholder="such as: the year is of another event",
            on_change=_save, args=(desk.project, desk.set_name, queue, record, key),
            help="Kept while you type. Enter goes on to the next record.",
        )  # fmt: skip
    if note and note.text != st.session_state[key] and note.text:
        st.caption(f"Kept, with what was written elsewhere: {fmt.markdown(note.text)}")
    elif note and note.finding != "wrong":
        st.caption("Read: no fault." if note.finding == "nothing wrong" else "Skipped.")
    own_component(_JS, isolated=True)(data={"record": key}, key="failures_note_keys", height=0)


def note_key(queue: Queue, record: Record) -> str:
    """Of the field for the note on a record."""
    return f"{NOTE}_{queue.run_id}_{record.example.id}"


def _save(project: Project, set_name: str, queue: Queue, record: Record, key: str) -> None:
    text = " ".join(str(st.session_state.get(key) or "").split())
    with report_problem():
        before = st.session_state.get(f"{key}_before", "")
        note = replace(new_note(record, queue.run_id, queue.configuration), text=text)
        save_note(store(), project, set_name, note, before)
        st.session_state[f"{key}_before"] = text


def _moves(desk: Desk, queue: Queue, record: Record) -> None:
    ids = list(queue.example_ids)
    place = ids.index(record.example.id)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button("Previous", key=PREVIOUS, shortcut="Ctrl+Up", disabled=place == 0,
                  on_click=_go, args=(ids, place - 1))  # fmt: skip
        st.button("Next", key=NEXT, shortcut="Ctrl+Down", type="primary",
                  disabled=place == len(ids) - 1, on_click=_go, args=(ids, place + 1))  # fmt: skip
        # What is noted is wrong: to take that back, empty the field.
        has_note = bool(st.session_state.get(note_key(queue, record)))
        for label, key, shortcut, finding in _JUDGEMENTS:
            st.button(label, key=key, shortcut=shortcut, type="tertiary", disabled=has_note, on_click=_judge,
                      args=(desk, queue, record, finding))  # fmt: skip


def _go(ids: Sequence[str], place: int) -> None:
    st.session_state[POSITION] = ids[max(0, min(place, len(ids) - 1))]


def _judge(desk: Desk, queue: Queue, record: Record, finding: Finding) -> None:
    ids = list(queue.example_ids)
    with report_problem():
        # Typed in the same moment: a note is never lost to a key.
        if not st.session_state.get(note_key(queue, record)):
            note = replace(new_note(record, queue.run_id, queue.configuration), finding=finding)
            save_note(store(), desk.project, desk.set_name, note)
        _go(ids, ids.index(record.example.id) + 1)
