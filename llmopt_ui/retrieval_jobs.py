"""Long work of the retrieval lab: which questions, the button that starts it, the job while it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from llmopt_core.experiments.retrieval_lab.jobs import Task, Work, latest
from llmopt_core.runs.values import Job, Project
from llmopt_core.types import Example
from llmopt_ui import format as fmt
from llmopt_ui.components import empty_state, link_to
from llmopt_ui.job_panel import follow
from llmopt_ui.navigation import EVALUATION
from llmopt_ui.resources import job_runner, store
from llmopt_ui.retrieval_choice import Side

SET = "measured_set"


@dataclass(frozen=True)
class Questions:
    """The questions that are measured."""

    set_name: str
    examples: tuple[Example, ...]


def questions_fields(project: Project, key: str, most: int | None = None) -> Questions | None:
    """Which evaluation set, and how many of its questions; None where there is no set."""
    sets = store().evaluation_sets(project)
    if not sets:
        with empty_state("No evaluation set yet", "Add questions with references first.", ":material/quiz:"):
            link_to(EVALUATION, "Open Evaluation")
        return None
    one, two = st.columns([3, 2], gap="medium")
    name = one.selectbox("Evaluation set", [item.name for item in sets], key=f"{SET}_{key}", bind="query-params")
    size = next(item.size for item in sets if item.name == name)
    limit = two.number_input(
        "Questions", 1, size, min(most or size, size), key=f"measured_{key}_{name}",
        help="The first ones of the set.", persist_state="session",
    )  # fmt: skip
    return Questions(name, store().evaluation_set(project, name).examples[: int(limit)])


def task_of(project: Project, side: Side, asked: Questions) -> Task:
    """What a job for this side works on."""
    return Task(project, side.configuration, asked.examples, tuple(store().documents(project)), asked.set_name)


def results(  # noqa: PLR0917
    kind: str, tasks: Sequence[Task], options: Mapping[str, Any], start: Callable[[Task], Work], button: str, told: str
) -> list[Job]:
    """The finished job of each task; what is missing is offered, what runs is followed.

    Args:
        kind: Of the jobs.
        tasks: One result each.
        options: Whatever else decides the results; kept with the jobs.
        start: Makes the work of a task.
        button: Its label.
        told: What it will take, in words.
    """
    jobs = [latest(store(), task.project, kind, task.key(**options)) for task in tasks]
    done = [job for job in jobs if job is not None and job.status == "finished"]
    missing = [task for task, job in zip(tasks, jobs, strict=True) if job is None or job.status != "finished"]
    for task, job in zip(tasks, jobs, strict=True):
        if job is not None and job.status != "finished":
            follow(job, f"{button}: {task.configuration.name}")
    if missing and not any(job is not None and job.active for job in jobs):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button(
                button, key=f"start_{kind}", type="primary", icon=":material/play_arrow:",
                on_click=_start, args=(kind, missing, dict(options), start),
            )  # fmt: skip
            st.caption(fmt.markdown(told), width="content")
    return done


def _start(kind: str, tasks: Sequence[Task], options: Mapping[str, Any], start: Callable[[Task], Work]) -> None:
    for task in tasks:
        job_runner().submit(kind, task.project, task.arguments(**options), start(task))
