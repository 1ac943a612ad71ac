"""What a tuned embedding model brought and cost: picture, verdict, figures, and one click to use it."""

from __future__ import annotations

import streamlit as st

from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.provenance import DOCUMENTS, QUESTIONS, list_changes, models_basis
from llmopt_core.finetuning.jobs.job import FineTunedModel, Job
from llmopt_core.labs.finetuning.catalogue import list_embedding_models, model_of_job
from llmopt_core.labs.finetuning.embedder import EmbedderPlan, retrieval_of, with_embedder
from llmopt_core.labs.finetuning.embedder_gain import (
    GAIN,
    MEASURES,
    EmbedderGain,
    GainArguments,
    gain_from,
    gain_job,
)
from llmopt_core.labs.finetuning.jobs import report
from llmopt_core.reporting.glossary import explain_terms
from llmopt_core.reporting.verdict_words import unit_of
from llmopt_core.runs.values import Job as Measuring
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.caveats import documents_now, mark_earlier_state
from llmopt_ui.chart_view import show_chart
from llmopt_ui.components import facts, link_to, show_error, side_by_side
from llmopt_ui.finetuning.colours import own_ink
from llmopt_ui.finetuning.embedder_charts import gain_bars
from llmopt_ui.finetuning.loss_charts import loss_curves
from llmopt_ui.finetuning.start import access
from llmopt_ui.finetuning.tabs import JOBS, open_tab
from llmopt_ui.job_panel import follow_job
from llmopt_ui.navigation import EVALUATION
from llmopt_ui.resources import models, settings, start_job, store
from llmopt_ui.retrieval_configurations import save_as_new
from llmopt_ui.session import notify
from llmopt_ui.tables import show_table
from llmopt_ui.theme import verdict

_VERDICTS = {
    "better": "It finds more than before.",
    "worse": "It finds less than before; drop it.",
    "equivalent": "It finds as much as before; it is not worth its cost here.",
    "cannot tell": "Nobody can tell yet; until then it is not worth its cost here.",
}
_HELD_BACK = {
    "documents": "Nothing of these documents was trained on.",
    "passages": "Other passages of these documents were trained on, the ones asked about were not.",
}


def outcome_view(project: Project, job: Job, plan: EmbedderPlan) -> None:
    """What came of one training."""
    tuned_model = model_of_job(job, list_embedding_models(settings()))
    if tuned_model is None:
        _no_model_note(job)
        return
    measuring = gain_job(store(), project, job.id)
    if measuring is None:
        _measure(project, job, plan, tuned_model)
        # The one that was just started: a training that ended while nobody looked is measured at the first look.
        measuring = gain_job(store(), project, job.id)
    gain = gain_from(measuring) if measuring is not None else None
    if gain is not None and measuring is not None:
        _earlier(project, job, plan, tuned_model, measuring)
        _show_gain(project, job, plan, tuned_model, gain)
    elif measuring is not None and measuring.active:
        follow_job(measuring)
    else:
        if measuring is not None and measuring.error:
            show_error(measuring.error)
        st.button("Measure again", key=f"embedder_again_{job.id}", icon=":material/refresh:", on_click=_measure,
                  args=(project, job, plan, tuned_model))  # fmt: skip


def _no_model_note(job: Job) -> None:
    if job.status == "finished":
        st.caption("Its fine-tuned model is no longer in the workspace.")
        return
    if job.message:
        st.text(job.message)
    st.button("See it among the jobs", key=f"embedder_to_job_{job.id}", icon=":material/arrow_forward:",
              on_click=open_tab, args=(JOBS,), kwargs={"tuning_job": job.id})  # fmt: skip


def _measure(project: Project, job: Job, plan: EmbedderPlan, tuned_model: FineTunedModel) -> None:
    basis = _basis(project, plan)
    arguments = GainArguments(job=job.id, name=tuned_model.name, set=plan.held_back_set, basis=basis, plan=plan)
    start_job(GAIN.name, project, arguments, basis)


def _basis(project: Project, plan: EmbedderPlan) -> dict[str, str]:
    """What a measurement rests on now."""
    versions = {item.name: item.version for item in store().evaluation_sets(project, parts=True)}
    held_back = {QUESTIONS: versions.get(plan.held_back_set, ""), DOCUMENTS: documents_now(project)}
    return {**held_back, **models_basis(plan.configuration, models())}


def _earlier(project: Project, job: Job, plan: EmbedderPlan, tuned_model: FineTunedModel, measuring: Measuring) -> None:
    """Mark a measurement of an earlier state, with a button that makes it anew."""
    # Measurements of earlier versions kept no basis.
    then, now = measuring.arguments.get("basis"), _basis(project, plan)
    if isinstance(then, dict) and not list_changes(then, now):
        return
    mark_earlier_state(then if isinstance(then, dict) else None, now, "Measure again to see what holds now.")
    st.button("Measure again", key=f"embedder_again_{job.id}", icon=":material/refresh:", on_click=_measure,
              args=(project, job, plan, tuned_model))  # fmt: skip


def _show_gain(project: Project, job: Job, plan: EmbedderPlan, tuned_model: FineTunedModel, gain: EmbedderGain) -> None:
    # Folders and hub names: the last part is what people call the model.
    before = retrieval_of(plan.configuration).embedding.model.rsplit("/", 1)[-1]
    left, right = side_by_side([3, 2], f"embedder_{job.id}")
    own = own_ink(project, job)
    figure = gain_bars(gain, before, tuned_model.name, own[job.name])
    show_chart(figure, f"embedder_gain_{job.id}", "Recall and MRR before and after with 95 % intervals", place=left)
    with right:
        _verdict(plan, gain)
        _use_button(project, plan, with_embedder(plan.configuration, tuned_model))
    _table(gain)
    section_cost(plan, gain)
    points = report(access(), job.id).points
    if points:
        with st.expander("Loss while it trained", icon=":material/show_chart:"):
            figure = loss_curves({job.name: points}, own, kind=job.kind)
            show_chart(figure, f"embedder_loss_{job.id}", "Training and validation loss by step")


def _verdict(plan: EmbedderPlan, result: EmbedderGain) -> None:
    # The first measure decides; the others stand in the table.
    leading = next(iter(MEASURES))
    gain, style = result.gains[leading], verdict(result.gains[leading].verdict)
    st.space("small")
    st.markdown(f"### {style.markdown}")
    st.markdown(
        f"**{leading}** {fmt.score(result.before[leading].mean)} → **{fmt.score(result.after[leading].mean)}**: "
        f"{fmt.change(gain.difference, gain.low, gain.high)}. {_VERDICTS[gain.verdict]}"
    )
    st.caption(
        f"{fmt.plural(result.questions, 'held-back question')} about {fmt.plural(result.documents, 'document')}, "
        f"paired, among {fmt.plural(result.chunks, 'chunk')} of all documents; tested on {unit_of([gain])}. "
        f"{_HELD_BACK[plan.whole]}"
    )


def _use_button(project: Project, plan: EmbedderPlan, configuration: Configuration) -> None:
    # By fingerprint: the same under another name is there already.
    there = next(
        (item for item in store().configurations(project) if item.fingerprint == configuration.fingerprint), None
    )
    if there is None:
        st.button("Save as configuration", key="embedder_save", type="primary",
                  icon=":material/save:", on_click=_save, args=(project, configuration, plan.configuration),
                  help="The configuration it was made for with this embedding model, all else equal.")  # fmt: skip
        st.caption(f"It gets the name **{fmt.markdown(configuration.name)}**.")
    else:
        st.markdown(f":green[:material/check:] Saved as **{fmt.markdown(there.name)}**.")
        link_to(EVALUATION, "Run it on the page Evaluation", "Run")
    st.caption(
        f"Evaluate it on the set **{fmt.markdown(plan.held_back_set)}**: of the others it has learned questions, which "
        "would measure its memory."
    )


def _save(project: Project, configuration: Configuration, parent: Configuration) -> None:
    notify(f"{save_as_new(project, configuration, parent=parent)} saved as a configuration.")


def _table(result: EmbedderGain) -> None:
    rows = [
        {
            "": f"**{name}**",
            "Before": _mean(result.before[name].mean, result.before[name].low, result.before[name].high),
            "After": _mean(result.after[name].mean, result.after[name].low, result.after[name].high),
            "Difference": fmt.change(gain.difference, gain.low, gain.high),
            "p": fmt.number(gain.p_value),
            "Verdict": verdict(gain.verdict).markdown,
        }
        for name, gain in result.gains.items()
    ]
    show_table(rows, "Before and after", "embedder")
    st.caption(
        f"Means with 95 % intervals. {explain_terms('p')}", help=explain_terms("recall", "mrr", "ndcg", "together")
    )


def _mean(mean: float | None, low: float | None, high: float | None) -> str:
    return f"**{fmt.score(mean)}** :gray[{fmt.interval(low, high)}]"


def section_cost(plan: EmbedderPlan, gain: EmbedderGain) -> None:
    """What it takes to have it, beside what it brings."""
    st.markdown("**What it costs**")
    timed = "" if gain.embedded == gain.index_chunks else f", {gain.embedded:,} of which were timed here"
    index_note = (
        f"Embedding {fmt.plural(gain.index_chunks, 'chunk')} anew{timed}; every index has to be built again with this "
        "model."
    )
    facts(
        ("Training", fmt.duration(gain.train_seconds), "On this machine."),
        ("Pairs learned", fmt.count(plan.pairs), "Questions with the chunk that answers them."),
        ("Size on disk", f"{gain.megabytes:.0f} MB", "The fine-tuned model."),
        ("New index", fmt.DASH if gain.index_seconds is None else fmt.short_time(gain.index_seconds), index_note),
    )
    st.caption(
        "A question costs the same as before. But the model has to be trained again when documents or questions change "
        "much, and every index is built anew: where the gain is small, drop it."
    )
