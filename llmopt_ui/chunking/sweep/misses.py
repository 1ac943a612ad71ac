"""What a setting misses and why, down to the passage."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from llmopt_core.chunking.microscope import DocumentChunking
from llmopt_core.errors import LlmOptError
from llmopt_core.labs.chunking.chunk_ranks import ChunkRank
from llmopt_core.labs.chunking.result import (
    LABEL_EXPLANATIONS,
    LABELS,
    Miss,
    SweepResult,
    by_recall,
    label_counts,
    pareto,
)
from llmopt_core.labs.chunking.tables import Advice, MissRow, RetrievedChunk, list_retrieved_chunks, miss_rows
from llmopt_core.runs.values import Project
from llmopt_core.types import Document, EvaluationSet, Example, Span
from llmopt_ui import format as fmt
from llmopt_ui.chart_view import show_chart
from llmopt_ui.chunking.sweep.charts import label_bars
from llmopt_ui.components import plain_fragment, section
from llmopt_ui.document_text.chunking import cutting_of
from llmopt_ui.document_text.document import document_of
from llmopt_ui.document_text.window import TextWindow, show_text, text_data
from llmopt_ui.resources import store
from llmopt_ui.tables import data_table
from llmopt_ui.theme import verdict

SETTING, LABEL, TABLE = "sweep_missed_by", "sweep_label", "sweep_missed"
# Settings in the figure: the advised ones, then the best for their cost, then by recall.
_BARS = 8
# Characters before and behind a source: a chunk or two of usual size, so that the cut is seen.
_AROUND = 500


def misses_view(project: Project, result: SweepResult, advice: Advice, evaluation_set: EvaluationSet) -> None:
    """Bars of the labels, the questions one setting misses, and the passage of one of them."""
    section("What is missed, and why")
    # A dictionary as a set that keeps its order.
    candidates = dict.fromkeys([advice.best, advice.frugal, *reversed(pareto(result)), *by_recall(result)])
    positions = sorted(list(candidates)[:_BARS], key=by_recall(result).index)
    if any(any(result.settings[position].misses) for position in positions):
        show_chart(label_bars(result, positions), "sweep_labels", "Misses by reason")
    st.caption("  \n".join(f"**{label}**: {LABEL_EXPLANATIONS[label]}" for label in LABELS))
    _questions(project, result, advice, evaluation_set)


@plain_fragment
def _questions(project: Project, result: SweepResult, advice: Advice, evaluation_set: EvaluationSet) -> None:
    names = [result.names[position] for position in by_recall(result)]
    # A setting that misses nothing has nothing to show; the next best one that does is more telling.
    missing = [p for p in (advice.frugal, *by_recall(result)) if any(result.settings[p].misses)]
    first = result.names[missing[0] if missing else advice.frugal]
    bar = st.container(horizontal=True, gap="medium", vertical_alignment="bottom")
    setting = bar.selectbox("Setting", names, names.index(first), key=SETTING, bind="query-params", width=300)
    position = result.names.index(setting)
    counts = label_counts(result.settings[position])
    labels = [label for label in LABELS if counts[label]]
    label_filter = bar.pills(
        "Only", labels, key=f"{LABEL}_{position}", format_func=lambda label: f"{label} ({counts[label]})",
        selection_mode="multi",
    ) if len(labels) > 1 else []  # fmt: skip
    rows = [
        row for row in miss_rows(result, position, evaluation_set) if not label_filter or row.miss.label in label_filter
    ]
    if not rows:
        st.markdown(f"{verdict('better').markdown.replace('better', 'nothing missed')} with this setting.")
        return
    row = _pick(rows, position)
    example = next((one for one in evaluation_set.examples if one.id == row.example_id), None)
    if example is not None:
        _miss_view(project, result, position, row, example)


def _pick(rows: Sequence[MissRow], position: int) -> MissRow:
    table = pd.DataFrame(
        {
            "Missed because": [row.miss.label for row in rows],
            "Rank": [rank_words(row.miss) for row in rows],
            "Recall": [f"{row.recall:.3f}" for row in rows],
            "Question": [row.question or row.example_id for row in rows],
        }
    )
    selection = data_table(
        table,
        # Other rows are another table, or the row that was chosen would mean another question.
        key=f"{TABLE}_{position}_{len(rows)}",
        on_select="rerun",
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [0]}},
        height=300,
        column_config={
            "Rank": st.column_config.TextColumn(
                width=80,
                alignment="right",
                help="Best rank of a chunk that holds the source, or a piece of it where it is cut",
            ),
            "Recall": st.column_config.TextColumn(alignment="right"),
        },
        alt="Questions that miss a source",
    )
    row_numbers = selection["selection"]["rows"]
    return rows[row_numbers[0] if row_numbers and row_numbers[0] < len(rows) else 0]


def rank_words(miss: Miss) -> str:
    """`12`, or that it was not found at all."""
    if miss.label == "not in the documents":
        return fmt.DASH
    return "not found" if miss.rank is None else f"{miss.rank:,}"


def _miss_view(project: Project, result: SweepResult, position: int, row: MissRow, example: Example) -> None:
    chunks = list_retrieved_chunks(result, position, example)
    with st.container(border=True):
        st.markdown(f"**{fmt.markdown(example.question)}**")
        if example.reference:
            st.caption(f"Reference answer: {fmt.markdown(example.answers_text)}")
        st.caption(_sentence(row.miss, result.settings[position].top_k))
        left, right = st.columns([3, 2], gap="medium")
        with left:
            st.caption("Where the source stands, with the chunks of this setting and their ranks")
            _passage(project, result, position, chunks, example.references[row.miss.reference])
        with right:
            st.caption("What was handed over")
            _handed_over_list(project, result, chunks)


def _sentence(miss: Miss, top_k: int) -> str:
    text = LABEL_EXPLANATIONS[miss.label]
    if miss.label != "outranked" or miss.rank is None:
        return f"**{miss.label}**: {text}"
    return f"**{miss.label}**: the chunk that holds the source came at rank {miss.rank:,}; {top_k} were handed over."


def _passage(
    project: Project, result: SweepResult, position: int, context: Sequence[RetrievedChunk], reference: Span
) -> None:
    document = _document(project, result, reference.document)
    # Places are numbers: in another text they would show any words.
    if document is None or reference.start >= len(document.text):
        st.text(f"{reference.document} is not there any more, or has changed since the sweep.")
        return
    cutting = cutting_of(document, result.cutting(result.settings[position]).chunking)
    start, end = max(0, reference.start - _AROUND), min(len(document.text), reference.end + _AROUND)
    window = TextWindow(
        start, end, ((reference.start, reference.end),), _ranks(cutting, context),
        top_k=result.settings[position].top_k, height=320, strip=False,
    )  # fmt: skip
    show_text(text_data(document, cutting, window), f"sweep_passage_{position}_{reference.document}_{reference.start}")


def _ranks(cutting: DocumentChunking, context: Sequence[RetrievedChunk]) -> dict[int, ChunkRank]:
    """By position of a chunk the rank of what was handed over for it."""
    ranks = {item.span: item.rank for item in context}
    # Small pieces are searched and the large one around them is handed over, so its rank is theirs.
    places = {i: chunk.parent or chunk.span for i, chunk in enumerate(cutting.chunks)}
    return {i: ChunkRank(ranks[span], 0.0) for i, span in places.items() if span in ranks}


def _handed_over_list(project: Project, result: SweepResult, context: Sequence[RetrievedChunk]) -> None:
    if not context:
        st.caption("Nothing: no chunk shares a word with the question.")
    with st.container(height=330, border=False):
        for item in context:
            document = _document(project, result, item.span.document)
            text = document.text[item.span.start : item.span.end] if document else "(changed since the sweep)"
            mark = f" {verdict('better').markdown.replace('better', 'holds a part')}" if item.holds_reference else ""
            st.markdown(f"**{item.rank}** :gray[{fmt.markdown(item.span.document)}]{mark}")
            st.text(fmt.shorten(text, 260), width="stretch")


def _document(project: Project, result: SweepResult, name: str) -> Document | None:
    """A document as it was in the sweep; None where it is gone or other."""
    version = dict(result.documents).get(name)
    document = next((item for item in store().document_list(project) if item.name == name), None)
    # Same name, other text.
    if document is None or document.version != version:
        return None
    try:
        return document_of(project, document)
    # Deleted between the list and this moment.
    except LlmOptError:
        return None
