"""One question: what each configuration answered; for one of them the reasons, chunks, trace and prompt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd
import streamlit as st

from llmopt_core.answering.finish_reason import describe_finish
from llmopt_core.evaluation.assertions.spec import describe
from llmopt_core.evaluation.metrics.catalogue import METRICS
from llmopt_core.experiments.grading import ASSERTIONS
from llmopt_core.labs.prompts.outcome import assertions_in
from llmopt_core.types import Answer, Evidence, Example, Record, Score, StageTrace, Usage
from llmopt_ui import format as fmt
from llmopt_ui.chunks_view import chunks_view
from llmopt_ui.components import show_error
from llmopt_ui.data_answer import data_answer_view
from llmopt_ui.messages import messages_view, tool_calls_view
from llmopt_ui.tables import data_table, show_table
from llmopt_ui.tabs import show_tabs
from llmopt_ui.theme import Ink

PARTS = "record_part"
_TRACE = ["Stage", "Method", "Received", "Returned", "Time", "Tokens"]


def question_card(example: Example) -> None:
    """The question with its reference answer."""
    with st.container(border=True):
        st.caption(
            fmt.markdown(" · ".join(part for part in (f"Question {example.id}", example.category or "") if part))
        )
        st.markdown(f"**{fmt.markdown(example.question)}**")
        answers = " *or* ".join(map(fmt.markdown, example.right_answers)) or "none"
        st.markdown(f":gray[Reference answer:] {answers}")


def answers(records: Mapping[str, Record | None], inks: Mapping[str, Ink], metrics: Sequence[str]) -> None:
    """What each configuration answered, side by side."""
    grid = st.grid(min(len(records), 4), min_column_width=200, gap="small", border=True)
    for name, record in records.items():
        with grid.cell():
            st.markdown(f"{inks[name].dot}\u00a0**{fmt.markdown(name)}**")
            # The answer is a user's or a model's text and shown as such, never read as Markdown.
            _answer(record)
            if record is not None and record.scores:
                st.caption(_short_scores(record.scores, metrics))


def _answer(record: Record | None) -> None:
    if record is None:
        st.caption("This run has no record of this question yet.")
    elif record.failure is not None:
        show_error(record.failure.message)
    elif record.answer is not None:
        st.text(record.answer.text or "(an empty answer)", width="stretch")
        if finish := describe_finish(record.answer):
            st.caption(f":orange[{fmt.markdown(finish)}]")
    else:
        st.text(record.not_run or "(the answer is not recorded)", width="stretch")


def _short_scores(scores: Mapping[str, Score], metrics: Sequence[str]) -> str:
    pairs = [
        (METRICS[name].title if name in METRICS else name, scores[name].value) for name in metrics if name in scores
    ]
    return " · ".join(f"{fmt.markdown(title)} {fmt.score(value)}" for title, value in pairs)


def record_parts(record: Record, source: str = "") -> None:
    """Everything about one record, in lazy tabs.

    Args:
        record: What is shown.
        source: The tool that it was imported from; empty for our own, of which all is known.
    """
    if record.failure is not None:
        show_error(f"Failed in stage {record.failure.stage}: {record.failure.message}")
    views = {"Why these scores": _scores, "Retrieved chunks": chunks_view, "Trace": _trace, "Prompt as sent": _prompt}
    if record.answer is not None and record.answer.data is not None:
        views = {"Queries": _queries, **views}
    if source:
        views = {"Why these scores": _scores, **_imported_views(record, source)}
    show_tabs(PARTS, views, record)


def _imported_views(record: Record, source: str) -> dict[str, Callable[[Record], None]]:
    """The parts of a record that another tool made: what its files do not hold is told, not taken for nothing."""
    answer = record.answer
    parts: dict[str, tuple[bool, Callable[[Record], None]]] = {
        "Retrieved chunks": (bool(answer and answer.hits), chunks_view),
        "Prompt as sent": (bool(answer and answer.prompt), _imported_prompt),
    }

    def untold(_: Record) -> None:
        st.caption(f"The files of {fmt.markdown(source)} do not say.")

    views = {title: view if is_known else untold for title, (is_known, view) in parts.items()}
    return {"All answers": _repeats, **views} if record.repeats else views


def _queries(record: Record) -> None:
    if record.answer is not None and record.answer.data is not None:
        data_answer_view(record.answer.data, f"record_data_{record.example.id}")


def _imported_prompt(record: Record) -> None:
    answer = record.answer
    if answer is not None:
        messages_view(answer.prompt)
        # Of what no file tells, nothing is said.
        use, tokens = answer.usage, answer.usage.prompt_tokens + answer.usage.completion_tokens
        facts = [
            f"{fmt.count(use.prompt_tokens)} prompt tokens",
            f"{fmt.count(use.completion_tokens)} answer tokens",
        ]
        known_facts = [*(facts if tokens else []), *([fmt.duration(answer.seconds)] if answer.seconds else [])]
        st.caption(" · ".join(known_facts))


def _repeats(record: Record) -> None:
    """Every answer to a question that was asked several times."""
    metrics = list(dict.fromkeys(name for repeat in record.repeats for name in repeat.scores))
    rows = [
        {
            "Answer": number,
            "Text": fmt.markdown(repeat.failure or repeat.answer or ""),
            **{fmt.markdown(name): _value(repeat.scores.get(name)) for name in metrics},
        }
        for number, repeat in enumerate(record.repeats, 1)
    ]
    show_table(rows, "Every answer to this question with its scores")


def _value(value: float | None) -> str:
    return fmt.score(value) if value is not None else ":gray[not scored]"


def _scores(record: Record) -> None:
    if not record.scores:
        st.caption("Nothing was scored.")
    grid = st.grid(2, min_column_width=380, gap="small", border=True)
    titles = {score.metric: describe(spec) for spec, score in assertions_in(record)}
    # Assertions are named by a key made of their content; the words say what was asked.
    assertions = {ASSERTIONS: "Assertions passed"} | titles
    for name, score in record.scores.items():
        with grid.cell():
            _score_row(name, score, assertions.get(name, name))


def _score_row(name: str, score: Score, told_name: str) -> None:
    info = METRICS.get(name)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        title = fmt.markdown(info.title if info else told_name)
        st.markdown(f"**{title}**", help=info.explanation if info else None, width="content")
        value = f"**{fmt.score(score.value)}**" if score.value is not None else ":gray[not scored]"
        st.markdown(value, width="content")
    if score.failure or score.explanation:
        st.text(score.failure or score.explanation, width="stretch")
    for piece in score.evidence:
        _evidence_text(piece)
    if score.judge:
        st.caption(f"Graded by {fmt.markdown(score.judge)}")


def _evidence_text(piece: Evidence) -> None:
    signs = {True: ":green[:material/check: yes]", False: ":red[:material/close: no]", None: ":gray[– unclear]"}
    left, right = st.columns([1, 5], gap="small")
    left.markdown(signs[piece.verdict])
    with right:
        st.text(piece.statement, width="stretch")
        about = [
            part for part in (piece.reason, f"Source: {fmt.shorten(piece.source, 300)}" if piece.source else "") if part
        ]
        for part in about:
            st.caption(fmt.markdown(part))


def _trace(record: Record) -> None:
    if not record.trace:
        st.caption("No retrieval, so no trace.")
        return
    data_table(
        trace_table(record.trace),
        column_config={name: st.column_config.TextColumn(alignment="right") for name in _TRACE[2:]},
        alt="Stages of retrieval with what went in and came out",
    )
    for number, stage in enumerate(record.trace):
        if stage.warning:
            st.warning(fmt.markdown(stage.warning), icon=":material/warning:")
        with st.expander(f"{number + 1}. {fmt.markdown(stage.stage)}: {fmt.markdown(stage.method)}"):
            _stage(stage)


def trace_table(trace: Sequence[StageTrace]) -> pd.DataFrame:
    """One row per stage, in words."""
    rows = [
        (
            stage.stage,
            stage.method,
            # Nothing, not 0: stages at the start receive a question, no chunks.
            fmt.count(stage.received) if stage.received else "",
            fmt.count(len(stage.hits)) if stage.hits else "",
            fmt.short_time(stage.seconds),
            fmt.count(stage.usage.prompt_tokens + stage.usage.completion_tokens),
        )
        for stage in trace
    ]
    return pd.DataFrame(rows, columns=_TRACE)


def _stage(stage: StageTrace) -> None:
    if stage.queries:
        st.caption("Searched with")
        st.code("\n".join(stage.queries), language=None, wrap_lines=True)
    rows = [
        (i + 1, hit.chunk.document, hit.chunk.start, hit.chunk.end, hit.score, fmt.shorten(hit.chunk.text, 160))
        for i, hit in enumerate(stage.hits)
    ]
    data_table(
        pd.DataFrame(rows, columns=["Rank", "Document", "Start", "End", "Score", "Text"]),
    )


def _reasoning_note(answer: Answer) -> str:
    return f" (of them {fmt.count(answer.reasoning_tokens)} of reasoning)" if answer.reasoning_tokens else ""


def _prompt(record: Record) -> None:
    answer = record.answer
    if answer is None or not answer.prompt:
        st.caption("No prompt was sent.")
        return
    messages_view(answer.prompt)
    if answer.tool_calls:
        st.caption("What the model answered with")
        tool_calls_view(answer.tool_calls)
    if answer.reasoning:
        st.caption(f"Its reasoning, {fmt.plural(answer.reasoning_tokens, 'token')}, never scored")
        st.code(answer.reasoning, language=None, wrap_lines=True)
    if answer.raw:
        st.caption("All that the model wrote")
        st.code(answer.raw, language=None, wrap_lines=True)
    for note in answer.notes:
        st.text(note, width="stretch")
    st.caption(cost_line(answer, answer.usage))


def cost_line(answer: Answer, used: Usage) -> str:
    """What an answer took."""
    tokens = f"{fmt.count(used.prompt_tokens)} prompt tokens · {fmt.count(used.completion_tokens)} answer tokens"
    cost = fmt.markdown(fmt.money(used.cost_usd))
    return f"{tokens}{_reasoning_note(answer)} · {fmt.duration(answer.seconds)} · {cost}"
