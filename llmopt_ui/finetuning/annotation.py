"""The Next to label tab: the answers most worth a person's look, in a table to edit, accept and reject."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.labs.finetuning.annotation import (
    Decision,
    Label,
    LabelDraft,
    Waiting,
    forget_labels,
    labels,
    read_drafts,
    save_drafts,
    save_labels,
    waiting,
)
from llmopt_core.labs.finetuning.held_out_sets import usual_runs
from llmopt_core.runs.values import Project
from llmopt_core.types import fingerprint
from llmopt_ui import format as fmt
from llmopt_ui.button_to import button_to
from llmopt_ui.components import empty_state, facts, plain_fragment
from llmopt_ui.finetuning.tabs import DATA, finetuning_state, open_tab
from llmopt_ui.navigation import EVALUATION, FINETUNING
from llmopt_ui.resources import store
from llmopt_ui.runs.recent_runs import recent_runs, run_label
from llmopt_ui.session import notify
from llmopt_ui.tables import table_editor

RUNS, METRICS, COUNT, TABLE, SAVE = "label_runs", "label_metrics", "label_count", "label_table", "label_save"
_DECISIONS: dict[str, Decision] = {"accept": "accepted", "reject": "rejected"}
_CHOICES = {decision: choice for choice, decision in _DECISIONS.items()}


def annotation_view(project: Project) -> None:
    """The whole tab."""
    runs = recent_runs(project)
    decisions_by_example = labels(store(), project)
    if decisions_by_example:
        _decision_buttons(project, decisions_by_example)
    if not runs:
        with empty_state("No answers yet", "Evaluate a configuration; what it gets wrong or is unsure of comes here.",
                         ":material/rate_review:"):  # fmt: skip
            button_to(EVALUATION, "Run an evaluation", "labels_to_run", "Run")
        return
    # What is held back is there to be measured with; comparisons of prompts need no scores, and without scores all
    # their answers would come first.
    newest = [run.id for run in usual_runs(store(), project, list(runs.values())) if not run.comparison][:3]
    run_keys = st.multiselect("From runs", list(runs), newest, key=RUNS, format_func=lambda key: run_label(runs[key]))
    metrics = list(dict.fromkeys(metric for key in run_keys for metric in runs[key].metrics))
    one, two = st.columns([3, 1], gap="medium")
    scores = one.multiselect("By these scores", metrics, key=METRICS, format_func=metric_title, placeholder="All")
    count = two.number_input("At most", 1, 200, 20, key=COUNT)
    # A short list, sorted by how much a look is worth: most people label a few and stop.
    answers = waiting(store(), project, [runs[key] for key in run_keys], int(count), scores)
    if not answers:
        with empty_state("Nothing left to label", "All answers of these runs look fine or have a decision.",
                         ":material/task_alt:"):  # fmt: skip
            button_to(FINETUNING, "See the training data", "labels_to_data", DATA)
        return
    st.caption(
        "Failures first, then low scores, then answers whose scores are middling or disagree. The right answer starts "
        "from the reference answer where there is one: edit it, then accept it (it becomes a training example) or "
        "reject it."
    )
    _table(project, answers)


def _decision_buttons(project: Project, decisions_by_example: dict[str, Label]) -> None:
    count = sum(label.decision == "accepted" for label in decisions_by_example.values())
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        facts(
            ("Accepted", fmt.count(count)),
            ("Rejected", fmt.count(len(decisions_by_example) - count)),
        )
        with st.container(horizontal=True, gap="small", width="content"):
            st.button("To the training data", key="label_to_data", icon=":material/arrow_forward:", on_click=open_tab,
                      args=(DATA,), disabled=not count)  # fmt: skip
            st.button("Take all back", key="label_forget", icon=":material/undo:", type="tertiary",
                      on_click=forget_labels, args=(store(), project))  # fmt: skip


def label_rows(answers: Sequence[Waiting], drafts: Mapping[str, LabelDraft]) -> pd.DataFrame:
    """The table that people edit, with what they typed before and did not decide on."""
    candidates = [item.candidate for item in answers]
    before = [drafts.get(item.key, LabelDraft(item.candidate.suggestion.strip())) for item in answers]
    return pd.DataFrame(
        {
            "Decision": pd.Series([_CHOICES.get(b.decision) if b.decision else None for b in before], dtype="string"),
            "Question": [c.record.example.question for c in candidates],
            "The model said": [c.record.answer.text.strip() if c.record.answer else "" for c in candidates],
            "Right answer": [b.answer for b in before],
            "Why": [f"{c.reason}: {c.explanation}" for c in candidates],
            "Configuration": [item.run.name for item in answers],
        }
    )


@plain_fragment
def _table(project: Project, answers: Sequence[Waiting]) -> None:
    # Another list of answers is another table, or its edits would be laid over other rows.
    key = f"{TABLE}_{finetuning_state().forms}_{fingerprint([[item.key, item.run.id] for item in answers])}"
    rows = _rows(project, answers, key)
    edits = table_editor(
        rows, key=key, height=560,
        disabled=["Question", "The model said", "Why", "Configuration"], on_change=_remember,
        args=(project, answers, key), placeholder="",
        column_config={
            # Together as wide as a narrow window: what is edited must be seen.
            "Decision": st.column_config.SelectboxColumn(options=list(_DECISIONS), width=100, pinned=True),
            "Question": st.column_config.TextColumn(width=190),
            "The model said": st.column_config.TextColumn(width=170),
            "Right answer": st.column_config.TextColumn(width=190, help="Double-click to edit."),
            "Why": st.column_config.TextColumn(width="medium"),
        },
    )  # fmt: skip
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        keep = st.button("Keep the decisions", key=SAVE, type="primary", icon=":material/check:")
        accept = st.button("Accept all that are not rejected", key="label_all", icon=":material/done_all:")
        st.caption("What you type is kept at once, also without a decision.")
    if accept:
        # Decisions that were made stay; only empty ones are filled.
        edits = edits.assign(Decision=edits["Decision"].fillna("accept"))
    if keep or accept:
        _keep(project, decisions(answers, edits))


def _rows(project: Project, answers: Sequence[Waiting], key: str) -> pd.DataFrame:
    """The table as it was when it was first drawn: its edits are told relative to that."""
    key_of_rows, rows = finetuning_state().annotation_table
    if rows is None or key_of_rows != key or key not in st.session_state:
        rows = label_rows(answers, read_drafts(store(), project))
        finetuning_state().annotation_table = (key, rows)
    return rows


def _remember(project: Project, answers: Sequence[Waiting], key: str) -> None:
    rows = finetuning_state().annotation_table[1]
    if rows is not None:
        save_drafts(store(), project, drafts_of_edits(answers, rows, st.session_state[key]["edited_rows"]))


def drafts_of_edits(
    answers: Sequence[Waiting], rows: pd.DataFrame, edits: Mapping[int, Mapping[str, Any]]
) -> dict[str, LabelDraft | None]:
    """What is to be kept of the edited rows; None where a row is as it was suggested."""
    drafts: dict[str, LabelDraft | None] = {}
    for position, edit in edits.items():
        # The editor tells changed cells by row number; what it does not tell is as it was.
        item, row = answers[position], rows.iloc[position].to_dict() | dict(edit)
        draft = LabelDraft(_text(row["Right answer"]), _DECISIONS.get(_text(row["Decision"])))
        # Taken back to what was suggested: nothing to keep.
        drafts[item.key] = None if draft == LabelDraft(item.candidate.suggestion.strip()) else draft
    return drafts


def decisions(answers: Sequence[Waiting], rows: pd.DataFrame) -> list[Label]:
    """The rows with a decision; an accepted row without an answer is none."""
    result = []
    for item, row in zip(answers, rows.to_dict("records"), strict=True):
        decision = _DECISIONS.get(_text(row["Decision"]))
        answer = _text(row["Right answer"]).strip()
        if decision and (decision == "rejected" or answer):
            example, run = item.candidate.record.example, item.run
            result.append(Label(example.id, run.id, decision, answer, run.evaluation_set))
    return result


def _text(cell: Any) -> str:
    """What a cell of the table holds; an emptied one is a missing value of some kind."""
    return cell if isinstance(cell, str) else ""


def _keep(project: Project, labels_to_keep: Sequence[Label]) -> None:
    if not labels_to_keep:
        st.caption("Choose accept or reject in the first column; an accepted row needs an answer.")
        return
    save_labels(store(), project, labels_to_keep)
    finetuning_state().forms += 1
    notify(f"{fmt.plural(len(labels_to_keep), 'decision')} kept.")
    st.rerun()
