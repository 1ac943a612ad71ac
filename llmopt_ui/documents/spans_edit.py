"""Questions one by one: add, change, and take a place of the answer's words as the source."""

from __future__ import annotations

import re

import streamlit as st

from llmopt_core.documents.answer_places import AnswerPlace, answer_places
from llmopt_core.errors import LlmOptError
from llmopt_core.labs.documents.question_edit import with_question, without_question
from llmopt_core.labs.documents.reference_spans import with_another_reference
from llmopt_core.runs.values import Project
from llmopt_core.types import EvaluationSet, Example, Span
from llmopt_ui import format as fmt
from llmopt_ui.documents.spans_view import chosen_set
from llmopt_ui.resources import store
from llmopt_ui.session import notify, state

CHOSEN, QUESTION, ANSWERS, CATEGORY = "edit_chosen", "edit_question", "edit_answers", "edit_category"
SAVE, REMOVE, NEW_SET = "edit_save", "edit_remove", "edit_new_set"
NEW = ""
_FIELDS = (QUESTION, ANSWERS, CATEGORY)
_OPENED, _TOLD = "edit_opened", "edit_told"


def edit_view(project: Project) -> None:
    """The fields of a question on the left, the places of its answer on the right."""
    name = chosen_set(project)
    if not name:
        name = (st.text_input("Name of the new evaluation set", "questions", key=NEW_SET, width=340) or "").strip()
    questions = store().evaluation_set(project, name) if chosen_set(project) else EvaluationSet(name, ())
    left, right = st.columns([1, 1.4], gap="medium")
    with left:
        example = _choose_question(questions)
        _fields(project, questions, example)
    with right:
        if example is None:
            st.caption("Save the question; then the places where its answer's words stand are proposed here.")
        else:
            _places(project, questions, example)


def _choose_question(questions: EvaluationSet) -> Example | None:
    by_id = {example.id: example for example in questions.examples}
    key = f"{CHOSEN}_{questions.name}"
    name, edited = state().edited_question
    if name == questions.name and edited in by_id:
        st.session_state[key], state().edited_question = edited, ("", "")
    gone = st.session_state.get(key, NEW)
    if gone not in (NEW, *by_id):
        st.session_state.pop(key)
        _carry_over(questions.name, gone)
    elif key in st.session_state:
        # The browser knows an option by its label only, and another tab may have changed that.
        st.session_state[key] = gone
    chosen = st.selectbox(
        "Question", [NEW, *by_id], key=key,
        format_func=lambda one: fmt.shorten(by_id[one].question, 90) if one in by_id else "New question",
    )  # fmt: skip
    return by_id.get(chosen or NEW)


def _fields(project: Project, questions: EvaluationSet, example: Example | None) -> None:
    turn = _turn(questions.name, example.id if example else NEW)
    stored = _saved_fields(example)
    _fill(turn, stored)
    told = _tell_of_change(turn, stored)
    with st.form(f"edit_form_{turn}", border=False):
        question = st.text_area("What is asked", key=f"{QUESTION}_{turn}", height=90)
        answers = st.text_area("Reference answers, one on each line", key=f"{ANSWERS}_{turn}", height=90)
        category = st.text_input("Category", key=f"{CATEGORY}_{turn}")
        label = "Save the question" if example else "Add the question"
        pressed = st.form_submit_button(label, key=f"{SAVE}_{turn}", type="primary", icon=":material/save:")
    if pressed and told:
        changed, example_id = with_question(
            questions, example.id if example else NEW, question or "", (answers or "").splitlines(), category or ""
        )
        _keep(project, changed, example_id, "saved" if example else "added")
    if example is not None:
        st.button("Remove this question", key=REMOVE, type="tertiary", icon=":material/delete:", on_click=_remove,
                  args=(project, questions.name, example.id))  # fmt: skip


def _turn(name: str, example_id: str) -> str:
    return f"{name}_{example_id}_{state().forms}"


def _saved_fields(example: Example | None) -> tuple[str, str, str]:
    """The fields of a question as the evaluation set has it."""
    if example is None:
        return "", "", ""
    return example.question, "\n".join(example.right_answers), example.category or ""


def _fill(turn: str, stored: tuple[str, str, str]) -> None:
    """Once for each form: a field whose default changes would lose what was typed into it."""
    if f"{QUESTION}_{turn}" not in st.session_state:
        for field, value in zip(_FIELDS, stored, strict=True):
            st.session_state[f"{field}_{turn}"] = value
        st.session_state[f"{_OPENED}_{turn}"] = stored


def _tell_of_change(turn: str, stored: tuple[str, str, str]) -> bool:
    """Say what another tab made of the question since it was opened; whether there is nothing new to say."""
    told = bool(st.session_state.setdefault(f"{_OPENED}_{turn}", stored) == stored)
    if not told:
        told = bool(st.session_state.get(f"{_TOLD}_{turn}") == stored)
        st.session_state[f"{_TOLD}_{turn}"] = stored
        question, answers, _ = (fmt.markdown(" / ".join(value.splitlines())) for value in stored)
        st.warning(
            f"This question was changed elsewhere since it was opened here. It reads now: {question} "
            f"Reference answers: {answers or 'none'}. Your text is in the fields; saving it replaces the other."
        )
    return told


def _carry_over(name: str, gone: str) -> None:
    """What was typed into the form of a question that was removed elsewhere becomes a new question's."""
    old, new = _turn(name, gone), _turn(name, NEW)
    if st.session_state.get(f"{QUESTION}_{old}"):
        for field in _FIELDS:
            st.session_state[f"{field}_{new}"] = st.session_state.get(f"{field}_{old}", "")
        st.warning("This question was removed elsewhere. Its text is in the fields of a new question now.")


def _keep(project: Project, changed: EvaluationSet, example_id: str, done: str) -> None:
    store().save_evaluation_set(project, changed)
    state().forms += 1
    state().edited_question = (changed.name, example_id)
    notify(f"{changed.name}: question {example_id} {done}.")
    st.rerun()


def _remove(project: Project, name: str, example_id: str) -> None:
    try:
        # As it is now: another tab may have changed it since the page was drawn.
        questions = store().evaluation_set(project, name)
        store().save_evaluation_set(project, without_question(questions, example_id))
    except LlmOptError as error:
        state().problem = str(error)
        return
    state().forms += 1
    notify(f"{name}: question {example_id} removed.")


def _places(project: Project, questions: EvaluationSet, example: Example) -> None:
    """Where the answer's words stand; a button takes a place as the question's source."""
    found = answer_places(example.question, example.right_answers, store().documents(project))
    if not example.right_answers:
        st.caption("Without a right answer no place can be proposed; mark its words under *Mark in the text*.")
    elif not found:
        st.caption("The answer's words stand in no document; mark their place under *Mark in the text*.")
    for number, place in enumerate(found):
        _place(project, questions, example, number, place)


def _place(project: Project, questions: EvaluationSet, example: Example, number: int, place: AnswerPlace) -> None:
    with st.container(border=True, gap="xxsmall"):
        st.caption(f"{fmt.markdown(place.span.document)}, characters {place.span.start:,} to {place.span.end:,}")
        before, after = (fmt.markdown(re.sub(r"\s+", " ", text)) for text in (place.before, place.after))
        words = fmt.markdown(" ".join(place.words.split()))
        st.markdown(f"… {before.lstrip()}:orange-background[{words}]{after.rstrip()} …")
        if place.span in example.references:
            st.caption(":green[This is its source.]")
            return
        label = "Add to its sources" if example.references else "Mark as its source"
        st.button(label, key=f"edit_place_{number}", icon=":material/bookmark_add:", on_click=_mark,
                  args=(project, questions.name, example.id, place.span))  # fmt: skip


def _mark(project: Project, name: str, example_id: str, span: Span) -> None:
    try:
        changed = with_another_reference(store().evaluation_set(project, name), example_id, span)
        store().save_evaluation_set(project, changed)
    except LlmOptError as error:
        state().problem = str(error)
        return
    count = next(len(one.references) for one in changed.examples if one.id == example_id)
    notify(f"{name}: question {example_id} has {fmt.plural(count, 'source')} now.")
