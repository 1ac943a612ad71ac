"""References by hand: mark the words in the document, or paste them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from llmopt_core.documents.spans import QuoteMatch, find_quote
from llmopt_core.labs.documents.reference_spans import with_another_reference, with_references
from llmopt_core.runs.values import Project, SavedDocument
from llmopt_core.types import Document, EvaluationSet, Example, Span
from llmopt_ui import format as fmt
from llmopt_ui.button_to import button_to
from llmopt_ui.components import empty_state, plain_fragment
from llmopt_ui.document_text.document import document_of, spans_in
from llmopt_ui.document_text.pages import page_number, turn_to
from llmopt_ui.document_text.window import WINDOW, TextWindow, show_text, text_data, turn_to_click, window_at
from llmopt_ui.documents.spans_view import choose_set
from llmopt_ui.navigation import DOCUMENTS, EVALUATION
from llmopt_ui.resources import store
from llmopt_ui.session import notify, report_problem, rerun_after_action, state

QUESTION, DOCUMENT, QUOTE = "mark_question", "mark_document", "mark_quote"
SET_IT, ADD_IT, CLEAR = "mark_set", "mark_add", "mark_clear"


def mark_view(project: Project) -> None:
    """Choose a question, mark its answer, keep it."""
    name = choose_set(project)
    if not name:
        hint = "Add a file of questions, or let a model write some about your documents."
        with empty_state("No questions yet", hint, ":material/quiz:"):
            button_to(EVALUATION, "Add questions", "mark_to_questions", "Questions")
            button_to(DOCUMENTS, "Write questions", "mark_to_writing", "Questions", spans_way="Write questions")
        return
    _mark(project, name, _version(project, name))


def _version(project: Project, name: str) -> str:
    return next((item.version for item in store().evaluation_sets(project) if item.name == name), "")


@plain_fragment
def _mark(project: Project, name: str, version: str) -> None:
    """The part that is drawn by itself; `version` is the version of the set that the rest of the page counts."""
    rerun_after_action()
    # A fragment is drawn alone, while counts around it are of the set as it was.
    if _version(project, name) != version:
        # Another tab has changed it.
        st.rerun()
    questions = store().evaluation_set(project, name)
    # In a scan without text there is nothing to mark.
    documents = [item for item in store().document_list(project) if item.characters]
    left, right = st.columns([1, 1.9], gap="medium")
    with left:
        example = _question(questions, documents)
        if example is None:
            return
        _references(project, example)
    with right:
        document = _document(project, documents)
        span = _mark_text(document, example)
    with left:
        # Marked words win: they are the later and the surer choice.
        match = _paste_quote(document) if span is None else None
        _keep(project, questions, example, span or (match.span if match else None), document)


def _question(questions: EvaluationSet, documents: Sequence[SavedDocument]) -> Example | None:
    # False sorts before True: questions without a source, which need work, come first.
    by_id = {example.id: example for example in sorted(questions.examples, key=lambda one: bool(one.references))}

    def label(one: str) -> str:
        mark = "●" if by_id[one].references else "○"
        return f"{mark} {fmt.shorten(by_id[one].question, 90)}"

    key, names = f"{QUESTION}_{questions.name}", {item.name for item in documents}
    # Removed by another tab; a value that is no option is an error of Streamlit's.
    if st.session_state.get(key) not in by_id:
        st.session_state.pop(key, None)
    # Only at the first drawing; afterwards the user turns to documents, and a question that is chosen does.
    if DOCUMENT not in st.session_state:
        _go_to(next(iter(by_id.values()), None), names)
    example_id = st.selectbox(
        "Question (○ has no source yet)", list(by_id), key=key, format_func=label, on_change=_on_choice,
        args=(key, by_id, names),
    )  # fmt: skip
    return by_id.get(example_id or "")


def _on_choice(key: str, examples: dict[str, Example], names: set[str]) -> None:
    _go_to(examples.get(st.session_state.get(key) or ""), names)


def _go_to(example: Example | None, names: set[str]) -> None:
    """Open the document and page of a question's first reference."""
    span = next((span for span in example.references if span.document in names), None) if example else None
    if span is not None:
        st.session_state[DOCUMENT] = span.document
        turn_to(_page_key(span.document), span.start, WINDOW)


def _page_key(name: str) -> str:
    return f"mark_page_{name}"


def _references(project: Project, example: Example) -> None:
    """The question in full, its answer, and where it stands now."""
    st.text(example.question)
    if example.reference:
        st.caption(f"Answer: {fmt.markdown(fmt.shorten(example.answers_text, 200))}")
    documents = {item.name: item for item in store().document_list(project)}
    for span in example.references:
        document = documents.get(span.document)
        words = document_of(project, document).text[span.start : span.end] if document else "(the document is gone)"
        st.caption(f":orange[■] {fmt.markdown(span.document)}, characters {span.start:,} to {span.end:,}")
        st.text(fmt.shorten(words, 240))


def _document(project: Project, documents: Sequence[SavedDocument]) -> Document:
    names = [item.name for item in documents]
    if st.session_state.get(DOCUMENT) not in names:
        st.session_state.pop(DOCUMENT, None)
    name = st.selectbox("Document", names, key=DOCUMENT)
    return document_of(project, next(item for item in documents if item.name == name))


def _mark_text(document: Document, example: Example) -> Span | None:
    """The text with the references; gives what the user has marked in it."""
    number = page_number(_page_key(document.name), len(document.text), WINDOW)
    start, end = window_at(document, number)
    window = TextWindow(start, end, spans_in(document.name, example.references), height=440, marking=True)
    # Everything that makes a marking invalid: another text, page or question, or that it was saved.
    key = f"mark_text_{document.name}_{start}_{example.id}_{state().forms}"
    result = show_text(
        text_data(document, None, window), key,
        on_jump=lambda: turn_to_click(key, _page_key(document.name), len(document.text)),
    )  # fmt: skip
    st.caption("Mark the words that answer the question with the mouse, as if to copy them.")
    selection = result.get("marked") if hasattr(result, "get") else getattr(result, "marked", None)
    if not selection:
        return None
    # What comes from a browser is never trusted to lie within the text.
    a, b = (min(max(int(edge), 0), len(document.text)) for edge in selection)
    # A double click marks the blank behind a word, too. Without it two people's marks of the same words are equal.
    while a < b and document.text[a].isspace():
        a += 1
    while b > a and document.text[b - 1].isspace():
        b -= 1
    return Span(document.name, a, b) if a < b else None


def _paste_quote(document: Document) -> QuoteMatch | None:
    """A quote that is pasted, looked up in the document."""
    quote = st.text_input("Or paste the words", key=f"{QUOTE}_{state().forms}", placeholder="Found exactly or nearly")
    if not quote or not quote.strip():
        return None
    match = find_quote(quote, [document])
    if match is None:
        st.caption(f":red[These words do not stand in {fmt.markdown(document.name)}.]")
        return None
    how = "exactly" if match.exact else f"{match.similarity:.0%} alike"
    places = f", in {match.places:,} places: the first is taken" if match.places > 1 else ""
    st.caption(f":green[Found {how}{places}.]")
    return match


def _keep(project: Project, questions: EvaluationSet, example: Example, span: Span | None, document: Document) -> None:
    if span is not None:
        st.caption(f"Marked: characters {span.start:,} to {span.end:,}")
        with st.container(border=True):
            st.text(fmt.shorten(document.text[span.start : span.end], 300))
    with st.container(horizontal=True, gap="small"):
        # Names and ids, since callbacks run at the next drawing, when the set may be another version.
        put = (project, questions.name, example.id, span)
        st.button("Set as the source", key=SET_IT, type="primary", icon=":material/bookmark_added:",
                  disabled=span is None, on_click=_save, args=put)  # fmt: skip
        if example.references:
            st.button("Add to the others", key=ADD_IT, disabled=span is None, on_click=_save, args=put,
                      kwargs={"add": True})  # fmt: skip
            st.button("Clear", key=CLEAR, type="tertiary", on_click=_save, args=(*put[:3], None))


def _save(project: Project, name: str, example_id: str, span: Span | None, *, add: bool = False) -> None:
    """Keep the place in the set as it is now: another tab may have changed it since the page was drawn."""
    with report_problem():
        questions = store().evaluation_set(project, name)
        if add and span is not None:
            new_version = with_another_reference(questions, example_id, span)
        else:
            new_version = with_references(questions, example_id, [] if span is None else [span])
        store().save_evaluation_set(project, new_version)
        # Empties the marking and the quote.
        state().forms += 1
        count = next(len(one.references) for one in new_version.examples if one.id == example_id)
        notify(f"{name}: question {example_id} has {fmt.plural(count, 'source')} now.")
