"""Which records are read: of which configuration, kind and category, in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from llmopt_core.labs.evaluation.failure_kinds import FAILURE_KINDS, Diagnosis
from llmopt_core.labs.evaluation.failure_summary import UNKNOWN
from llmopt_core.labs.evaluation.notes import NoteBook
from llmopt_core.labs.evaluation.review_queue import Order, flip_counts, review_queue
from llmopt_ui import format as fmt
from llmopt_ui.evaluation.failures.data import Desk, kind_title

OF, KIND, CATEGORY, ORDER = "failures_of", "failures_kind", "failures_category", "failures_order"
POSITION = "failures_position"
_ANY = ""
_ORDERS: dict[Order, str] = {
    "failures": "Failures first",
    "flips": "Flips against the baseline",
    "set": "As in the set",
}


@dataclass(frozen=True, slots=True)
class Queue:
    """The records to read.

    Attributes:
        configuration: Whose records they are, as it is shown.
        example_ids: In the order in which they are read.
        sentence: What is in it where that needs a word.
    """

    configuration: str
    run_id: int
    example_ids: Sequence[str]
    sentence: str = ""


def choose_records(configuration: str, kind: str, category: str | None) -> None:
    """Let the selectors name these records. Called before they are drawn."""
    st.session_state[OF] = configuration
    st.session_state[KIND] = kind
    st.session_state[CATEGORY] = _ANY if category is None else f"={category}"
    # Flips would leave out most of them.
    st.session_state[ORDER] = "failures"
    st.session_state.pop(POSITION, None)


def record_filter(desk: Desk, book: NoteBook) -> Queue:
    """The selectors, and the records that they name."""
    names = list(desk.runs)
    kinds = {_ANY: "All records", **{kind: kind_title(kind) for kind in FAILURE_KINDS}, UNKNOWN: kind_title(None),
             **{group: f"Group: {name}" for group, name in book.groups.items()}}  # fmt: skip
    all_categories = sorted({one.category or "" for records in desk.diagnoses.values() for one in records})
    categories = {_ANY: "All", **{f"={name}": name or "(none)" for name in all_categories}}
    # What was chosen may be gone since: a run that is no longer compared, a group that was merged.
    for key, options in ((OF, names), (KIND, kinds), (CATEGORY, categories), (ORDER, _ORDERS)):
        if st.session_state.get(key) not in (None, *options):
            del st.session_state[key]
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        name = st.selectbox("Records of", names, len(names) - 1, key=OF, width=200, on_change=_begin)
        kind = st.selectbox("Kind", list(kinds), key=KIND, format_func=kinds.__getitem__, width=220, on_change=_begin)
        category = _ANY
        if len(categories) > 2:
            category = st.selectbox("Category", list(categories), key=CATEGORY, format_func=categories.__getitem__,
                                    width=160, on_change=_begin)  # fmt: skip
        # A configuration has no flips against itself.
        orders = [one for one in _ORDERS if one != "flips" or (len(names) > 1 and name != desk.baseline)]
        if st.session_state.get(ORDER) not in (None, *orders):
            del st.session_state[ORDER]
        order = st.selectbox("Order", orders, key=ORDER, format_func=_ORDERS.__getitem__, width=220, on_change=_begin)
    diagnoses, other = desk.diagnoses[name], desk.diagnoses.get(desk.baseline, ())
    wanted = _wanted(diagnoses, desk.runs[name].id, book, kind)
    if category:
        wanted &= {one.example_id for one in diagnoses if (one.category or "") == category[1:]}
    ids = review_queue(diagnoses, order, other, wanted)
    return Queue(name, desk.runs[name].id, ids, _flip_words(desk, name, other) if order == "flips" else "")


def _begin() -> None:
    """Other records begin with the first one that nobody has read."""
    st.session_state.pop(POSITION, None)


def _wanted(diagnoses: Sequence[Diagnosis], run_id: int, book: NoteBook, kind: str) -> set[str]:
    if kind in book.groups:
        return {note.example_id for note in book.of_group(kind) if note.run_id == run_id}
    return {one.example_id for one in diagnoses if kind == _ANY or _has_kind(one, kind)}


def _has_kind(record: Diagnosis, kind: str) -> bool:
    if kind == UNKNOWN:
        return record.passed is False and not record.kinds
    return kind in record.kinds


def _flip_words(desk: Desk, name: str, other: Sequence[Diagnosis]) -> str:
    won, lost = flip_counts(desk.diagnoses[name], other)
    return (
        f"Against {desk.baseline}, {name} lost {fmt.plural(lost, 'question')} and won {won}; the lost ones come first."
    )
