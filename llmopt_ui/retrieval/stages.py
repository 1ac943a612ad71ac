"""The stages of one retrieval in order: what went in, what came out, what it took, where gold was lost."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from llmopt_core.labs.retrieval.question_inspection import Inspection
from llmopt_core.labs.retrieval.stage_words import method_words
from llmopt_core.retrieval.analysis.gold_trace import GoldTrace
from llmopt_core.retrieval.analysis.inspect import differences, is_gold
from llmopt_core.types import Example, StageTrace
from llmopt_ui import format as fmt
from llmopt_ui.components import section
from llmopt_ui.retrieval.charts import stage_name
from llmopt_ui.retrieval.sides import Side, set_texts
from llmopt_ui.tables import data_table

WORTH_TELLING = 0.05
"""So many seconds of what is done once are told."""
TITLES = {
    "route": "Routing",
    "transform": "Question transform",
    "embed": "Embedding",
    "search": "Search",
    "fusion": "Fusion",
    "filter": "Threshold",
    "rerank": "Rerank",
    "select": "Handed over",
}

_HALF = 280
"""Pixels of a side in a narrow window."""


def stages_part(side: Side, inspection: Inspection, other: Inspection | None) -> None:
    """Every stage as a card, then what became of the gold chunks."""
    for number, stage in enumerate(inspection.retrieval.trace, start=1):
        # A question that goes on as it is is no news.
        if (stage.stage, stage.method) != ("transform", "none"):
            _stage(side, inspection, stage, number, other)
    if inspection.example.references:
        _gold(inspection)


def _stage(side: Side, inspection: Inspection, stage: StageTrace, number: int, other: Inspection | None) -> None:
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            title = TITLES.get(stage.stage, stage.stage)
            mark = _mark(stage, other)
            method = "" if stage.method == title.lower() else f" :gray[{fmt.markdown(method_words(stage.method))}]"
            st.markdown(f"**{title}**{method}{mark}", width="content")
            st.markdown(f":gray[{fmt.markdown(_numbers(stage))}]", width="content")
        if stage.warning:
            st.warning(fmt.markdown(stage.warning), icon=":material/warning:")
        if stage.stage == "transform":
            _edit_texts(side, inspection, stage)
        elif stage.queries and stage.stage in ("search", "route"):
            label = "Category" if stage.stage == "route" else "Searched with"
            st.caption(f"{label}: {fmt.markdown(fmt.shorten(' | '.join(stage.queries), 200))}")
        if stage.hits:
            # With a rerun, so that tables are made only for what is open: a retrieval has many stages of many chunks.
            expander = st.expander(
                _output_label(stage), key=f"stage_{side.place}_{number}", on_change="rerun", type="compact"
            )
            if expander.open:
                with expander:
                    data_table(
                        hits_table(stage, inspection.example), height=320, room=_HALF,
                        alt="Chunks that came out of this stage",
                    )  # fmt: skip


def _mark(stage: StageTrace, other: Inspection | None) -> str:
    """What is different from the other side."""
    if other is None:
        return ""
    # By stage and method, not by position: the other side may have a stage more before it.
    same = [
        one for one in other.retrieval.trace if (one.stage, one.method) == (stage.stage, stage.method)
    ]  # fmt: skip
    if not same:
        return " :orange-badge[only here]"
    ranking = [hit.chunk.id for hit in stage.hits]
    # A method may run several times, one per query; one equal ranking is enough to be the same.
    if stage.hits and all([hit.chunk.id for hit in one.hits] != ranking for one in same):
        return " :blue-badge[other chunks or order]"
    return ""


def _numbers(stage: StageTrace) -> str:
    parts = [f"{stage.received:,} in"] if stage.received else []
    parts += [f"{len(stage.hits)} out"] if stage.hits else []
    parts.append(fmt.short_time(stage.seconds))
    if stage.once_seconds >= WORTH_TELLING:
        parts.append(f"once {fmt.short_time(stage.once_seconds)} to load")
    # What the calls took when they were made; from the cache they take nothing now.
    usage = stage.usage.original
    if usage is not None and usage.calls:
        parts.append(f"{fmt.count(usage.prompt_tokens + usage.completion_tokens)} tokens")
    if stage.usage.cached_calls:
        parts.append("from the cache" if usage is None else "when it was asked, now from the cache")
    return " · ".join(parts)


def _output_label(stage: StageTrace) -> str:
    best = stage.hits[0]
    return f"Best: {fmt.markdown(fmt.shorten(best.chunk.text, 70))}"


def hits_table(stage: StageTrace, example: Example) -> pd.DataFrame:
    """What came out, best first."""
    rows = [
        {
            "Rank": rank,
            "Source": "●" if is_gold(hit.chunk, example.references) else "",
            # Three digits, as scores of methods have scales from thousandths to hundreds; as a number, so that the
            # column can be sorted.
            "Score": float(f"{hit.score:.3g}"),
            "Document": hit.chunk.document,
            "Text": fmt.shorten(hit.chunk.text, 240),
            "From": hit.chunk.start,
            "To": hit.chunk.end,
        }
        for rank, hit in enumerate(stage.hits, start=1)
    ]
    return pd.DataFrame(rows)


def _edit_texts(side: Side, inspection: Inspection, stage: StageTrace) -> None:
    """The texts a model wrote, editable for another try."""
    by_hand = inspection.texts is not None
    if by_hand:
        st.caption("Written by hand")
    elif stage.queries:
        st.caption("Written by the model; change a text and search again with it.")
    else:
        st.caption("The model wrote nothing; write a text yourself and search with it.")
    # New fields for another question, configuration or text: old ones would keep what was typed for the former.
    token = f"{side.place}_{abs(hash((inspection.example.question, side.configuration.fingerprint, stage.queries)))}"
    texts = [
        st.text_area(
            f"Text {number}", text, key=f"written_{token}_{number}", label_visibility="collapsed", height="content"
        )
        for number, text in enumerate(stage.queries or ("",), start=1)
    ]
    with st.container(horizontal=True, gap="small"):
        if st.button("Search with these texts", key=f"texts_use_{side.place}", icon=":material/refresh:"):
            set_texts(side.place, inspection.example, [text for text in texts if text and text.strip()])
            st.rerun()
        if by_hand and st.button("As the model wrote them", key=f"texts_back_{side.place}", type="tertiary"):
            set_texts(side.place, inspection.example, None)
            st.rerun()
        with st.popover("Its prompt", type="tertiary"):
            st.code(transform_prompt(side), language=None, wrap_lines=True)
            st.caption("It is a part of the configuration and gets a version with it; change it under Settings.")


def transform_prompt(side: Side) -> str:
    """The template the transform's model is asked with."""
    from llmopt_core.retrieval.completion_mode import uses_completion
    from llmopt_core.retrieval.transform import default_prompt
    from llmopt_ui.resources import models

    spec = side.configuration.retrieval
    if spec is None or spec.transform.method == "none":
        return ""
    return spec.transform.prompt or default_prompt(
        spec.transform.method, uses_completion(spec.transform.model, models())
    )  # fmt: skip


def _gold(inspection: Inspection) -> None:
    st.markdown("**Chunks that hold a source**")
    for trace in inspection.gold.traces:
        _trace_table(trace)
    for span in inspection.gold.unindexed_references:
        st.markdown(
            f":red[:material/cancel: not indexed] {fmt.markdown(span.document)} "
            f":gray[{span.start:,} to {span.end:,} stands in no chunk.]"
        )


def _trace_table(trace: GoldTrace) -> None:
    chunk = trace.chunk
    place = f"{fmt.markdown(chunk.document)} :gray[{chunk.start:,} to {chunk.end:,}]"
    way = " → ".join(f"{stage_name(name)} {rank or fmt.DASH}" for name, rank in trace.ranks.items())
    if trace.loss_stage:
        st.markdown(f":red[:material/cancel: lost at {fmt.markdown(stage_name(trace.loss_stage))}] {place}")
        st.text(trace.why, width="stretch")
    else:
        st.markdown(f":green[:material/check_circle: handed over] {place}")
    st.caption(fmt.markdown(way))


def context_table(pairs: Sequence[tuple[Side, Inspection]]) -> None:
    """What either side hands over, with the ranks on both."""
    # Called only where there are two sides.
    (left, first), (right, second) = pairs
    section("What each hands over", "A dash means that the other side does not hand this chunk over.")
    rows = []
    for one in differences(first.retrieval.hits, second.retrieval.hits):
        # The same configuration with other settings has the same name twice, and one column would be lost.
        names = [f"{left.name} (left)", f"{right.name} (right)"] if left.name == right.name else [left.name, right.name]
        rows.append(
            {
                names[0]: str(one.left or fmt.DASH),
                names[1]: str(one.right or fmt.DASH),
                "Source": "●" if is_gold(one.chunk, first.example.references) else "",
                "Document": one.chunk.document,
                "Text": fmt.shorten(one.chunk.text, 300),
            }
        )
    data_table(
        pd.DataFrame(rows),
        alt="Chunks handed over by either side",
    )  # fmt: skip
