"""The chunk microscope: the text with its chunks, a question's references, and the rank at which each is found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from llmopt_core.runs.values import Project, SavedDocument
from llmopt_core.types import Example
from llmopt_ui import format as fmt
from llmopt_ui.button_to import button_to
from llmopt_ui.chunking.microscope import data
from llmopt_ui.chunking.microscope.panel import panel_view
from llmopt_ui.chunking.microscope.panel_content import PanelContent
from llmopt_ui.chunking.microscope.parts import choose_part, go_to, part_of
from llmopt_ui.chunking.microscope.settings import chunking_fields, spec_title
from llmopt_ui.components import empty_state, plain_fragment, show_errors
from llmopt_ui.document_text.chunking import cutting_of
from llmopt_ui.document_text.document import document_of
from llmopt_ui.document_text.pages import page_number
from llmopt_ui.document_text.window import WINDOW, window_at
from llmopt_ui.evaluation_sets import set_choices
from llmopt_ui.navigation import DOCUMENTS
from llmopt_ui.resources import store

if TYPE_CHECKING:
    from llmopt_core.chunking.microscope import DocumentChunking
    from llmopt_core.chunking.spec import ChunkingSpec
    from llmopt_core.labs.chunking.chunk_ranks import ChunkRank

DOCUMENT = "micro_document"
SET = "micro_set"
QUESTION = "micro_question"
BY = "micro_by"
TOP_K = "micro_k"
SECOND = "micro_second"
RANKED_BY = {"bm25": "Words", "dense": "Meaning"}
NO_SET = "No question"
_LEGEND = (
    "A band is a chunk, striped where chunks overlap; point at it for its size and place. :orange[Underlined]: where "
    "the answer stands. A number at its start is its rank for the question, filled where it is among the top k. Struck "
    "through: beyond the embedding window in every chunk, so no vector knows it."
)


def microscope_view(project: Project) -> None:
    """The tab. Only this part is drawn again when a slider moves."""
    documents = [item for item in store().document_list(project) if item.characters]
    if not documents:
        hint = "Add a document; then see here what a chunker does to it."
        with empty_state("Nothing to look at yet", hint, ":material/biotech:"):
            button_to(DOCUMENTS, "Add documents", "microscope_to_files", "Files")
        return
    _microscope(project, documents)


@plain_fragment
def _microscope(project: Project, documents: Sequence[SavedDocument]) -> None:
    with show_errors():
        # A fragment in a fragment: a slider draws the inner one alone.
        _chunkings(_panel_content(project, documents))
        st.caption(_LEGEND)


@plain_fragment
def _chunkings(sight: PanelContent) -> None:
    """What a slider changes, apart from the choice of document and question: the less is drawn again, the sooner."""
    with show_errors():
        first_spec = chunking_fields("a", "Chunking")
        first = cutting_of(sight.document, first_spec, sight.version)
        other_spec = None
        if st.toggle("Compare with a second chunking", key=SECOND, bind="query-params"):
            other_spec = chunking_fields("b", "Second chunking")
        other = cutting_of(sight.document, other_spec, sight.version) if other_spec else None
        left, right = st.columns([1.9, 1], gap="medium", vertical_alignment="bottom")
        with left:
            sight = _turn_page(sight)
        with right:
            sight = _ranking(sight)
        # Two texts are to be seen in one window.
        height = 320 if other else 460
        # One axis for both, or equal bars would mean other sizes.
        largest = max((int(c.tokens.max(initial=1)) for c in (first, other) if c is not None), default=1)
        for name, spec, cutting in (("a", first_spec, first), ("b", other_spec, other)):
            if spec is not None and cutting is not None:
                ranks, total = _ranks(sight, spec, name, cutting)
                if other is not None:
                    st.markdown(f"**{spec_title(spec)}**")
                panel_view(sight, cutting, spec, name, ranks=ranks, competing=total, height=height, largest=largest)


def _panel_content(project: Project, documents: Sequence[SavedDocument]) -> PanelContent:
    """The row that chooses document and question."""
    boxes = st.columns([2, 1.6, 3.4], gap="small")
    examples = _examples(project, boxes[1])
    names = [item.name for item in documents]
    # Deleted meanwhile: a value that is no option is an error of Streamlit's.
    if st.session_state.get(DOCUMENT) not in (None, *names):
        del st.session_state[DOCUMENT]
    # Before the document's field is drawn, whose value it sets.
    _open_first_source(examples, names)
    ids = list(examples)
    page = boxes[2].selectbox(
        "Question",
        ids,
        # By set, as ids of two sets may be equal and mean other questions.
        key=f"{QUESTION}_{st.session_state.get(SET)}",
        format_func=lambda one: fmt.shorten(examples[one].question, 110) if one in examples else one,
        index=0 if ids else None,
        on_change=_to_reference,
        args=(examples, st.session_state.get(SET), set(names)),
        disabled=not ids,
        placeholder="Choose a set of questions",
    )
    example = examples.get(page) if page else None
    # Drawn after the question, which may turn to another document, though it stands before it.
    name = boxes[0].selectbox("Document", names, key=DOCUMENT, bind="query-params")
    document = next(item for item in documents if item.name == name)
    part = part_of(document_of(project, document), choose_part(document.name, document.characters))
    return PanelContent(project, documents, part, f"{document.version}:{part.start}", 0, 0, example, "bm25", 3)


def _ranking(sight: PanelContent) -> PanelContent:
    """The sight with how chunks are ranked, where a question is asked."""
    if sight.example is None:
        return sight
    left, right = st.columns([1.3, 1], gap="small")
    by = left.selectbox(
        "Ranked by", list(RANKED_BY), key=BY, format_func=RANKED_BY.__getitem__, bind="query-params",
        help="By shared words (BM25), at once; or by meaning, once the chunks have vectors of the built-in model.",
    )  # fmt: skip
    top_k = right.number_input("Top k", 1, 50, 3, key=TOP_K, help="How many chunks are handed to the model.")
    return replace(sight, by=by or "bm25", top_k=int(top_k))


def _examples(project: Project, box: st.delta_generator.DeltaGenerator) -> Mapping[str, Example]:
    """The questions of the chosen set that know where their answer stands, by id."""
    sets = [item.name for item in set_choices(project)]
    name = box.selectbox("Questions", [NO_SET, *sets], index=min(1, len(sets)), key=SET, bind="query-params")
    if not name or name == NO_SET:
        return {}
    examples = store().evaluation_set(project, name).examples
    # Those with a source first: only they show where an answer is cut.
    return {example.id: example for example in sorted(examples, key=lambda one: not one.references)}


def _open_first_source(examples: Mapping[str, Example], names: Sequence[str]) -> None:
    """Open at the answer of the first question, where the address does not name a document."""
    if DOCUMENT in st.session_state or DOCUMENT in st.query_params:
        return
    _go_to(next(iter(examples.values()), None), set(names))


def _to_reference(examples: Mapping[str, Example], set_name: str | None, names: set[str]) -> None:
    """Go to the document and the page where the chosen question's answer stands."""
    _go_to(examples.get(st.session_state.get(f"{QUESTION}_{set_name}") or ""), names)


def _go_to(example: Example | None, names: set[str]) -> None:
    # The first source whose document is still there.
    span = next((span for span in example.references if span.document in names), None) if example else None
    if span is not None:
        st.session_state[DOCUMENT] = span.document
        go_to(span.document, span.start)


def _turn_page(sight: PanelContent) -> PanelContent:
    """The sight with the window of text that is turned to."""
    document = sight.document
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        number = page_number(sight.part.page_key, len(document.text), WINDOW)
        start, end = window_at(document, number)
        paper, first = document.page_at(start), sight.part.start
        where = f" · page {paper} of the file" if paper else ""
        st.caption(f"Characters {first + start:,} to {first + end:,} of {sight.part.whole:,}{where}", width="content")
    return replace(sight, start=start, end=end)


def _ranks(
    sight: PanelContent, spec: ChunkingSpec, name: str, cutting: DocumentChunking
) -> tuple[dict[str, ChunkRank] | None, int]:
    """The rank of every chunk, and how many there are; None where no question is asked or vectors are missing."""
    if sight.example is None:
        return None, 0
    documents, key = data.competing_documents(sight.project, sight.documents, sight.document)
    total = len(data.chunks_of(documents, key, spec, cutting.chunks))
    question = sight.example.question
    if sight.by == "bm25":
        return data.word_ranks(documents, key, spec, question), total
    with st.spinner("Looking which chunks have vectors …"):
        missing = data.new_chunks(documents, key, spec)
    place = st.empty()
    # Asked before the machine is busy for long; a few are done without a word.
    if missing > data.EMBEDDED_AT_ONCE and not place.button(
        f"Embed {fmt.plural(missing, 'chunk')} to rank them by meaning",
        key=f"micro_embed_{name}",
        icon=":material/scatter_plot:",
    ):
        return None, total
    if not missing:
        return data.meaning_ranks(documents, key, spec, question), total
    bar = place.progress(0.0, "Embedding …")

    def show(count: int, of: int) -> None:
        bar.progress(count / max(1, of), f"Embedding {count:,} of {of:,} chunks")

    ranks = data.meaning_ranks(documents, key, spec, question, show)
    place.empty()
    return ranks, total
