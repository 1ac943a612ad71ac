"""A group becomes a check: the prepared assertion by one click, or another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import streamlit as st

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.assertions.spec import ASSERTION_EXPLANATIONS, AssertionSpec, describe
from llmopt_core.experiments.assertion_rows import EMPTY, TYPES, assertions_from_rows, row_of
from llmopt_core.labs.evaluation.failure_kinds import Diagnosis
from llmopt_core.labs.evaluation.group_actions import add_check
from llmopt_core.labs.evaluation.group_check import prepare_check
from llmopt_core.labs.evaluation.note_groups import GroupCount
from llmopt_core.types import Example
from llmopt_ui import format as fmt
from llmopt_ui.evaluation.failures.data import Desk
from llmopt_ui.evaluation_sets import set_version
from llmopt_ui.resources import store
from llmopt_ui.session import notify, notify_problem

_SCOPES = {"group": "The questions of this group", "set": "All questions of the set"}
_WITH_THRESHOLD = ("similar", "llm-rubric", "metric", "latency", "cost")


def check_buttons(desk: Desk, group: GroupCount) -> None:
    """The button of the prepared check, and the form for another one."""
    texts = [note.text for note in group.notes]
    prepared = prepare_check(group.name, texts, _diagnoses(desk, group), _examples(desk, group))
    ids = [note.example_id for note in group.notes]
    words = f"Runs from now on check this on the questions of the group: {_words(prepared)}"
    st.button("Assertion", key="failures_check", icon=":material/rule:", help=fmt.markdown(words),
              on_click=_add, args=(desk, prepared, ids))  # fmt: skip
    with st.popover("Another assertion", icon=":material/edit_note:"):
        _check_form(desk, group, row_of(prepared))


def _diagnoses(desk: Desk, group: GroupCount) -> list[Diagnosis]:
    keys = {(desk.run_names.get(note.run_id, ""), note.example_id) for note in group.notes}
    return [one for name, records in desk.diagnoses.items() for one in records if (name, one.example_id) in keys]


def _examples(desk: Desk, group: GroupCount) -> list[Example]:
    # From the set as it was asked, which is kept in memory; records would be read anew at every keystroke.
    ids = {note.example_id for note in group.notes}
    versions = dict.fromkeys((run.evaluation_set, run.set_version) for run in desk.runs.values())
    examples: dict[str, Example] = {}
    for name, version in versions:
        # Deleted since; the notes still count, and the check is then prepared from them alone.
        with suppress(BadInput):
            found = set_version(desk.project, name, version).examples
            examples |= {example.id: example for example in found if example.id in ids}
    return list(examples.values())


def _words(assertion: AssertionSpec) -> str:
    """What it demands, without its name, which is that of the group."""
    threshold = "" if assertion.threshold is None else f" (at least {assertion.threshold:g})"
    return f"{describe(assertion.model_copy(update={'name': ''}))}{threshold}"


def _check_form(desk: Desk, group: GroupCount, start: Mapping[str, Any]) -> None:
    token = f"{group.id}_{group.name}"
    kind = st.selectbox("Assertion", TYPES, TYPES.index(str(start["type"])), key=f"failures_check_type_{token}")
    st.caption(ASSERTION_EXPLANATIONS[kind])  # type: ignore[index]
    # Another type needs another value, which the name of the group begins.
    is_prepared = kind == start["type"]
    st.text_area("Value", str(start["value"]) if is_prepared else "", key=f"failures_check_value_{token}_{kind}",
                 width=420)  # fmt: skip
    if kind in _WITH_THRESHOLD:
        st.number_input("Threshold", value=start["threshold"] if is_prepared else None, min_value=0.0, step=0.05,
                        key=f"failures_check_threshold_{token}_{kind}")  # fmt: skip
    st.checkbox("Passes where this does not hold", bool(start["negate"]) if is_prepared else False,
                key=f"failures_check_negate_{token}_{kind}")  # fmt: skip
    st.segmented_control("For", list(_SCOPES), default="group", required=True, key=f"failures_check_for_{token}",
                         format_func=_SCOPES.__getitem__)  # fmt: skip
    st.caption("The set gets a new version; runs from now on check it.")
    st.button("Add the assertion", key="failures_to_check", type="primary", icon=":material/rule:", on_click=_add_own,
              args=(desk, group, token, start))  # fmt: skip


def _add_own(desk: Desk, group: GroupCount, token: str, start: Mapping[str, Any]) -> None:
    with notify_problem():
        assertion = _assertion(group, token, start)
        is_whole = st.session_state.get(f"failures_check_for_{token}") == "set"
        _add(desk, assertion, None if is_whole else [note.example_id for note in group.notes])


def _add(desk: Desk, assertion: AssertionSpec, example_ids: Sequence[str] | None) -> None:
    with notify_problem():
        count = add_check(store(), desk.project, desk.set_name, assertion, example_ids)
        notify(f"{_words(assertion)}: now checked on {fmt.plural(count, 'question')}. The next run shows it." if count
               else "These questions have this assertion already.")  # fmt: skip


def _assertion(group: GroupCount, token: str, start: Mapping[str, Any]) -> AssertionSpec:
    kind = st.session_state.get(f"failures_check_type_{token}")

    def field(name: str) -> Any:
        return st.session_state.get(f"failures_check_{name}_{token}_{kind}")

    row = {**EMPTY, "type": kind, "value": field("value"), "threshold": field("threshold"), "negate": field("negate"),
           "case_sensitive": start["case_sensitive"] if kind == start["type"] else True,
           "name": f"not: {group.name}"}  # fmt: skip
    (assertion,) = assertions_from_rows([row])
    return assertion
