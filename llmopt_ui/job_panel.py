"""Follows long work: how far it is, how long it still takes, what it has cost, and a way to stop it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from llmopt_core.errors import LlmOptError
from llmopt_core.runs.values import Job
from llmopt_ui import format as fmt
from llmopt_ui.components import facts, show_error
from llmopt_ui.resources import job_runner, store
from llmopt_ui.session import state

_PERIOD = 1.5
_BARS = 3
_WORDS = {
    "queued": "Waiting for its turn",
    "running": "Running",
    "finished": "Finished",
    "interrupted": "Interrupted: the app ended before it was done",
    "cancelled": "Cancelled",
    "failed": "Failed",
    "budget-reached": "Stopped: the budget was reached",
}


def follow(job: Job, title: str, on_end: Callable[[Job], None] | None = None) -> None:
    """Show a job. While it is active only this panel is drawn again; when it ends the whole page is.

    Args:
        job: As it was when the page was drawn.
        title: What is being done, in words.
        on_end: Called once, before the page is drawn again after the end.
    """

    @st.fragment(run_every=_PERIOD if job.active else None)
    def panel() -> None:
        current = store().job(job.id)
        _panel(current, title)
        if job.active and not current.active:
            if on_end is not None:
                on_end(current)
            st.rerun()

    panel()


def last_failure(jobs: Sequence[Job], title: Callable[[Job], str]) -> None:
    """What went wrong with the newest of these jobs (they come newest first), until it is put away."""
    newest = jobs[0] if jobs else None
    if newest is None or newest.status != "failed" or newest.id in state().seen_jobs:
        return
    show_error(f"{title(newest)} failed: {newest.error}")
    if st.button("Put away", key=f"job_seen_{newest.id}", type="tertiary"):
        state().seen_jobs.add(newest.id)
        st.rerun()


def running_jobs(project: str) -> None:
    """What is being worked on, in few words, wherever the user is. Draws nothing while there is nothing.

    Of other projects it says only how much there is: all wait in the same line.
    """
    if not store().jobs(active=True):
        return

    @st.fragment(run_every=2 * _PERIOD)
    def bars() -> None:
        active = store().jobs(active=True)
        own = [job for job in active if job.project in (None, project)]
        for job in own[:_BARS]:
            done, total = int(job.progress.get("done") or 0), int(job.progress.get("total") or 0)
            words = f"{job.kind.replace('-', ' ').capitalize()}: {_WORDS[job.status].split(':')[0].lower()}"
            share = min(1.0, done / total) if total else 0.0
            st.progress(share, text=fmt.markdown(words + (f", {share:.0%}" if total else "")))
        if others := len(active) - len(own):
            st.caption(f":material/hourglass_top: {fmt.plural(others, 'job')} of other projects")

    bars()


def _panel(job: Job, title: str) -> None:
    progress = job.progress
    done, total = int(progress.get("done") or 0), int(progress.get("total") or 0)
    with st.container(border=True):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown(f"**{fmt.markdown(title)}**", width="content")
            if job.active:
                st.button(
                    "Stopping …" if job.cancel_requested else "Cancel",
                    key=f"job_cancel_{job.id}",
                    icon=":material/stop_circle:",
                    disabled=job.cancel_requested,
                    on_click=_cancel,
                    args=(job.id,),
                )
        share = done / total if total else 0.0
        st.progress(min(1.0, share), text=_sentence(job, done, total))
        spent = [
            ("Tokens so far", fmt.count(int(progress.get("tokens") or 0))),
            ("Cost so far", fmt.money(progress.get("cost_usd", 0.0))),
        ]
        if progress.get("left_usd") is not None:
            spent.append(("Left of the budget", f"${fmt.plain_usd(progress['left_usd'])}"))
        facts(
            [
                ("Time left", fmt.duration(progress.get("seconds_left")) if job.active else fmt.DASH),
                *(spent if "tokens" in progress or "unit" not in progress else []),
                ("Taken from the cache", fmt.count(int(progress.get("cached") or 0))),
            ]
        )
        if job.error and job.status == "budget-reached":
            st.caption(fmt.markdown(job.error))
        elif job.error:
            show_error(job.error)


def _sentence(job: Job, done: int, total: int) -> str:
    words = _WORDS[job.status]
    counted = f" · {done:,} of {total:,} {job.progress.get('unit', 'records')}" if total else ""
    message = str(job.progress.get("message") or "")
    return fmt.markdown(words + counted + (f" · {message}" if message and job.active else ""))


def _cancel(job_id: int) -> None:
    try:
        job_runner().cancel(job_id)
    except LlmOptError as error:
        show_error(str(error))
