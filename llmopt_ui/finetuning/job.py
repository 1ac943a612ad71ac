"""One fine-tuning job in full: what it made, what its curves say, its log, its best and worst validation examples."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from llmopt_core.experiments.versions.training_sets import TrainingSetVersion, training_sets
from llmopt_core.finetuning.data.examples import TrainingExample
from llmopt_core.finetuning.data.prompt_kind import shorten_prompts
from llmopt_core.finetuning.jobs.job import LOCAL, Job
from llmopt_core.finetuning.training_price import cost_words
from llmopt_core.labs.finetuning.catalogue import list_chat_models, list_embedding_models, model_of_job
from llmopt_core.labs.finetuning.jobs import JobReport
from llmopt_core.models.base import ModelSpec
from llmopt_core.runs.values import Project
from llmopt_core.text.csv_text import csv_of
from llmopt_ui import format as fmt
from llmopt_ui.chart_view import show_chart
from llmopt_ui.components import downloads, facts, show_error, side_by_side
from llmopt_ui.finetuning.colours import own_ink
from llmopt_ui.finetuning.evaluate import evaluate_row
from llmopt_ui.finetuning.loss_charts import loss_curves
from llmopt_ui.finetuning.start import resume_training
from llmopt_ui.finetuning.structured import structured_view
from llmopt_ui.resources import settings, store
from llmopt_ui.session import report_problem
from llmopt_ui.tables import data_table

_STATES = {
    "queued": "waiting",
    "running": "training",
    "finished": "finished",
    "failed": "failed",
    "cancelled": "cancelled",
    "interrupted": "interrupted",
}
_FITS = {
    "good": ":green[:material/check_circle:] **A good fit.**",
    "overfitting": ":orange[:material/trending_up:] **Overfitting.**",
    "underfitting": ":orange[:material/trending_down:] **Underfitting.**",
    "unstable": ":red[:material/warning:] **Unstable.**",
    "unknown": ":gray[:material/help:] **Too early to say.**",
}


def status_word(job: Job) -> str:
    """How a job stands, for people."""
    return _STATES.get(job.status, job.status)


def cost_word(job: Job) -> str:
    """What a job cost; where a service has not told yet, the most that it is expected to."""
    if job.provider == LOCAL:
        return "free"
    # Services tell the cost when a job has ended.
    is_estimate = job.estimate_usd and not job.has_ended and job.cost_usd is None
    return f"≤ {fmt.money(job.estimate_usd[1])}" if is_estimate and job.estimate_usd else fmt.money(job.cost_usd)


def job_view(project: Project, report: JobReport, note: str = "") -> None:
    """What is known of a job, and what can be done with it; `note` stands above already and is not said again."""
    job = report.job
    if report.problem:
        show_error(report.problem)
    # While it trains its message stands in the panel above.
    if job.message and job.has_ended and job.message != note:
        (show_error if job.status == "failed" else st.text)(job.message)
    _actions(project, report)
    _facts(project, report)
    if report.points:
        left, right = side_by_side([3, 2], f"job_{job.id}")
        figure = loss_curves({job.name: report.points}, own_ink(project, job), kind=job.kind)
        show_chart(figure, f"tuning_curve_{job.id}", "Training and validation loss by step", place=left)
        with right:
            st.space("medium")
            st.markdown(_FITS[report.reading.fit])
            # The advice begins with the kind of fit, which stands above it as a sign.
            advice = report.reading.advice.partition(": ")[2] or report.reading.advice
            st.caption(advice[:1].upper() + advice[1:])
            _settings(job)
    _examples(report)
    structured_view(project)
    _log(report)


def _actions(project: Project, report: JobReport) -> None:
    job = report.job
    models = [*list_chat_models(settings()), *list_embedding_models(settings())]
    tuned_model = model_of_job(job, models)
    if tuned_model is not None:
        if isinstance(tuned_model.spec, ModelSpec):
            evaluate_row(project, job, tuned_model)
        else:
            st.caption("The fine-tuned embedding model is a choice in the tab Retrieval of every configuration.")
    elif job.has_ended and job.resumable:
        st.button("Resume", key=f"tuning_resume_{job.id}", icon=":material/resume:", on_click=_resume,
                  args=(project, job),
                  help="Goes on from the last checkpoint; nothing is done or paid twice.")  # fmt: skip
    elif job.has_ended and job.status != "finished":
        st.caption("A job that has ended at the service cannot go on; start another one above.")
    elif job.status == "finished":
        st.caption("Its fine-tuned model is no longer in the workspace.")


def training_set_of(project: Project, job: Job) -> TrainingSetVersion | None:
    """The saved training set that a job learned from, where this project has it."""
    return next((item for item in training_sets(store(), project) if item.version == job.data_version), None)


def _facts(project: Project, report: JobReport) -> None:
    job = report.job
    losses = [p.valid_loss for p in report.points if p.valid_loss is not None]
    # The lowest and not the last: early stopping keeps the best.
    lowest = fmt.number(min(losses)) if losses else fmt.DASH
    data = training_set_of(project, job)
    facts(
        ("State", status_word(job).capitalize()),
        ("Best validation loss", lowest, "Mean loss per learned token; lower is better."),
        ("Trained tokens", fmt.count(job.trained_tokens) if job.trained_tokens else fmt.DASH),
        ("Time", fmt.duration(job.took)),
        ("Cost", cost_word(job)),
    )
    # A label has a number of its own; without one only the hash tells which data it was.
    data_words = data.label if data else f"{report.data_name} ({job.data_version[:8]})"
    facts_text = [f"Base model {fmt.markdown(job.base_model)}", f"data {fmt.markdown(data_words)}"]
    facts_text += [f"{job.step:,} of {job.total_steps:,} steps"] if job.total_steps else []
    facts_text += [f"at the service {fmt.markdown(job.remote_id)}"] if job.remote_id else []
    facts_text += [fmt.markdown(words)] if (words := cost_words(job)) else []
    if job.tuned_model and job.kind == "lora":
        # Where it is, since other programs can load it.
        facts_text += [f"adapter `adapters/{job.tuned_model}.gguf` in the workspace"]
    st.caption(" · ".join(facts_text))


def _settings(job: Job) -> None:
    if job.hyperparameters:
        # Checked by type, since 1 equals True and would read as "yes".
        values = {name: {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
                  for name, value in job.hyperparameters.items()}  # fmt: skip
        values_text = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in values.items())
        st.caption(fmt.markdown(f"Hyperparameters: {values_text}."))


def _examples(report: JobReport) -> None:
    if not report.worst:
        return
    st.markdown("**Validation examples**", help="Loss per learned token; what it finds hard shows what is missing.")
    # Shortened together: what all prompts have in common is left out of both tables alike.
    both = [*report.worst, *report.best]
    questions = shorten_prompts([example.question for example, _ in both])
    parts = ("Worst", report.worst, questions), ("Best", report.best, questions[len(report.worst) :])
    for title, pairs, prompts in parts:
        st.caption(f"{title} {len(pairs)}")
        data_table(_example_table(pairs, prompts), alt=f"{title} validation examples",
                   column_config={"Loss": st.column_config.NumberColumn(format="%.3f")})  # fmt: skip


def _example_table(pairs: Sequence[tuple[TrainingExample, float]], questions: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Loss": [loss for _, loss in pairs],
            "Question": [fmt.shorten(text, 300) for text in questions[: len(pairs)]],
            "Wanted answer": [fmt.shorten(example.answer, 300) for example, _ in pairs],
        }
    )


def _log(report: JobReport) -> None:
    with st.expander(f"Event log ({len(report.events)}), newest first", icon=":material/history:"):
        # The last hundred: long trainings log thousands, each an element of the page.
        for event in reversed(report.events[-100:]):
            moment = fmt.moment(datetime.fromtimestamp(event.at, UTC), seconds=True)
            level = {"warn": "warning: ", "error": "error: "}.get(event.level, "")
            st.text(f"{moment}  {level}{event.message}")
        if not report.events:
            st.caption("Nothing yet.")
    if report.checkpoints:
        with st.expander(f"Checkpoints ({len(report.checkpoints)}), newest first", icon=":material/flag:"):
            for point in reversed(report.checkpoints):
                loss = "" if point.valid_loss is None else f", validation loss {fmt.number(point.valid_loss)}"
                st.text(f"Step {point.step}{loss}: {point.model.rsplit('/', 1)[-1]}")
    if report.points:
        rows = [{"step": p.step, "train_loss": p.train_loss, "valid_loss": p.valid_loss, "seconds": p.seconds}
                for p in report.points]  # fmt: skip
        file_name = f"{fmt.file_stem(report.job.name)}-curves.csv"
        downloads(f"tuning_curves_{report.job.id}", ("Curves (CSV)", csv_of(rows), file_name))


def _resume(project: Project, job: Job) -> None:
    with report_problem():
        resume_training(project, job)
