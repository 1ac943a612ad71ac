"""The tab Pictures: which picture, of which score, over what is compared."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.experiments.imported_runs import judge_of_runs
from llmopt_core.runs.values import Project, Run
from llmopt_ui.button_to import button_to
from llmopt_ui.caveats import caveats_view, judge_caption
from llmopt_ui.components import empty_state
from llmopt_ui.copy_link import copy_link
from llmopt_ui.evaluation.comparison import Selection, choose
from llmopt_ui.evaluation.pictures.categories import categories_view
from llmopt_ui.evaluation.pictures.front import front_view
from llmopt_ui.evaluation.pictures.metrics import FORM, metrics_view
from llmopt_ui.evaluation.pictures.spread import spread_view
from llmopt_ui.evaluation.pictures.trend import trend_view
from llmopt_ui.evaluation.records_view import categories_of
from llmopt_ui.evaluation.run_pins import RUNS, ids_text
from llmopt_ui.evaluation_sets import set_size
from llmopt_ui.navigation import EVALUATION
from llmopt_ui.pickers import address_arguments
from llmopt_ui.runs.results import describe_means, entries, leading_metrics

PICTURE, BY = "picture", "picture_by"
PICTURES = {
    "metrics": "Metrics",
    "cost": "Quality and cost",
    "time": "Quality and time",
    "spread": "Spread",
    "categories": "Categories",
    "trend": "Over time",
}


def pictures_view(project: Project, runs: Sequence[Run]) -> None:
    """The whole tab."""
    there = [run for run in runs if run.done]
    if not there:
        with empty_state("No pictures yet", "Run two configurations; then see here how they compare."):
            button_to(EVALUATION, "Go to Run", "pictures_to_run", "Run")
        return
    selection = choose(project, there, link=False)
    if not selection.runs:
        st.caption("Choose at least one configuration above.")
        return
    if not selection.metrics:
        st.caption("These runs were made without scores: there is nothing to draw.")
        return
    picture, metric = _choose_picture(project, selection)
    comparison = entries(selection.runs, selection.baseline, selection.family, selection.margin)
    caveats_view([entry.caveats for entry in comparison if entry.caveats])
    if picture == "metrics":
        metrics_view(selection, comparison)
    elif picture in ("cost", "time"):
        front_view(selection, comparison, metric, picture)
    elif picture == "spread":
        spread_view(selection, comparison, metric)
    elif picture == "categories":
        categories_view(selection, comparison, metric, categories_of(project, selection))
    else:
        trend_view(selection, there, metric)
    shown = list(selection.runs.values())
    size = set_size(project, selection.set_name, selection.set_version)
    judge_caption(judge_of_runs(shown), selection.ragas, describe_means(shown, size))


def _choose_picture(project: Project, selection: Selection) -> tuple[str, str]:
    bar = st.container(horizontal=True, gap="small", vertical_alignment="bottom")
    picture = str(
        bar.segmented_control(
            "Picture", list(PICTURES), required=True, format_func=PICTURES.__getitem__,
            **address_arguments(PICTURE, list(PICTURES), "metrics"),
        )
    )  # fmt: skip
    metrics = list(selection.metrics)
    metric = leading_metrics(metrics)[0]
    if picture != "metrics":
        metric = str(
            bar.selectbox("Score", metrics, width=220, format_func=metric_title,
                          **address_arguments(BY, metrics, metric))
        )  # fmt: skip
    pins = {RUNS: ids_text(run.id for run in selection.runs.values()), PICTURE: picture, BY: metric,
            FORM: st.query_params.get(FORM, "")}  # fmt: skip
    with bar:
        copy_link(project, "Pictures", {key: value for key, value in pins.items() if value}, "pictures_link",
                  "A link to this picture of these runs.")  # fmt: skip
    return picture, metric
