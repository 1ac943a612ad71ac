"""One question through one or two configurations: stages, ranks, scores, map, prompt, answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from llmopt_core.labs.retrieval.question_inspection import Inspection
from llmopt_core.runs.values import Project
from llmopt_core.types import Example, Usage
from llmopt_ui import format as fmt
from llmopt_ui.chart_view import show_chart
from llmopt_ui.components import facts
from llmopt_ui.retrieval.answer import answer_part
from llmopt_ui.retrieval.charts import gold_colour, meaning_map, rank_flow_chart, score_strips
from llmopt_ui.retrieval.inspection import inspections
from llmopt_ui.retrieval.sides import Side, describe_differences, question_fields
from llmopt_ui.retrieval.stages import WORTH_TELLING, context_table, stages_part

PART = "retrieval_part"
Inspections = Sequence[tuple[Side, Inspection]]


def question_view(project: Project, sides: Sequence[Side]) -> None:
    """Choose a question, look, read."""
    example = question_fields(project)
    if example is None:
        st.caption("Choose a question of an evaluation set, or type your own.")
        return
    inspections_here = inspections(project, sides, example)
    if not inspections_here:
        return
    _question(example)
    _summary(inspections_here)
    _differences(inspections_here)
    _parts(project, inspections_here)


def _question(example: Example) -> None:
    with st.container(border=True):
        st.markdown(f"**{fmt.markdown(example.question)}**")
        if example.reference is not None:
            st.caption(f"Reference answer: {fmt.markdown(example.answers_text)}")
        elif not example.references:
            st.caption("No source is known for this question, so no chunk is marked as holding it.")


def tokens_note(usage: Usage | None) -> str:
    """What stages that ask a model took; no usage is unknown, not none."""
    if usage is None:
        return "Unknown tokens by stages that ask a model: their kept answers are from an earlier version"
    tokens = usage.prompt_tokens + usage.completion_tokens
    cost = f" · {fmt.markdown(fmt.money(usage.cost_usd))}" if tokens else ""
    return f"{fmt.count(tokens)} tokens by stages that ask a model{cost}"


def _summary(pairs: Inspections) -> None:
    for column, (side, inspection) in zip(columns(pairs), pairs, strict=True):
        with column:
            st.markdown(f"{side.ink.dot}\u00a0**{fmt.markdown(side.name)}**")
            retrieval = inspection.retrieval
            chunks = f"{len(retrieval.hits)} of {inspection.chunks}"
            whole = "All stages when this was first looked up, without what is loaded once."
            facts(
                ("Source at rank", _gold(inspection), "The rank of the first chunk handed over that holds the source."),
                ("Chunks", chunks, "What the model gets, of all chunks in the index."),
                ("Time", fmt.short_time(retrieval.seconds), whole),
                columns=3,
            )
            once = ""
            if retrieval.once_seconds >= WORTH_TELLING:
                once = f" · once {fmt.short_time(retrieval.once_seconds)} to load models and read the chunks by token"
            st.caption(f"{tokens_note(retrieval.usage.original)}{once}")
            for warning in filter(None, (*retrieval.warnings, inspection.window_note, inspection.question_note)):
                st.warning(fmt.markdown(warning), icon=":material/warning:")


def _gold(inspection: Inspection) -> str:
    if not inspection.example.references:
        return fmt.DASH
    # The last rank of each source chunk that came through: a chunk that was lost had ranks, too.
    last = [trace.ranks for trace in inspection.gold.traces if not trace.loss_stage]
    ranks = [rank for by_stage in last for rank in list(by_stage.values())[-1:] if rank is not None]
    return f"rank {min(ranks)}" if ranks else "lost"


def _differences(pairs: Inspections) -> None:
    words = describe_differences([side for side, _ in pairs])
    if len(pairs) > 1:
        badges = " ".join(f":orange-badge[{fmt.markdown(word)}]" for word in words)
        st.markdown(f":gray[Differs in] {badges}" if words else ":gray[Both retrieve in the same way.]")


def _parts(project: Project, pairs: Inspections) -> None:
    # Views are given the pairs alone; this one needs the project as well.
    def answers(pairs_of_answers: Inspections) -> None:
        answer_part(project, pairs_of_answers)

    views: dict[str, Callable[[Inspections], None]] = {
        "Stages": _stages,
        "Scores and map": _pictures,
        "Prompt and answer": answers,
    }
    tabs = st.tabs(list(views), key=PART, on_change="rerun", bind="query-params")
    for tab, view in zip(tabs, views.values(), strict=True):
        if tab.open:
            with tab:
                view(pairs)


def _stages(pairs: Inspections) -> None:
    # Over both sides, so that a line at the same height means the same rank.
    deepest = max(
        (rank for _, inspection in pairs for row in inspection.flow for rank in row.ranks.values() if rank), default=1
    )
    for column, (side, inspection) in zip(columns(pairs), pairs, strict=True):
        column.markdown("**Every chunk through the stages**")
        figure = rank_flow_chart(inspection, side.ink, _gold_ink(pairs), deepest)
        show_chart(figure, f"flow_{side.place}", "The rank of every chunk after each stage", place=column)
    # Each side beside the other one.
    others = [inspection for _, inspection in reversed(pairs)] if len(pairs) > 1 else [None]
    for column, (side, inspection), other in zip(columns(pairs), pairs, others, strict=True):
        with column:
            stages_part(side, inspection, other)
    if len(pairs) > 1:
        context_table(pairs)


def _pictures(pairs: Inspections) -> None:
    for column, (side, inspection) in zip(columns(pairs), pairs, strict=True):
        column.markdown("**Scores in each stage**")
        figure = score_strips(inspection, side.ink, _gold_ink(pairs))
        show_chart(figure, f"scores_{side.place}", "Scores in each stage", place=column)
    for column, (side, inspection) in zip(columns(pairs), pairs, strict=True):
        if inspection.map is None:
            column.caption("The question could not be embedded, so there is no map.")
            continue
        column.markdown("**Where question and chunks lie**")
        figure = meaning_map(inspection.map, side.ink, _gold_ink(pairs))
        show_chart(figure, f"map_{side.place}", "Map of question, invented passages and chunks", place=column)
        column.caption(
            f"The two directions that show most of the spread of all vectors, "
            f"{inspection.map.explained_variance:.0%} of it: near on the map need not be near in meaning."
        )


def _gold_ink(pairs: Inspections) -> str:
    return gold_colour([side.ink for side, _ in pairs])


def columns(pairs: Inspections) -> Sequence[st.delta_generator.DeltaGenerator]:
    """One column per side."""
    return st.columns(len(pairs), gap="medium")
