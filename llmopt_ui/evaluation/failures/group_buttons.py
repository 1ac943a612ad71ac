"""What a group becomes by one click: a configuration, an assertion, a few-shot set, a training set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from llmopt_core.labs.evaluation.group_actions import (
    few_shot_set,
    fitting_change,
    records_of,
    save_change,
    training_set,
)
from llmopt_core.labs.evaluation.note_groups import GroupCount
from llmopt_core.labs.finetuning.without_few_shot import without_shots
from llmopt_core.runs.values import Run
from llmopt_core.types import Record
from llmopt_ui import format as fmt
from llmopt_ui.evaluation.failures.check_buttons import check_buttons
from llmopt_ui.evaluation.failures.data import Desk
from llmopt_ui.navigation import EVALUATION
from llmopt_ui.resources import store
from llmopt_ui.runs.start import RUN_CONFIGURATIONS, RUN_SET
from llmopt_ui.session import notify, notify_problem


def group_buttons(desk: Desk, group: GroupCount) -> None:
    """The four buttons of a group."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button("Configuration", key="failures_to_configuration", icon=":material/tune:",
                  help="Saves the change that fits the kind that most of its records have, and opens the form that "
                  "runs it beside the one it is made from.", on_click=_configuration, args=(desk, group))  # fmt: skip
        check_buttons(desk, group)
        st.button("Few-shot set", key="failures_to_few_shot", icon=":material/format_list_bulleted:",
                  help="Its questions with their reference answers become examples for prompts. Scores on questions "
                  "that a prompt shows are marked from then on.", on_click=_few_shot, args=(desk, group))  # fmt: skip
        st.button("Training set", key="failures_to_training", icon=":material/model_training:",
                  help="Its prompts with their reference answers become training data. Scores on questions that a "
                  "model was trained on are marked from then on.", on_click=_training, args=(desk, group))  # fmt: skip


def _configuration(desk: Desk, group: GroupCount) -> None:
    with notify_problem():
        run = _main_run(group)
        ids = {note.example_id for note in group.notes if note.run_id == run.id}
        name = desk.run_names.get(run.id, "")
        diagnoses = [one for one in desk.diagnoses.get(name, ()) if one.example_id in ids]
        change, reason = fitting_change(run, diagnoses)
        examples = [record.example for record in _records(group)]
        saved = save_change(store(), run, change, group.name, examples)
        names = {item.name for item in store().configurations(desk.project)}
        # The run form is filled before it is drawn; what the change is made from is cached, so it costs nothing.
        st.session_state[RUN_CONFIGURATIONS] = [one for one in (run.name, saved.name) if one in names]
        if desk.set_name in {item.name for item in store().evaluation_sets(desk.project)}:
            st.session_state[RUN_SET] = desk.set_name
        st.session_state[EVALUATION.tabs] = "Run"
        notify(f"{saved.name} saved. {reason} Evaluate it here.")


def _main_run(group: GroupCount) -> Run:
    """The run that most of the notes are on."""
    return store().run(Counter(note.run_id for note in group.notes).most_common(1)[0][0])


def _records(group: GroupCount) -> list[Record]:
    return list(records_of(store(), [(note.run_id, note.example_id) for note in group.notes]).values())


def _few_shot(desk: Desk, group: GroupCount) -> None:
    with notify_problem():
        records = _unique(_records(group))
        version = few_shot_set(store(), desk.project, group.name, records)
        count = len(version.body["examples"])
        notify(f"Few-shot set {version.name} v{version.number}: {fmt.plural(count, 'example')}. It is on the page "
               "Prompts, tab Few-shot.")  # fmt: skip


def _training(desk: Desk, group: GroupCount) -> None:
    with notify_problem():
        records = _unique([
            record
            for run_id in dict.fromkeys(note.run_id for note in group.notes)
            for record in _of_run(group, run_id)
        ])  # fmt: skip
        version = training_set(store(), desk.project, group.name, records)
        notify(f"Training set {version.label}: {fmt.plural(len(version.train.examples), 'example')}. It is on the "
               "page Fine-tuning, tab Training data.")  # fmt: skip


def _of_run(group: GroupCount, run_id: int) -> Sequence[Record]:
    """The records of one run, with their prompts as a tuned model will be asked."""
    keys = [(run_id, note.example_id) for note in group.notes if note.run_id == run_id]
    records = list(records_of(store(), keys).values())
    return without_shots(records, store().run(run_id).configuration) if records else []


def _unique(records: Sequence[Record]) -> list[Record]:
    """One record of each question: it has one reference answer, whoever failed on it."""
    return list({record.example.id: record for record in records}.values())
