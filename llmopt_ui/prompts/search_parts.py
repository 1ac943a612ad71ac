"""What all searches show alike: the job that runs, the results there are, what it took, the verified result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import streamlit as st

from llmopt_core.errors import LlmOptError
from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.experiments.grading import ASSERTIONS
from llmopt_core.experiments.search.confirmation import Verification
from llmopt_core.experiments.search.results import read_search_result
from llmopt_core.experiments.search.task import CHOICE, FEW_SHOT_EFFECT, INSTRUCTION, SearchTask, check_task
from llmopt_core.experiments.search.trial_runner import StopReason
from llmopt_core.experiments.versions.prompts import version_label
from llmopt_core.labs.prompts.search_jobs import search_arguments
from llmopt_core.labs.prompts.search_setup import SearchSetup, basis_now, search_basis, search_jobs
from llmopt_core.models.base import BUILTIN
from llmopt_core.reporting.glossary import explain_terms
from llmopt_core.reporting.verdict_words import missing_words, unit_of
from llmopt_core.runs.store_versions import Version
from llmopt_core.runs.values import Job, Project
from llmopt_core.types import Spec, Usage
from llmopt_ui import format as fmt
from llmopt_ui.caveats import documents_now, mark_earlier_state
from llmopt_ui.chart_view import show_chart
from llmopt_ui.components import downloads, facts, show_error
from llmopt_ui.copy_link import copy_link
from llmopt_ui.job_panel import follow_job, put_away_button
from llmopt_ui.pickers import address_arguments
from llmopt_ui.prompts.search_charts import before_after
from llmopt_ui.resources import models, start_job, store
from llmopt_ui.session import notify, report_problem, state
from llmopt_ui.theme import verdict

"""With fewer questions a difference of ten points is rarely told from luck."""
_TABS = {
    FEW_SHOT_EFFECT: ("Few-shot", "What each is worth"),
    CHOICE: ("Few-shot", "Automatic choice"),
    INSTRUCTION: ("Instruction search", ""),
}
"""Kind of a search -> its tab, and the part of the tab."""
_AGAIN = "Search again below to see what holds now."
R = TypeVar("R", bound=Spec)
_END_NOTES: dict[StopReason, str] = {
    "budget": "The budget was reached, so the search is not complete. What was paid is kept: with a larger "
    "budget it goes on from it.",
    "cancelled": "Cancelled. What was paid is kept: starting again goes on from it.",
    "failed": "Stopped, because answer after answer failed",
}


def start_search(  # noqa: PLR0917
    project: Project,
    kind: str,
    subject: str,
    task: SearchTask,
    options: dict[str, object],
    setup: SearchSetup,
) -> None:
    """Start a search as a job; used as a button's callback. `setup` is what the task was made from."""
    # Searches of instructions leave the examples as they are, so theirs are no part of what a result rests on.
    few_shot = task.configuration.prompt.few_shot if kind in (FEW_SHOT_EFFECT, CHOICE) else None
    with report_problem():
        # Before the job starts: what can only fail says so here.
        check_task(task, models())
        basis = search_basis(store(), project, setup, models(), documents=documents_now(project), few_shot=few_shot)
        arguments = search_arguments(store(), kind, subject, task, setup, basis, **options)
        start_job(kind, project, arguments, basis)


def choose_search(project: Project, kind: str, subject: str, result: type[R]) -> tuple[R | None, bool]:
    """Follow what runs and choose among the results; gives the chosen one, and whether something runs."""
    jobs = search_jobs(store(), project, kind, subject)
    running = [job for job in jobs if job.active]
    for job in running:
        follow_job(job, on_end=_on_end)
    _last_failure(jobs)
    # Also of jobs that ended early: what was found until then is a result with a note.
    results = {
        str(job.id): read for job in jobs if not job.active and (read := read_search_result(job, result)) is not None
    }
    if not results:
        return None, bool(running)
    when = {str(job.id): job for job in jobs}
    job_id = next(iter(results))
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        if len(results) > 1:
            options = list(results)
            job_id = st.selectbox("Result", options, width=420, format_func=lambda number: _job_label(when[number]),
                                  **address_arguments(f"{kind}-result", options, options[0]))  # fmt: skip
        copy_link(project, _TABS[kind][0], _pins(kind, subject, job_id), f"{kind}_link_{job_id}",
                  "A link to this result.")  # fmt: skip
    _mark_earlier(project, when[job_id])
    return results[job_id], bool(running)


def _pins(kind: str, subject: str, result: str) -> dict[str, str]:
    """Parameters of the address that show this result."""
    part = _TABS[kind][1]
    return {f"{kind}-result": result} | ({"few_shot": subject, "few_shot_part": part} if part else {})


def _mark_earlier(project: Project, job: Job) -> None:
    """Say of a result whose questions, prompt or anything else has changed since that it is of an earlier state."""
    then = job.arguments.get("basis")
    # Results of earlier versions kept no basis.
    if not isinstance(then, dict):
        mark_earlier_state(None, {}, _AGAIN)
        return
    try:
        mark_earlier_state(then, basis_now(store(), project, job, models(), documents_now(project)), _AGAIN)
    # What a result rested on is gone, such as a deleted prompt; that, too, is an earlier state.
    except LlmOptError as error:
        st.warning(fmt.markdown(f"From an earlier state: {error}"), icon=":material/history:")


def score_title(metric: str) -> str:
    """A metric as users read it."""
    return "Assertions passed" if metric == ASSERTIONS else metric_title(metric)


def describe_setup(version: Version, setup: SearchSetup) -> str:
    """What a few-shot set is measured in: `worked v1 in plain, built-in model`."""
    model = setup.variant.model
    who = "built-in model" if model.endpoint == BUILTIN else model.name or model.endpoint
    return f"{version_label(version)} in {setup.variant.prompt.replace('@', ' ')}, {who}"


def show_end_note(end: StopReason, problem: str, left_out: Sequence[str]) -> None:
    """Why a result is not complete, and what was left out of it."""
    if end:
        sentence = f"{_END_NOTES[end]}: {problem}" if end == "failed" else _END_NOTES[end]
        st.markdown(f":orange[:material/warning:] {fmt.markdown(sentence)}")
    if left_out:
        sentence = fmt.plural(len(left_out), "text")
        st.caption(f":material/info: {sentence} left out, because an example and a question ask the same.")


def show_cost(usage: Usage, seconds: float) -> None:
    """What the search took."""
    facts(
        ("Calls made", fmt.count(usage.calls)),
        ("From the cache", fmt.count(usage.cached_calls)),
        ("Tokens", fmt.count(usage.prompt_tokens + usage.completion_tokens)),
        ("Cost", fmt.money(usage.cost_usd)),
        ("Time", fmt.duration(seconds)),
    )


def show_verification(verification: Verification, metric: str, key: str) -> None:
    """The result: before and after on questions that the search never saw."""
    comparison = verification.comparison
    left, right = st.columns([3, 2], gap="large", vertical_alignment="center")
    with left:
        show_chart(before_after(verification, score_title(metric)), key, "Score before and after on each part")
    with right:
        st.markdown(f"#### {verdict(comparison.verdict).markdown}")
        between = f" ({fmt.interval(comparison.low, comparison.high)})" if comparison.low is not None else ""
        count = fmt.plural(verification.questions, "question")
        st.markdown(f"**{fmt.with_sign(comparison.difference)}**{between} on {count} that the search never saw")
        p_value = fmt.p_value(comparison.p_value)
        omissions = f" · {fmt.plural(comparison.dropped, 'pair')} without a score" if comparison.dropped else ""
        st.caption(
            f"p {p_value} · {unit_of([comparison])}{omissions}",
            help=f"{explain_terms('p')} Reckoned by: {comparison.method}.",
        )
        if comparison.verdict == "cannot tell" and (missing := missing_words(comparison)):
            st.caption(fmt.markdown(f"Cannot tell: {missing}."))
        before, after = verification.tokens
        # Equal to the reader, where they are equal as shown.
        if before is not None and after is not None and round(before) != round(after):
            st.caption(f"Prompt tokens per question: {before:,.0f} → {after:,.0f}")


def result_download(result: Spec, stem: str, key: str) -> None:
    """The whole search as JSON."""
    downloads(key, ("JSON", result.model_dump_json(indent=2), f"{fmt.file_stem(stem)}.json"))


def _job_label(job: Job) -> str:
    about = job.arguments
    score, on = score_title(str(about.get("metric", ""))), about.get("evaluation_set", "")
    return f"{about.get('source', '')}, {score} on {on} · {fmt.moment(job.finished_at or job.created_at)}"


def _on_end(job: Job) -> None:
    if job.status == "finished":
        notify("The search has ended.")


def _last_failure(jobs: Sequence[Job]) -> None:
    """What went wrong with the newest search, until it is put away."""
    newest = jobs[0] if jobs else None
    # A cancelled one was the user's wish.
    if newest is None or newest.status not in ("failed", "interrupted") or newest.id in state().dismissed_jobs:
        return
    show_error(newest.error or "The app ended before the search was done. What was paid is kept; start it again.")
    put_away_button(newest)
