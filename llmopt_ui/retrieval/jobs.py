"""Long work of the retrieval lab: which questions, the button that starts it, the job while it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.keys import lab_identity
from llmopt_core.experiments.provenance import describe_changes, list_changes, result_basis
from llmopt_core.experiments.setting_choices import SettingKind, record_setting_choice
from llmopt_core.labs.retrieval.components import AskedModel, is_free, is_priced
from llmopt_core.labs.retrieval.estimate import LabEstimate
from llmopt_core.labs.retrieval.jobs import Task, earlier, lab_arguments, lab_versions, latest, pilot_of, report_of
from llmopt_core.runs.question_splits import part_name, part_of
from llmopt_core.runs.values import Job, Project
from llmopt_core.types import EvaluationSet, Example, Usage
from llmopt_core.types.parts import CONFIRM, SEARCH
from llmopt_ui import format as fmt
from llmopt_ui.budget import budget_field, warn_above
from llmopt_ui.button_to import button_to
from llmopt_ui.caveats import documents_now
from llmopt_ui.components import empty_state, facts, section
from llmopt_ui.evaluation_sets import set_choices
from llmopt_ui.job_panel import follow_job
from llmopt_ui.navigation import EVALUATION
from llmopt_ui.resources import models, start_job, store
from llmopt_ui.retrieval.sides import Side, save_configuration, select_in_address
from llmopt_ui.session import notify, state

SET = "measured_set"


@dataclass(frozen=True)
class Questions:
    """The questions that are measured."""

    set_name: str
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class PaidWork:
    """What is asked of models that are not free.

    Attributes:
        has_prices: Whether every price is known; a budget needs that.
    """

    has_prices: bool


@dataclass(frozen=True)
class Offer:
    """Paid work that is not started yet."""

    kind: str
    task: Task
    options: dict[str, Any]
    button: str
    text: str
    work: PaidWork


def questions_fields(project: Project, key: str, most: int | None = None) -> Questions | None:
    """Which evaluation set, and how many of its questions; None where there is no set."""
    sets = set_choices(project)
    if not sets:
        with empty_state(
            "No evaluation set yet", "Retrieval is measured with questions that know their sources.", ":material/quiz:"
        ):
            button_to(EVALUATION, "Add questions", f"{key}_to_questions", "Questions")
        return None
    one, two = st.columns([3, 2], gap="medium")
    names = [item.name for item in sets]
    name = select_in_address(one, "Evaluation set", names, f"{SET}_{key}", names[0])
    size = next(item.size for item in sets if item.name == name)
    limit = two.number_input(
        # The key holds the set: a number chosen for a large set may be more than a smaller one has, which Streamlit
        # refuses.
        "Questions", 1, size, min(most or size, size), key=f"measured_{key}_{name}",
        help="The first ones of the set.", persist_state="session",
    )  # fmt: skip
    return Questions(name, store().evaluation_set(project, name).examples[: int(limit)])


def adopt_configuration(
    project: Project, configuration: Configuration, kind: SettingKind, asked: Questions, parent: Configuration
) -> None:
    """Save a configuration because of what it measured on these questions, and remember that."""
    record_setting_choice(store(), project, configuration, kind, f"measured on {asked.set_name}", asked.examples)
    save_configuration(project, configuration, parent=parent)
    part = part_of(asked.set_name)
    if part is not None and part[1] == SEARCH:
        confirm = part_name(part[0], CONFIRM)
        notify(f"{state().notice} It was chosen on {asked.set_name}: run it on {confirm} to confirm it.")


def task_of(project: Project, side: Side, selection: Questions) -> Task:
    """What a job for this side works on."""
    # What stands behind the names of models now: the same name may be another model tomorrow.
    behind = lab_identity(side.configuration, models(), JudgeSpec())
    questions = EvaluationSet(selection.set_name, selection.examples).version
    basis = result_basis(
        side.configuration, models(), questions=questions, documents=documents_now(project), judge=JudgeSpec()
    )
    documents = tuple(store().documents(project))
    return Task(project, side.configuration, selection.examples, documents, selection.set_name, behind, basis)


def results(  # noqa: PLR0917
    kind: str,
    tasks: Sequence[Task],
    options: Mapping[str, Any],
    button: str,
    help_text: str,
    paid_work: PaidWork | None = None,
) -> list[Job]:
    """The finished job of each task; what is missing is offered, what runs is followed.

    Args:
        kind: Of the jobs.
        tasks: One result each.
        options: Whatever else decides the results; kept with the jobs.
        button: Its label.
        help_text: What it will take, in words.
        paid_work: Given where models that are not free may be asked: a pilot then tells what it will cost.
    """
    jobs = [latest(store(), task.project, kind, task.key(**options)) for task in tasks]
    # What is finished is shown while the other side is still measured.
    finished_jobs = [job for job in jobs if job is not None and job.status == "finished"]
    missing = [task for task, job in zip(tasks, jobs, strict=True) if job is None or job.status != "finished"]
    for job in jobs:
        if job is not None and job.status != "finished":
            follow_job(job)
    # While one is at work its panel stands here, and no second press can pay for the same again.
    if missing and not any(job is not None and job.active for job in jobs):
        _tell_earlier(kind, missing)
        if paid_work is not None:
            # One at a time where something is paid: the price is told and agreed to for each.
            _offer(Offer(kind, missing[0], dict(options), button, help_text, paid_work))
            return finished_jobs
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button(
                button, key=f"start_{kind}", type="primary", icon=":material/play_arrow:",
                on_click=_start, args=(kind, missing, dict(options)),
            )  # fmt: skip
            st.caption(fmt.markdown(help_text), width="content")
    return finished_jobs


def _tell_earlier(kind: str, missing: Sequence[Task]) -> None:
    """Say that what is missing was measured before, and what has changed since."""
    for task in missing:
        job = earlier(store(), task, kind)
        # Jobs of earlier versions kept no basis; then nothing is known to have changed.
        changes = list_changes(job.arguments.get("basis") or {}, task.basis) if job is not None else ()
        if job is not None and changes:
            when = fmt.moment(job.created_at)
            sentence = f"{task.configuration.name} was measured on {when}; {describe_changes(changes)} since."
            st.caption(f":material/history: {fmt.markdown(sentence)}")


def _start(kind: str, tasks: Sequence[Task], options: Mapping[str, Any], budget_usd: float | None = None) -> None:
    for task in tasks:
        arguments = lab_arguments(store(), kind, task, options, budget_usd)
        start_job(kind, task.project, arguments, lab_versions(task))


def follow_paid_work(asked_models: Sequence[AskedModel]) -> PaidWork | None:
    """None where every model that may be asked is free.

    Raises:
        BadInput: An endpoint is unknown.
    """
    registry = models()
    return None if is_free(asked_models, registry) else PaidWork(is_priced(asked_models, registry))


def _offer(offer: Offer) -> None:
    """A pilot first; when it has told what the work will cost, the button that starts it."""
    kind, project = pilot_of(offer.kind), offer.task.project
    pilot = latest(store(), project, kind, offer.task.key(**offer.options))
    before = latest(store(), project, offer.kind, offer.task.key(**offer.options))
    if pilot is not None and (pilot.active or pilot.status == "failed"):
        follow_job(pilot)
        if pilot.active:
            return
    # A pilot counts for the attempt after it: older than the last attempt it has told its price already. Ids grow
    # with time.
    newer = pilot is not None and (before is None or pilot.id > before.id) and pilot.id not in state().dismissed_jobs
    estimate = report_of(pilot, LabEstimate) if pilot is not None and newer else None
    if pilot is not None and estimate is not None:
        _estimate(offer, pilot.id, estimate)
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            offer.button, key=f"start_{offer.kind}", type="primary", icon=":material/play_arrow:",
            on_click=_start, args=(kind, [offer.task], offer.options),
        )  # fmt: skip
        st.caption(fmt.markdown(f"{offer.text}. First a few questions tell what it will cost."), width="content")


def _spending_note(estimate: LabEstimate) -> str:
    # Nothing was paid, or nobody knows its price.
    if not estimate.paid_usd:
        return ""
    return f"{fmt.money(estimate.paid_usd)} are spent on this work so far, which is a part of its budget."


def _estimate(offer: Offer, pilot: int, estimate: LabEstimate) -> None:
    with st.container(border=True):
        section("What it will take")
        facts(
            ("Questions left", f"{estimate.left:,} of {estimate.total:,}"),
            ("Model calls", fmt.count(estimate.calls)),
            ("Tokens", fmt.count(estimate.tokens)),
            ("Cost", fmt.money(estimate.cost_usd)),
            ("Time", fmt.duration(estimate.seconds)),
        )
        st.caption(
            fmt.markdown(
                f"From a pilot that took {estimate.spent_tokens:,} tokens ({fmt.money(estimate.spent_usd)}); its "
                f"answers are kept and not paid again. {_spending_note(estimate)}"
            )
        )
        for message in estimate.failures:
            st.warning(fmt.markdown(message), icon=":material/warning:")
        budget = budget_field(
            st, f"budget_{offer.kind}", "What it may cost in all, pilots and earlier attempts included. It stops "
            "cleanly before it costs more; what was made is kept. A budget needs the prices of all models, which are "
            "set in Settings.", disabled=not offer.work.has_prices,
            placeholder="No limit" if offer.work.has_prices else "Needs prices", width=240, persist_state="session",
        )  # fmt: skip
        # Through `Usage`, whose sum is unknown where one part is: None is not 0.
        warn_above(budget, (Usage(cost_usd=estimate.cost_usd) + Usage(cost_usd=estimate.paid_usd)).cost_usd)
        with st.container(horizontal=True, gap="small"):
            st.button(
                "Start", key=f"go_{offer.kind}", type="primary", icon=":material/play_arrow:", on_click=_start,
                args=(offer.kind, [offer.task], offer.options, budget),
            )  # fmt: skip
            st.button(
                "Not now", key=f"drop_{offer.kind}", type="tertiary", on_click=state().dismissed_jobs.add, args=(pilot,)
            )
