"""The ladder on the Overview page: its picture, the talk's own beside it, and what was decided."""

from __future__ import annotations

import json

import streamlit as st

from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.experiments.margin import project_margin
from llmopt_core.labs.evaluation.ladder.build import build_ladder, ladder_metrics, ladder_runs
from llmopt_core.labs.evaluation.ladder.rung import Ladder, count_states
from llmopt_core.labs.evaluation.ladder.tables import ladder_csv
from llmopt_core.labs.evaluation.ladder.talk import SOURCE, talk_ladder
from llmopt_core.runs.values import Project, Run
from llmopt_ui import format as fmt
from llmopt_ui.chart_view import show_chart
from llmopt_ui.colours import project_inks
from llmopt_ui.components import downloads, side_by_side
from llmopt_ui.overview.ladder_chart import is_cut, waterfall
from llmopt_ui.resources import store
from llmopt_ui.runs.results import version_of

METRIC, TALK, PICTURE = "ladder_metric", "ladder_talk", "ladder_picture"
_PICTURES = ("PNG", "SVG")
_TEXT = {"light": "#1E2530", "dark": "#E4E7ED"}
"""The text of both themes: a picture that is saved takes no colours of the page along."""


def ladder_of(project: Project, runs: list[Run]) -> Ladder:
    """The ladder by the metric that is chosen on the page."""
    metrics = ladder_metrics(ladder_runs(runs))
    chosen = st.session_state.get(METRIC)
    return _ladder(_key(project, runs), project, chosen if chosen in metrics else "")


def _key(project: Project, runs: list[Run]) -> tuple[object, ...]:
    configurations = tuple((item.name, item.fingerprint) for item in store().configurations(project))
    decisions = tuple((one.run_id, one.choice, one.note, one.author) for one in store().decisions(project))
    versions = tuple(version_of(run) for run in ladder_runs(runs))
    return project.id, project_margin(store(), project), versions, configurations, decisions


# What was trained or searched since then is seen after a minute.
@st.cache_resource(max_entries=32, ttl=60, show_spinner="Comparing …")
def _ladder(key: tuple[object, ...], _project: Project, metric: str) -> Ladder:
    return build_ladder(store(), _project, metric)


def ladder_view(project: Project, ladder: Ladder) -> None:
    """The picture of a ladder with at least one rung, with the talk's beside it where that is asked for."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="ladder_choices"):
        if len(ladder.metrics) > 1:
            st.selectbox("Metric", ladder.metrics, key=METRIC, width=220, format_func=metric_title)
        picture = st.segmented_control(
            "Picture for slides", _PICTURES, default=_PICTURES[0], key=PICTURE, required=True,
            help="What the camera above the chart saves.",
        )  # fmt: skip
        is_beside = st.toggle("Beside the talk's ladder", key=TALK)
    inks = project_inks(project, [rung.name for rung in ladder.rungs])
    left, right = side_by_side([1, 1], "ladder") if is_beside else (st.container(), None)
    figure = waterfall(ladder, inks, text_colour=_TEXT.get(str(st.context.theme.type)))
    name = f"ladder-{fmt.file_stem(project.name)}"
    show_chart(figure, "ladder", _alt(ladder), place=left, picture=f"{name}.{(picture or 'PNG').lower()}")
    if right is not None:
        with right:
            talk_view()
    if is_cut(ladder):
        st.caption(
            f"The last of {len(ladder.rungs)} experiments; all of them stand under *Experiments* and in the files."
        )
    if tested := list(dict.fromkeys(section.tested for section in ladder.sections if len(section.rungs) > 1)):
        st.caption(fmt.markdown(" ".join(tested)))
    downloads(
        "ladder_files",
        ("CSV", lambda: ladder_csv(ladder), f"{name}.csv"),
        ("JSON", lambda: json.dumps(ladder.to_dict(), ensure_ascii=False, indent=1), f"{name}.json"),
    )


def talk_view() -> None:
    """The talk's own ladder, marked as an example."""
    title, note = "Example, not this project: the talk's ladder", f"As told in {SOURCE}. No intervals are known."
    figure = waterfall(talk_ladder(), {}, title=title, note=note, percent=True)
    alt = "The ladder of the talk, an example: 45, 65, 85 and 98 %; HyDE and fine-tuned embeddings were dropped"
    show_chart(figure, "ladder_of_talk", alt, plain=True)


def _alt(ladder: Ladder) -> str:
    rungs = [f"{rung.name} {fmt.score(rung.value)} {rung.state}" for rung in ladder.rungs]
    counts = count_states(ladder.rungs)
    return f"Ladder by {metric_title(ladder.metric)}{f', {counts}' if counts else ''}: {'; '.join(rungs)}"
