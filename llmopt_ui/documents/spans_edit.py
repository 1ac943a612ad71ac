"""Questions one by one: add, change, and take a place of the answer's words as the source."""

from __future__ import annotations

import re
from typing import Any

import streamlit as st

from llmopt_core.documents.answer_places import AnswerPlace, answer_places
from llmopt_core.labs.documents.question_edit import with_question, without_question
from llmopt_core.labs.documents.reference_spans import with_another_reference
from llmopt_core.runs.values import Project
from llmopt_core.types import EvaluationSet, Example, Span
from llmopt_ui import format as fmt
from llmopt_ui.components import plain_fragment
from llmopt_ui.documents.spans_view import choose_set
from llmopt_ui.hand_over import hand_over_typing
from llmopt_ui.resources import store
from llmopt_ui.session import notify, report_problem, rerun_after_action, state

PICKER, QUESTION, ANSWERS, CATEGORY = "edit_chosen", "edit_question", "edit_answers", "edit_category"
SAVE, DISCARD, REMOVE, NEW_SET = "edit_save", "edit_discard", "edit_remove", "edit_new_set"
DRAFT = "question"
NEW = ""
_FIELDS = (QUESTION, ANSWERS, CATEGORY)
_VERSION_AT_START, _VERSION_ON_NOTICE = "edit_opened", "edit_told"


def edit_view(project: Project) -> None:
    """The fields of a question on the left, the places of its answer on the right."""
    # Streamlit tells what is in a text area only when it is left: who closes the page before would lose it.
    hand_over_typing("edit_hand_over")
    name = choose_set(project)
    if not name:
        name = (st.text_input("Name of the new evaluation set", "questions", key=NEW_SET, width=340) or "").strip()
    questions = store().evaluation_set(project, name) if choose_set(project) else EvaluationSet(name, ())
    left, right = st.columns([1, 1.4], gap="medium")
    with left:
        example = _choose_question(project, questions)
        _tell_of_drafts(project, questions, example)
        # The fields of a set that is still to be made keep what was typed while it gets another name.
        _fields(project, name, choose_set(project), example.id if example else NEW)
    with right:
        if example is None:
            st.caption("Save the question; then the places where its answer's words stand are proposed here.")
        else:
            _places(project, questions, example)


def _choose_question(project: Project, questions: EvaluationSet) -> Example | None:
    by_id = {example.id: example for example in questions.examples}
    key = f"{PICKER}_{questions.name}"
    name, id_to_show = state().question_to_show
    if name == questions.name and id_to_show in by_id:
        st.session_state[key], state().question_to_show = id_to_show, ("", "")
    before = st.session_state.get(key, NEW)
    # Removed by another tab, with something perhaps typed into its fields.
    if before not in (NEW, *by_id):
        st.session_state.pop(key)
        _carry_over(project, questions.name, before)
    elif key in st.session_state:
        # The browser knows an option by its label only, and another tab may have changed that.
        st.session_state[key] = before
    example_id = st.selectbox(
        "Question", [NEW, *by_id], key=key,
        format_func=lambda one: fmt.shorten(by_id[one].question, 90) if one in by_id else "New question",
    )  # fmt: skip
    return by_id.get(example_id or NEW)


def _tell_of_drafts(project: Project, questions: EvaluationSet, current: Example | None) -> None:
    """Name the questions whose fields hold something that was not saved."""
    form_names = store().draft_names(project, DRAFT)
    # The current one is not named: its fields are on the page.
    others = [
        one for one in questions.examples if one is not current and draft_name(questions.name, one.id) in form_names
    ]
    names = [fmt.markdown(fmt.shorten(one.question, 60)) for one in others]
    names += ["a new question"] if current is not None and draft_name(questions.name, NEW) in form_names else []
    if names:
        st.caption(f":orange[Typed and not saved yet:] {'; '.join(names)}")


@plain_fragment
def _fields(project: Project, name: str, form: str, example_id: str) -> None:
    """The part that is drawn by itself: what is typed is kept as it is typed, and a closed page loses none of it."""
    rerun_after_action()
    questions = _questions(project, name)
    example = next((one for one in questions.examples if one.id == example_id), None)
    if example_id and example is None:
        # Another tab has removed it.
        st.rerun()
    # The keys hold set, question and turn: a change of any of them is a new form.
    turn, values = _form_key(form, example_id), _saved_fields(example)
    _fill(project, form, example_id, values)
    is_new = _tell_of_change(turn, values)
    on_change: dict[str, Any] = {"on_change": _remember, "args": (project, form, example_id)}
    question = st.text_area("What is asked", key=f"{QUESTION}_{turn}", height=90, **on_change)
    answers = st.text_area("Reference answers, one on each line", key=f"{ANSWERS}_{turn}", height=90, **on_change)
    category = st.text_input("Category", key=f"{CATEGORY}_{turn}", live=True, **on_change)
    label = "Save the question" if example else "Add the question"
    with st.container(horizontal=True, gap="small"):
        save = st.button(label, key=f"{SAVE}_{turn}", type="primary", icon=":material/save:")
        # Values are texts as fields give them, so that they can be compared.
        if (question, answers, category) != values:
            st.button("Discard what was typed", key=f"{DISCARD}_{turn}", type="tertiary", icon=":material/undo:",
                      on_click=_discard, args=(project, form, example_id))  # fmt: skip
    # Where another tab changed the question, the first press only shows how it reads now; the second saves.
    if save and is_new:
        lines = (answers or "").splitlines()
        questions_after, kept_id = with_question(questions, example_id, question or "", lines, category or "")
        store().save_evaluation_set(project, questions_after)
        # After saving: a crash between both leaves a draft that equals what is stored, not a loss.
        store().delete_draft(project, DRAFT, draft_name(form, example_id))
        _show_again(questions_after, kept_id, "saved" if example else "added")
    if example is not None:
        st.button("Remove this question", key=REMOVE, type="tertiary", icon=":material/delete:", on_click=_remove,
                  args=(project, name, example_id))  # fmt: skip


def _questions(project: Project, name: str) -> EvaluationSet:
    """The set as it is now; without questions where it is still to be made."""
    exists = any(item.name == name for item in store().evaluation_sets(project))
    return store().evaluation_set(project, name) if exists else EvaluationSet(name, ())


def draft_name(name: str, example_id: str) -> str:
    """What the draft of a question goes by."""
    # Names of sets are typed in one line, so what stands before the first line break is the set.
    return f"{name}\n{example_id}"


def _remember(project: Project, name: str, example_id: str) -> None:
    """Keep what was typed, with what the question was when it was opened."""
    turn = _form_key(name, example_id)
    values = [st.session_state.get(f"{field}_{turn}") or "" for field in _FIELDS]
    values_at_start = list(st.session_state[f"{_VERSION_AT_START}_{turn}"])
    with report_problem():
        # Typed and taken back is no draft.
        if values == values_at_start:
            store().delete_draft(project, DRAFT, draft_name(name, example_id))
        else:
            store().save_draft(
                project, DRAFT, draft_name(name, example_id), {"typed": values, "opened": values_at_start}
            )


def _discard(project: Project, name: str, example_id: str) -> None:
    store().delete_draft(project, DRAFT, draft_name(name, example_id))
    state().forms += 1


def _form_key(name: str, example_id: str) -> str:
    return f"{name}_{example_id}_{state().forms}"


def _saved_fields(example: Example | None) -> tuple[str, str, str]:
    """The fields of a question as the evaluation set has it."""
    if example is None:
        return "", "", ""
    return example.question, "\n".join(example.right_answers), example.category or ""


def _fill(project: Project, name: str, example_id: str, values: tuple[str, str, str]) -> None:
    """Once for each form: a field whose default changes would lose what was typed into it."""
    turn = _form_key(name, example_id)
    # Streamlit forgets values of fields that were not drawn for a while, so after another tab they are filled again
    # from the draft.
    if f"{QUESTION}_{turn}" not in st.session_state:
        draft = store().draft(project, DRAFT, draft_name(name, example_id)) or {}
        for field, value in zip(_FIELDS, draft.get("typed", values), strict=True):
            st.session_state[f"{field}_{turn}"] = value
        st.session_state[f"{_VERSION_AT_START}_{turn}"] = tuple(draft.get("opened", values))


def _tell_of_change(turn: str, values: tuple[str, str, str]) -> bool:
    """Say what another tab made of the question since it was opened; whether there is nothing new to say."""
    is_known = bool(st.session_state.setdefault(f"{_VERSION_AT_START}_{turn}", values) == values)
    if not is_known:
        is_known = bool(st.session_state.get(f"{_VERSION_ON_NOTICE}_{turn}") == values)
        st.session_state[f"{_VERSION_ON_NOTICE}_{turn}"] = values
        question, answers, _ = (fmt.markdown(" / ".join(value.splitlines())) for value in values)
        st.warning(
            f"This question was changed elsewhere since it was opened here. It reads now: {question} "
            f"Reference answers: {answers or 'none'}. Your text is in the fields; saving it replaces the other."
        )
    return is_known


def _carry_over(project: Project, name: str, old_id: str) -> None:
    """What was typed into the form of a question that was removed elsewhere becomes a new question's."""
    old, new = _form_key(name, old_id), _form_key(name, NEW)
    if st.session_state.get(f"{QUESTION}_{old}"):
        for field in _FIELDS:
            st.session_state[f"{field}_{new}"] = st.session_state.get(f"{field}_{old}", "")
        st.session_state[f"{_VERSION_AT_START}_{new}"] = ("", "", "")
        _remember(project, name, NEW)
        store().delete_draft(project, DRAFT, draft_name(name, old_id))
        st.warning("This question was removed elsewhere. Its text is in the fields of a new question now.")


def _show_again(questions: EvaluationSet, example_id: str, message: str) -> None:
    state().forms += 1
    state().question_to_show = (questions.name, example_id)
    notify(f"{questions.name}: question {example_id} {message}.")
    st.rerun()


def _remove(project: Project, name: str, example_id: str) -> None:
    with report_problem():
        # As it is now: another tab may have changed it since the page was drawn.
        questions = store().evaluation_set(project, name)
        store().save_evaluation_set(project, without_question(questions, example_id))
        state().forms += 1
        notify(f"{name}: question {example_id} removed.")


def _places(project: Project, questions: EvaluationSet, example: Example) -> None:
    """Where the answer's words stand; a button takes a place as the question's source."""
    places = answer_places(example.question, example.right_answers, store().documents(project))
    if not example.right_answers:
        st.caption("Without a right answer no place can be proposed; mark its words under *Mark in the text*.")
    elif not places:
        st.caption("The answer's words stand in no document; mark their place under *Mark in the text*.")
    for number, place in enumerate(places):
        _place(project, questions, example, number, place)


def _place(project: Project, questions: EvaluationSet, example: Example, number: int, place: AnswerPlace) -> None:
    with st.container(border=True, gap="xxsmall"):
        st.caption(f"{fmt.markdown(place.span.document)}, characters {place.span.start:,} to {place.span.end:,}")
        # White space of any kind becomes one blank, also at the edges, where it parts the words from the marked ones.
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
    with report_problem():
        questions = with_another_reference(store().evaluation_set(project, name), example_id, span)
        store().save_evaluation_set(project, questions)
        count = next(len(one.references) for one in questions.examples if one.id == example_id)
        notify(f"{name}: question {example_id} has {fmt.plural(count, 'source')} now.")
