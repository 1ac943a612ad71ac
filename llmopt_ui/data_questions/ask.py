"""Ask one question: every query that is tried as it comes, then the result, its chart and the query."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import streamlit as st

from llmopt_core.answering.tools.sql.spec import DataSpec
from llmopt_core.errors import BadInput
from llmopt_core.experiments.configuration import Configuration, configuration_from
from llmopt_core.labs.data_questions.ask import DataReply, ask_live
from llmopt_core.labs.data_questions.sources import SavedSource
from llmopt_core.runs.values import Project
from llmopt_core.types import QueryAttempt
from llmopt_ui import format as fmt
from llmopt_ui.components import facts, section
from llmopt_ui.data_answer import attempt_view, attempts_view, origin_line, query_view, result_view
from llmopt_ui.data_questions.asker import asker_fields
from llmopt_ui.forms.configuration import configuration_of
from llmopt_ui.forms.data import strategy_fields
from llmopt_ui.forms.fields import Fields
from llmopt_ui.record_view import cost_line
from llmopt_ui.resources import model_maker, store
from llmopt_ui.session import state

QUESTION, ASK, ASKED_AS = "data_question", "data_ask", "data_asked_as"
_BELOW = "The options below"
# One repair and the schema alone: what most would try first.
_USUAL = {"repair": 1}


def ask_view(project: Project, source: SavedSource) -> None:
    """Options, question, answer."""
    configuration = _configuration(project, source)
    with st.form("data_form", border=False), st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        question = st.text_input(
            "Your question", key=QUESTION, bind="query-params", max_chars=2000,
            placeholder="How many products of each type are there?",
        )  # fmt: skip
        pressed = st.form_submit_button("Ask", key=ASK, type="primary", icon=":material/play_arrow:")
    if pressed:
        _ask(project, configuration, (question or "").strip())
    reply = state().data_replies.get(project.id)
    if reply is None:
        st.caption("Every query is run within limits, without writing, and shown here with its result.")
        return
    _reply(reply)


def _configuration(project: Project, source: SavedSource) -> Configuration:
    saved = _data_configurations(project)
    with st.container(border=True):
        names = [_BELOW, *(one.name for one in saved)]
        choice = _BELOW
        if saved:
            choice = st.selectbox(
                "Ask as", names, key=f"{ASKED_AS}_{project.id}", width=340, persist_state="session",
                help="A saved configuration asks its own data source, and its documents where it has a router.",
            )  # fmt: skip
        if choice != _BELOW:
            configuration = next(one for one in saved if one.name == choice)
            if configuration.data is not None:
                st.caption(fmt.markdown(f"Asks {configuration.data.source} as the configuration says."))
            return configuration
        values = _option_fields(project, source)
    return configuration_of({"name": fmt.shorten(f"ask {source.name}", 100), "retrieval": None, **values})


def _data_configurations(project: Project) -> list[Configuration]:
    specs = [item.spec for item in store().configurations(project)]
    return [configuration_from(spec) for spec in specs if isinstance(spec, dict) and spec.get("data")]


def _option_fields(project: Project, source: SavedSource) -> dict[str, Any]:
    fields = Fields("data", str(project.id))
    model = asker_fields(fields)
    # Descriptions of the schema are a part of the source, and go with it.
    before = DataSpec.model_validate({**_USUAL, "source": source.source, "descriptions": dict(source.descriptions)})
    with st.expander("How it is asked", icon=":material/tune:"):
        data = strategy_fields(project, before, fields)
    return {"model": model, "data": data}


def _ask(project: Project, configuration: Configuration, question: str) -> None:
    if not question:
        raise BadInput("Type a question.")
    state().data_replies.pop(project.id, None)
    documents = store().documents(project) if configuration.retrieval is not None else []
    began, attempts = time.monotonic(), list[QueryAttempt]()
    with st.status("Asking …", expanded=True) as box, closing(
        ask_live(configuration, question, documents, model_maker())
    ) as events:  # fmt: skip
        for event in events:
            if isinstance(event, QueryAttempt):
                attempt_view(len(attempts), event)
                attempts.append(event)
            elif isinstance(event, DataReply):
                state().data_replies[project.id] = event
            # Drawn each time: this is where Streamlit ends the script when the page is left.
            box.update(label=_progress(attempts, time.monotonic() - began))
    # Drawn again without what stood there while it was asked.
    st.rerun()


def _progress(attempts: Sequence[QueryAttempt], seconds: float) -> str:
    return f"Asking … {fmt.plural(len(attempts), 'attempt')} · {fmt.duration(seconds)}"


def _reply(reply: DataReply) -> None:
    answer, data = reply.answer, reply.answer.data
    section("Answer")
    st.markdown(f"**{fmt.markdown(reply.question)}**")
    if reply.category:
        st.caption(fmt.markdown(f"The router took it for: {reply.category}"))
    if data is None or not data.attempts:
        _documents(reply)
        return
    result_view(data, "data_result")
    # An answer in words stands beside the rows; without a prompt that words it, the rows are the answer.
    if answer.prompt:
        st.text(answer.text, width="stretch")
    st.markdown("**Query**")
    query_view(data)
    origin_line(data)
    for note in answer.notes:
        st.text(note, width="stretch")
    errors = sum(one.status not in ("ok", "unread") for one in data.attempts)
    facts(("Attempts", f"{len(data.attempts)}"), ("Errors", f"{errors}"), ("Repairs", f"{data.repairs}"))
    st.caption(cost_line(answer, answer.usage))
    with st.expander(f"All {fmt.plural(len(data.attempts), 'attempt')}", expanded=data.attempt is None):
        attempts_view(data)


def _documents(reply: DataReply) -> None:
    answer = reply.answer
    hits = fmt.plural(len(answer.hits), "chunk")
    st.caption(f"Answered from the documents ({hits}), not from a database." if answer.hits else "No query was tried.")
    st.text(answer.text or "(an empty answer)", width="stretch")
    for note in answer.notes:
        st.text(note, width="stretch")
    st.caption(cost_line(answer, answer.usage))
