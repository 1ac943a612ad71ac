"""What one browser session remembers: a typed object under one key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import streamlit as st

from llmopt_core.errors import LlmOptError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmopt_core.experiments.doctor import Finding
    from llmopt_core.labs.data_questions.ask import DataReply
    from llmopt_core.types import Answer

KEY = "llmopt_state"
PROJECT = "project"
"""The key of the project selector, and its parameter in the address."""


@dataclass
class State:
    """The session's own things. All else lives in the store or in the address.

    Attributes:
        has_chart_library: Whether the browser has been made to fetch its chart library.
        keys: API keys by endpoint name, typed into a password field. They stay in this session.
        notice: A message to show once, after the rerun that follows an action.
        is_warning: Whether the notice tells of something that went wrong.
        problem: What went wrong in a callback, to show once.
        next_project: The project to go to at the next rerun.
        missing_project: The project that a link named and that is not there; empty for none.
        guest: The comparison that a guest was asked to vote on; empty for who is none.
        project_id: Id of the project that was shown last; 0 before the first.
        tabs: Open tabs to come back to when the page is drawn for another project; None where it is not left.
        dialog: Which dialog is open; empty for none.
        uploads: Counts finished uploads; part of the uploader's key, so that it is empty again afterwards.
        forms: Counts sent forms; part of their fields' keys, so that they are empty again afterwards.
        upload_result: What came of the last upload.
        question_notes: What to know of the question file that was added last.
        watched_jobs: Evaluations started here whose end was not told yet, by job.
        picker_requests: What pickers are to show at the next rerun, by their keys.
        widget_values: What widgets are to hold on the page that a button leads to, by their keys.
        go_to_results: Open the results of this run at the next rerun; 0 for none.
        go_to_tab: The tab of the page to open at the next rerun; empty for none.
        labeller: Who labels answers for the judge to be measured by; empty where nobody has said so.
        refills_choices: The results of another set are to be shown; their selectors are filled anew.
        pilot_job: The job of the pilot whose evaluation is not started yet; 0 for none.
        findings: What the last check of this machine found.
        question_to_show: Set and id of the question that was saved last, to be shown at the next rerun.
        next_configuration: The configuration to open in the editor at the next rerun.
        new_sweep: The job of a sweep to show at the next rerun; 0 for none.
        last_pair: The last two configurations clicked in a picture, and by which metric.
        dismissed_jobs: Jobs whose failure was read and put away.
        endpoint_checks: What the last test of each endpoint said.
        answers: Answers given in the retrieval lab, by what was asked; those that are not kept elsewhere.
        data_replies: The last data question of each project, by its id.
        embedded_chunkings: Chunkings whose chunks are known to have vectors, by key.
        review_table: Key of the table of written questions, and its rows as they were before they were edited here.
        ladder_question: The run that is being decided on, and what is to become of it; None where no dialog is open.
        ladder_author: Who decided last on an experiment here.
        page_turns: Page of a text to turn to, by the text's key, and how often it was asked for.
    """

    has_chart_library: bool = False
    # Not in `repr`: a traceback or a log line that prints the state must not hold keys.
    keys: dict[str, str] = field(default_factory=dict, repr=False)
    notice: str = ""
    is_warning: bool = False
    problem: str = ""
    next_project: str = ""
    missing_project: str = ""
    ladder_question: tuple[int, str] | None = None
    ladder_author: str = ""
    guest: str = ""
    project_id: int = 0
    tabs: dict[str, str] | None = None
    dialog: str = ""
    uploads: int = 0
    forms: int = 0
    upload_result: object = None
    question_notes: tuple[str, ...] = ()
    watched_jobs: set[int] = field(default_factory=set)
    picker_requests: dict[str, str] = field(default_factory=dict)
    widget_values: dict[str, Any] = field(default_factory=dict)
    go_to_results: int = 0
    go_to_tab: str = ""
    labeller: str = ""
    refills_choices: bool = False
    pilot_job: int = 0
    findings: Sequence[Finding] = ()
    question_to_show: tuple[str, str] = ("", "")
    next_configuration: str = ""
    new_sweep: int = 0
    last_pair: tuple[str, str, str] = ("", "", "")
    dismissed_jobs: set[int] = field(default_factory=set)
    endpoint_checks: dict[str, object] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    data_replies: dict[int, DataReply] = field(default_factory=dict)
    embedded_chunkings: set[str] = field(default_factory=set)
    review_table: tuple[str, Sequence[dict[str, Any]]] = ("", ())
    page_turns: dict[str, tuple[int, int]] = field(default_factory=dict)


def state() -> State:
    """The state of the current session."""
    current = st.session_state.get(KEY)
    if current is None:
        current = st.session_state[KEY] = State()
    return current


def notify(message: str, *, warning: bool = False) -> None:
    """Show `message` after the next rerun."""
    # Kept, since what is drawn before a rerun is gone before anybody reads it.
    state().notice, state().is_warning = message, warning


@contextmanager
def report_problem() -> Iterator[None]:
    """Let the page that is drawn next show what went wrong; for callbacks, which cannot draw."""
    try:
        yield
    except LlmOptError as error:
        state().problem = str(error)


@contextmanager
def notify_problem() -> Iterator[None]:
    """The same as a notice, for actions far below the place where problems are shown."""
    try:
        yield
    except LlmOptError as error:
        notify(str(error), warning=True)


def take_messages() -> tuple[str, str]:
    """What was left to be said after the last action, and what went wrong in it; each is given once."""
    current = state()
    messages = current.notice, current.problem
    current.notice = current.problem = ""
    return messages


def rerun_after_action() -> None:
    """Draw the whole page where an action in a part of it has left a message: that part was given what stood before."""
    # Only then, or a part that draws the page, which draws the part, would never end.
    if state().notice or state().problem:
        st.rerun()
