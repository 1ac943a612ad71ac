"""The prompt as sent, and the answer with citations that lead to their chunks."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

import streamlit as st

from llmopt_core.answering.citations import MARK, read_citation_numbers
from llmopt_core.answering.cited_spans import find_cited_spans
from llmopt_core.labs.retrieval.question_inspection import Inspection
from llmopt_core.runs.values import Project
from llmopt_core.types import Answer, Evidence
from llmopt_ui import format as fmt
from llmopt_ui.chunks_view import chunk_head, chunk_html
from llmopt_ui.components import show_errors
from llmopt_ui.messages import messages_view, tool_calls_view
from llmopt_ui.record_view import cost_line
from llmopt_ui.retrieval.inspection import answer_from_context, cached_answer, key_of
from llmopt_ui.retrieval.sides import Side
from llmopt_ui.session import state

_STYLE = """<style>
.llmopt-cited { border-left: 4px solid; padding: .1rem 0 .1rem .7rem; scroll-margin-top: 5rem; border-radius: 4px; }
.llmopt-cited:target { outline: 3px solid #E69F00; background: rgba(230,159,0,.16); }
.llmopt-said { font-size: 1.05rem; line-height: 1.6; white-space: pre-wrap; overflow-wrap: anywhere; }
.llmopt-said a { font-weight: 600; text-decoration: none; border-radius: 4px; padding: 0 .2rem;
  background: rgba(230,159,0,.22); color: inherit; }
</style>"""
Inspections = Sequence[tuple[Side, Inspection]]


def answer_part(project: Project, inspections: Inspections) -> None:
    """Each side's answer, its chunks and its prompt."""
    # Once for both sides. Each `st.html` with text would carry its own copy otherwise.
    st.html(_STYLE)
    for column, (side, inspection) in zip(st.columns(len(inspections), gap="medium"), inspections, strict=True):
        with column, show_errors():
            if len(inspections) > 1:
                st.markdown(f"{side.ink.dot}\u00a0**{fmt.markdown(side.name)}**")
            answer = _answer_of(project, side, inspection)
            if answer is not None:
                _answer(side, inspection, answer)


def _answer_of(project: Project, side: Side, inspection: Inspection) -> Answer | None:
    """The answer, where it is known or asked for now."""
    key = key_of(project, side, inspection.example)
    # The cache first: it is kept beyond this session, whatever asked before.
    result = cached_answer(project, side, inspection) or state().answers.get(key)
    if result is not None:
        return result
    if st.button("Answer it", key=f"answer_{side.place}", type="primary", icon=":material/play_arrow:"):
        with st.spinner("Answering …"):
            state().answers[key] = answer_from_context(project, side, inspection)
        # Drawn again without the button.
        st.rerun()
    st.caption("Not asked yet: one call to the configuration's model, and to the judge of its fact check.")
    return None


def _answer(side: Side, inspection: Inspection, answer: Answer) -> None:
    with st.container(border=True):
        st.html(f'<div class="llmopt-said">{link_citations(answer, side.place)}</div>')
        if inspection.example.reference is not None:
            st.caption(f"Reference answer: {fmt.markdown(inspection.example.answers_text)}")
    st.caption(_cost_line(answer))
    for note in answer.notes:
        st.text(note, width="stretch")
    for claim in answer.claims:
        _claim_text(claim)
    _chunks(side, inspection, answer)
    st.markdown("**Prompt exactly as sent**")
    messages_view(answer.prompt)
    tool_calls_view(answer.tool_calls)
    if answer.raw:
        st.caption("All that the model wrote")
        st.code(answer.raw, language=None, wrap_lines=True)


def _cost_line(answer: Answer) -> str:
    """Tokens, time and price, also of calls that the cache answered."""
    usage = answer.usage.original
    # Answers kept by an earlier version do not say what the call took when it was made; 0 would read as free.
    if usage is None:
        return f"Tokens known no more · {fmt.duration(answer.seconds)}"
    return cost_line(answer, usage)


def link_citations(answer: Answer, place: str) -> str:
    """The answer as HTML, everything in it escaped, with each citation as a link to its chunk."""
    # Positions count from 0, the numbers that a model was told to write from 1.
    citations = {position + 1 for position in answer.citations}
    pieces, last = [], 0
    for match in re.finditer(MARK, answer.text):
        pieces.append(html.escape(answer.text[last : match.start()]))
        # A number that stands for no chunk is left as text: a link to nothing would look like a source.
        numbers = [number for number in read_citation_numbers(match.group()) if number in citations]
        pieces.append(" ".join(_link(number, place) for number in numbers) or html.escape(match.group()))
        last = match.end()
    pieces.append(html.escape(answer.text[last:]))
    numbers_in_text = set(read_citation_numbers(answer.text))
    # Some answers name their sources beside the text, as in a field of JSON; these links stand at its end.
    numbers_without_mark = [number for number in sorted(citations) if number not in numbers_in_text]
    text = "".join(pieces).strip() or "(an empty answer)"
    return text + "".join(" " + _link(number, place) for number in numbers_without_mark)


def _link(number: int, place: str) -> str:
    # The place tells the same number on two sides apart. In this window, since Streamlit opens links in a new one.
    return f'<a href="#chunk-{place}-{number}" target="_self">[{number}]</a>'


def _claim_text(claim: Evidence) -> None:
    sign = ":green[:material/check: supported]" if claim.verdict else ":red[:material/close: not supported]"
    # None is not False: the check could not decide.
    sign = ":gray[– unclear]" if claim.verdict is None else sign
    st.markdown(f"{sign} {fmt.markdown(claim.statement)} :gray[{fmt.markdown(claim.source)}]")
    if claim.reason:
        st.caption(fmt.markdown(claim.reason))


def _chunks(side: Side, inspection: Inspection, answer: Answer) -> None:
    if not answer.hits:
        st.caption("The model saw no chunk.")
        return
    parts = find_cited_spans(answer)
    st.markdown(
        "**Chunks the model saw**",
        help="Cited ones have an orange edge, and what the answer rests on is underlined; the source is green.",
    )
    for number, hit in enumerate(answer.hits, start=1):
        chunk, is_cited = hit.chunk, number - 1 in answer.citations
        with st.container(border=True):
            badge = " :orange-badge[cited]" if is_cited else ""
            # Escaped, or Markdown would take the number for the text of a link.
            st.markdown(chunk_head(f"\\[{number}\\]", hit, badge))
            colour = "#E69F00" if is_cited else "transparent"
            st.html(
                f'<div class="llmopt-cited" id="chunk-{side.place}-{number}" style="border-color:{colour}">'
                f"{chunk_html(chunk, inspection.example.references, parts.get(number - 1, ()))}</div>"
            )
