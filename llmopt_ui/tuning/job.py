"""One fine-tuning job in full: what it made, what its curves say, its log, its best and worst validation examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from llmopt_core.errors import LlmOptError
from llmopt_core.experiments.configuration import Configuration, configuration_from
from llmopt_core.experiments.experiment import save_configuration
from llmopt_core.experiments.tuning import with_tuned, without_examples
from llmopt_core.experiments.tuning_lab.catalogue import tuned_by, tuned_chat_models, tuned_embedding_models
from llmopt_core.experiments.tuning_lab.jobs import JobReport, as_trained
from llmopt_core.experiments.tuning_lab.library import SavedTraining, training_sets
from llmopt_core.experiments.tuning_lab.structured import prompting_baseline
from llmopt_core.finetuning.data import TrainingExample
from llmopt_core.finetuning.jobs import LOCAL, Job, TunedModel
from llmopt_core.models.base import BUILTIN, ModelSpec
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.charts import CONFIG
from llmopt_ui.components import Download, downloads, facts, show_error
from llmopt_ui.navigation import EVALUATION
from llmopt_ui.resources import settings, store
from llmopt_ui.session import notify, state
from llmopt_ui.tuning.charts import loss_curves
from llmopt_ui.tuning.start import go_on
from llmopt_ui.tuning.structured import structured_view
from llmopt_ui.tuning.tabs import SQUARE, open_tab

_STATES = {
    "queued": "waiting",
    "running": "training",
    "finished": "finished",
    "failed": "failed",
    "cancelled": "cancelled",
    "interrupted": "interrupted",
}
_AS_TRAINED = "As its training examples ask"
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


def job_view(project: Project, found: JobReport) -> None:
    """What is known of a job, and what can be done with it."""
    job = found.job
    if found.problem:
        show_error(found.problem)
    if job.message and job.ended:
        (show_error if job.status == "failed" else st.text)(job.message)
    _actions(project, found)
    _facts(project, found)
    if found.points:
        left, right = st.columns([3, 2], gap="large")
        left.plotly_chart(loss_curves({job.name: found.points}, kind=job.kind), config=CONFIG,
                          key=f"tuning_curve_{job.id}", alt="Training and validation loss by step")  # fmt: skip
        with right:
            st.space("medium")
            st.markdown(_FITS[found.reading.fit])
            advice = found.reading.advice.partition(": ")[2] or found.reading.advice
            st.caption(advice[:1].upper() + advice[1:])
            _settings(job)
    _examples(found)
    structured_view(project)
    _log(found)


def _actions(project: Project, found: JobReport) -> None:
    job = found.job
    models = [*tuned_chat_models(settings()), *tuned_embedding_models(settings())]
    tuned = tuned_by(job, models)
    if tuned is not None:
        if isinstance(tuned.spec, ModelSpec):
            _evaluate(project, job, tuned)
        else:
            st.caption("The tuned embedding model is a choice in the tab Retrieval of every configuration.")
    elif job.ended and job.resumable:
        st.button("Resume", key=f"tuning_resume_{job.id}", icon=":material/resume:", on_click=_resume,
                  args=(project, job),
                  help="Goes on from the last checkpoint; nothing is done or paid twice.")  # fmt: skip
    elif job.ended and job.status != "finished":
        st.caption("A job that has ended at the service cannot go on; start another one above.")
    elif job.status == "finished":
        st.caption("Its tuned model is no longer in the workspace.")


def _evaluate(project: Project, job: Job, tuned: TunedModel) -> None:
    """The way from a finished job to an evaluation: one click, with a configuration that asks the tuned model."""
    saved = {item.name: item for item in store().configurations(project)}
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        asked = st.selectbox("Asked as", [_AS_TRAINED, *saved], key=f"tuning_asked_{job.id}", width=280,
                             help="Its prompt and retrieval, without few-shot examples.")  # fmt: skip
        if st.button("Evaluate it", key=f"tuning_evaluate_{job.id}", type="primary", icon=":material/bar_chart:"):
            make = _configurations(project, job, tuned, None if asked == _AS_TRAINED else configuration_from(
                saved[asked].spec))  # fmt: skip
            _to_evaluation(project, make)
        st.button("Compare base and tuned, plain and RAG", key=f"tuning_square_{job.id}", icon=":material/grid_view:",
                  on_click=open_tab, args=(SQUARE,), kwargs={"square_tuned": tuned.name})  # fmt: skip


def _configurations(
    project: Project, job: Job, tuned: TunedModel, like: Configuration | None
) -> Callable[[], list[Configuration]]:
    """What is evaluated: the tuned model, and what it must beat (for `like` that is `like` itself)."""

    def make() -> list[Configuration]:
        if like is None or not isinstance(tuned.spec, ModelSpec):
            data = data_of(project, job)
            examples = data.train.examples if data else ()
            base = [prompting_baseline(tuned, examples)] if examples and tuned.spec.endpoint == BUILTIN else []
            return [*base, as_trained(tuned, examples)]
        changed = with_tuned(without_examples(like), tuned.spec)
        return [like, changed.model_copy(update={"name": f"{like.name} · {tuned.name}"})]

    return make


def _to_evaluation(project: Project, make: Callable[[], list[Configuration]]) -> None:
    try:
        made = make()
        known = {item.name for item in store().configurations(project)}
        for configuration in made:
            if configuration.name not in known or configuration is made[-1]:
                save_configuration(store(), project, configuration)
    except LlmOptError as error:
        show_error(str(error))
        return
    st.session_state["evaluation_view"] = "Run"
    st.session_state["run_configurations"] = [configuration.name for configuration in made]
    notify(f"The configuration {made[-1].name} asks the tuned model; choose the questions and press Evaluate.")
    # Without them Streamlit would try to clear the address, which widgets that stand in it forbid.
    st.switch_page(EVALUATION.file, query_params={})


def data_of(project: Project, job: Job) -> SavedTraining | None:
    """The saved training set that a job learned from, where this project has it."""
    return next((item for item in training_sets(store(), project) if item.version == job.data_version), None)


def _facts(project: Project, found: JobReport) -> None:
    job = found.job
    losses = [p.valid_loss for p in found.points if p.valid_loss is not None]
    data = data_of(project, job)
    facts(
        [
            ("State", status_word(job).capitalize()),
            ("Best validation loss", fmt.number(min(losses)) if losses else fmt.DASH),
            ("Trained tokens", fmt.count(job.trained_tokens) if job.trained_tokens else fmt.DASH),
            ("Time", fmt.duration(job.took)),
            ("Cost", "free" if job.provider == LOCAL else fmt.money(job.cost_usd)),
        ],
        ["", "Mean loss per learned token; lower is better.", "", "", ""],
    )
    said = f"{data.label} ({job.data_version[:8]})" if data else f"{found.data_name} ({job.data_version[:8]})"
    told = [f"Base model {fmt.markdown(job.base_model)}", f"data {fmt.markdown(said)}"]
    told += [f"at the service {fmt.markdown(job.remote_id)}"] if job.remote_id else []
    if job.tuned_model and job.kind == "lora":
        told += [f"adapter `adapters/{job.tuned_model}.gguf` in the workspace"]
    st.caption(" · ".join(told))


def _settings(job: Job) -> None:
    if job.hyperparameters:
        told = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in job.hyperparameters.items())
        st.caption(fmt.markdown(f"Hyperparameters: {told}."))


def _examples(found: JobReport) -> None:
    if not found.worst:
        return
    st.markdown("**Validation examples**", help="Loss per learned token; what it finds hard shows what is missing.")
    for title, pairs in zip(("Worst", "Best"), (found.worst, found.best), strict=True):
        st.caption(f"{title} {len(pairs)}")
        st.dataframe(_example_table(pairs), hide_index=True, alt=f"{title} validation examples",
                     column_config={"Loss": st.column_config.NumberColumn(format="%.3f", width="small"),
                                    "Question": st.column_config.TextColumn(width="medium"),
                                    "Wanted answer": st.column_config.TextColumn(width="large")})  # fmt: skip


def _example_table(pairs: Sequence[tuple[TrainingExample, float]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Loss": [loss for _, loss in pairs],
            "Question": [fmt.shorten(example.question, 300) for example, _ in pairs],
            "Wanted answer": [fmt.shorten(example.answer, 300) for example, _ in pairs],
        }
    )


def _log(found: JobReport) -> None:
    with st.expander(f"Event log ({len(found.events)}), newest first", icon=":material/history:"):
        for event in reversed(found.events[-100:]):
            moment = datetime.fromtimestamp(event.at, UTC).astimezone()
            level = {"warn": "warning: ", "error": "error: "}.get(event.level, "")
            st.text(f"{moment:%d %b, %H:%M:%S}  {level}{event.message}")
        if not found.events:
            st.caption("Nothing yet.")
    if found.checkpoints:
        with st.expander(f"Checkpoints ({len(found.checkpoints)}), newest first", icon=":material/flag:"):
            for point in reversed(found.checkpoints):
                loss = "" if point.valid_loss is None else f", validation loss {fmt.number(point.valid_loss)}"
                st.text(f"Step {point.step}{loss}: {point.model.rsplit('/', 1)[-1]}")
    if found.points:
        rows = [{"step": p.step, "train_loss": p.train_loss, "valid_loss": p.valid_loss, "seconds": p.seconds}
                for p in found.points]  # fmt: skip
        csv = pd.DataFrame(rows).to_csv(index=False)
        downloads([Download("Curves (CSV)", csv, f"{fmt.file_stem(found.job.name)}-curves.csv", "text/csv")],
                  f"tuning_curves_{found.job.id}")  # fmt: skip


def _resume(project: Project, job: Job) -> None:
    try:
        go_on(project, job)
    except LlmOptError as error:
        state().problem = str(error)
