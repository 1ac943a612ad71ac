"""The Run tab: start an evaluation, follow it, resume what was stopped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from llmopt_core.errors import BadInput
from llmopt_core.experiments.estimate import PILOT
from llmopt_core.experiments.plan import asks_service
from llmopt_core.experiments.resume_check import judge_of, resume_problem
from llmopt_core.labs.evaluation.estimate_values import cost_words, time_words
from llmopt_core.labs.evaluation.jobs import (
    DOCUMENTS,
    ESTIMATE,
    EVALUATION,
    RESUME,
    arguments_from_pilot,
    is_evaluation,
    resume_arguments,
)
from llmopt_core.runs.values import Job, Project, Run
from llmopt_core.types import Usage
from llmopt_ui import format as fmt
from llmopt_ui.budget import budget_field, warn_above
from llmopt_ui.button_to import button_to
from llmopt_ui.caveats import documents_now
from llmopt_ui.components import empty_state, section, show_errors
from llmopt_ui.evaluation.history import history_view
from llmopt_ui.evaluation.import_results import import_button
from llmopt_ui.evaluation.run_form import plan_from, run_form
from llmopt_ui.evaluation_sets import set_choices
from llmopt_ui.forms.configuration import CONFIGURATION, NEW
from llmopt_ui.job_panel import last_failure
from llmopt_ui.navigation import EVALUATION as PAGE
from llmopt_ui.resources import start_job, store
from llmopt_ui.runs.progress import follow_evaluations
from llmopt_ui.runs.results import describe_state, unscored_note
from llmopt_ui.runs.start import check_start, start_evaluation, start_pilot
from llmopt_ui.session import notify, state
from llmopt_ui.tables import show_table

if TYPE_CHECKING:
    from llmopt_core.experiments.plan import Plan


def run_view(project: Project, runs: Sequence[Run]) -> None:
    """The whole tab."""
    jobs = [job for job in store().jobs(project) if is_evaluation(job) or job.kind == ESTIMATE.name]
    # From the most urgent: what runs, what went wrong, what waits for an answer, what was stopped; then the form.
    follow_evaluations(project)
    last_failure(jobs)
    _estimate(project)
    _stopped_runs(project, runs)
    sets, configurations = set_choices(project), store().configurations(project)
    if not sets:
        with empty_state("No questions yet", "An evaluation asks the questions of a set.", ":material/quiz:"):
            button_to(PAGE, "Add questions", "run_to_questions", "Questions")
            import_button(project, "run_import")
        return
    if not configurations:
        hint = "A configuration says which model answers, with which prompt and which retrieval."
        with empty_state("No configurations yet", hint, ":material/tune:"):
            button_to(PAGE, "Make a configuration", "run_to_configurations", "Configurations", **{CONFIGURATION: NEW})
        history_view(project, runs)
        return
    section("Evaluate")
    request = run_form(project, sets, configurations)
    if request is not None:
        with show_errors():
            _start(project, plan_from(project, request, {item.name: item for item in configurations}))
    history_view(project, runs)


def _start(project: Project, plan: Plan) -> None:
    """Run at once what the built-in models do alone; for the rest make a pilot first and show what it will cost."""
    check_start(plan)
    # Nothing is paid and nothing leaves the machine, so there is nothing to ask before.
    if asks_service(plan):
        start_pilot(project, plan)
    else:
        _watch_job(start_evaluation(project, plan))
    st.rerun()


def _watch_job(job_id: int) -> None:
    """Tell of the job's end, also where it is over before the page is drawn again."""
    state().watched_jobs.add(job_id)


def announce_results(project: Project) -> None:
    """Leave a notice of evaluations that were started here and have ended; called before the page is drawn."""
    # A sorted copy: the set loses members on the way, and the last notice, which is the one that stays, is the newest
    # job's.
    for job_id in sorted(state().watched_jobs):
        try:
            job = store().job(job_id)
        # Deleted with its project.
        except BadInput:
            state().watched_jobs.discard(job_id)
            continue
        if not job.active:
            state().watched_jobs.discard(job_id)
            _notify_end(job, project)


def _notify_end(job: Job, project: Project) -> None:
    finished_runs = [store().run(run_id) for run_id in job.result.get("runs", [])]
    if not is_evaluation(job) or not finished_runs:
        return
    notes = " ".join(f"{run.name}: {words}" for run in finished_runs if (words := _failure_note(run)))
    if {run.status for run in finished_runs} == {"finished"}:
        # Results of another project cannot be shown on this page.
        state().go_to_results = finished_runs[-1].id if job.project == project.name else 0
        notify(f"Evaluation finished, not whole. {notes}" if notes else "Evaluation finished.", warning=bool(notes))
    elif notes:
        notify(f"Evaluation not finished. {notes}", warning=True)


def _failure_note(run: Run) -> str:
    """What there is to say of a run that is not whole: the most frequent reason with its count."""
    few = unscored_note(run)
    if run.status == "finished" and not run.failed:
        return few
    words = "" if run.status == "finished" else f"{run.status.replace('-', ' ')}. "
    reason = run.error or (f"{run.failed:,} of {run.total:,} answers failed." if run.failed else "")
    return f"{words}{reason}"


def _estimate(project: Project) -> None:
    """What a planned evaluation will cost, and the button that starts it."""
    job_id = state().pilot_job
    job = store().job(job_id) if job_id else None
    # The project may have been left while its pilot ran.
    if job is None or job.active or job.project != project.name:
        return
    if job.status != "finished":
        state().pilot_job = 0
        return
    plan_arguments = arguments_from_pilot(job)
    with st.container(border=True):
        section("What it will take")
        estimates = job.result.get("estimates", [])
        show_table(estimate_table(estimates), "What each configuration will take")
        cost = sum(plan_arguments.pilot.values(), Usage()).cost_usd
        st.caption(fmt.markdown(
            f"From a pilot of up to {PILOT} questions each ({fmt.money(cost)}); its answers are kept and not paid "
            "again. In brackets what nine of ten such runs stay within."
        ))  # fmt: skip
        # A note on a model comes with every configuration that uses it; said once.
        for note in dict.fromkeys(item.get("note", "") for item in estimates):
            if note:
                st.warning(fmt.markdown(note), icon=":material/warning:")
        # One price that nobody knows makes the sum unknown.
        costs = [item["cost_usd"] for item in estimates]
        warn_above(plan_arguments.budget_usd, None if None in costs or cost is None else sum(costs) + cost)
        with st.container(horizontal=True, gap="small"):
            start = st.button(
                "Start the evaluation", key="estimate_start", type="primary", icon=":material/play_arrow:"
            )
            drop = st.button("Not now", key="estimate_drop", type="tertiary")
    if start or drop:
        state().pilot_job = 0
    if start:
        # With the versions that the pilot saw: what changed since then is told and not silently measured.
        _watch_job(start_job(EVALUATION.name, project, plan_arguments, job.versions))
    if start or drop:
        st.rerun()


def _pilot(item: dict[str, object]) -> str:
    return "fine" if item.get("tried", 1) else "all from the cache"


def estimate_table(estimates: Sequence[dict[str, object]]) -> pd.DataFrame:
    """One row per configuration, in words."""
    rows = [
        {
            "Configuration": fmt.markdown(str(item["configuration"])),
            "Questions left": fmt.count(int(str(item["left"]))),
            "Model calls": fmt.count(int(str(item["calls"]))),
            "Tokens": fmt.count(int(str(item["tokens"]))),
            # Pilots of earlier versions have no range.
            "Cost": fmt.markdown(cost_words(item["cost_usd"], item.get("cost_range"))),  # type: ignore[arg-type]
            "Time": time_words(float(str(item["seconds"])), item.get("seconds_range")),  # type: ignore[arg-type]
            "Pilot": fmt.markdown("; ".join(item["failures"]) or _pilot(item)),  # type: ignore[arg-type]
        }
        for item in estimates
    ]
    return pd.DataFrame(rows)


def _stopped_runs(project: Project, runs: Sequence[Run]) -> None:
    """Runs that ended before they were done, unless a newer run of the same configuration replaced them."""
    # Runs come newest first; backwards, the newest is the last to write its entry and stays.
    newest = {run.fingerprint: run.id for run in reversed(runs)}
    # Five boxes at most: more would push the form out of sight.
    for run in [run for run in runs if run.resumable and newest[run.fingerprint] == run.id][:5]:
        with st.container(border=True):
            with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
                st.markdown(_state_of(run), width="content")
                help_text = "Does only what is missing or failed; nothing is paid twice."
                problem = _resume_problem(project, run)
                resume = st.button("Resume", key=f"run_resume_{run.id}", icon=":material/resume:", help=help_text,
                                    disabled=bool(problem))  # fmt: skip
            if problem:
                st.text(problem, width="stretch")
            if run.error:
                st.text(run.error, width="stretch")
            budget = _new_budget(run)
        if resume:
            with show_errors():
                _resume(project, run, budget)


def _resume_problem(project: Project, run: Run) -> str:
    try:
        judge = judge_of(run)
    except BadInput:
        # Pressing the button says so.
        judge = None
    return resume_problem(run, documents_now(project) if run.retrieves else "", judge)


def _new_budget(run: Run) -> float | None:
    """Ask what a run that had a budget may cost in all."""
    if run.budget_usd is None:
        return None
    help_text = "What the whole run may cost, what it has cost so far included."
    is_reached = run.status == "budget-reached"
    # The former budget is used up: as a default it would stop the run at once.
    before = None if is_reached else run.budget_usd or None
    value = budget_field(st, f"run_budget_{run.id}", help_text, label="Budget in all (USD)", value=before,
                         placeholder="A new one", width=240)  # fmt: skip
    most, cost = fmt.dollars(run.budget_usd), fmt.dollars(run.usage.cost_usd or 0.0)
    st.caption(fmt.markdown(f"Of this run's part of the budget {cost} of {most} are spent."))
    return value


def _resume(project: Project, run: Run, budget_usd: float | None) -> None:
    from llmopt_core.experiments.run_budget import check_larger

    judge_of(run)
    # Before the job is started, so that the mistake is told here and not by a job that failed.
    check_larger(run.name, run.budget_usd, budget_usd, [run])
    # A run is resumed over the documents it began with, or the job says that they have changed.
    versions = {DOCUMENTS: run.documents_version} if run.retrieves and run.documents_version else {}
    _watch_job(start_job(RESUME.name, project, resume_arguments(run, budget_usd), versions))
    st.rerun()


def _state_of(run: Run) -> str:
    words = describe_state(run)
    return (
        f"**{fmt.markdown(run.name)}** on {fmt.markdown(run.evaluation_set)} "
        f":gray[{words} · {run.done - run.failed} of {run.total} records done]"
    )
