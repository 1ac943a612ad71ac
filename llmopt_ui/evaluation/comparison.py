"""What is compared on the Evaluation page: one evaluation set, one judge, some configurations, a baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.metrics.catalogue import METRICS, RAGAS_METRICS
from llmopt_core.experiments.current_runs import current_runs, family_runs
from llmopt_core.experiments.margin import project_margin, save_margin
from llmopt_core.experiments.pinned_runs import family_with_pins
from llmopt_core.experiments.run_scores import baseline_position
from llmopt_core.runs.values import Project, Run
from llmopt_core.statistics.verdict import MARGIN
from llmopt_ui.colours import project_inks
from llmopt_ui.copy_link import copy_link
from llmopt_ui.evaluation.run_pins import RUNS, ids_text, pin, runs_in_address, unpin
from llmopt_ui.evaluation_sets import set_version
from llmopt_ui.project_switch import drop_from_address
from llmopt_ui.resources import store
from llmopt_ui.runs.results import leading_metrics
from llmopt_ui.session import state
from llmopt_ui.theme import Ink

SET, JUDGE, CONFIGURATIONS, BASELINE = "set", "judge", "compared", "baseline"
SHOW_ALL = "compare_all"
EXAMPLE, ONE, METRIC, ORDER = "example", "record_of", "metric", "order"
MARGIN_FIELD = "margin"
_SHOWN_AT_FIRST = 6
"""Bars of more configurations are too thin to carry their figures; more are a click away."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is compared.

    Attributes:
        runs: By the name they are shown under.
        metrics: All that were measured, in the order of the catalogue.
        family: The runs whose comparisons with the baseline are tested together, shown or not.
        margin: The least difference that matters.
    """

    set_name: str
    set_version: str
    judge: str
    runs: dict[str, Run]
    baseline: str
    metrics: tuple[str, ...]
    inks: dict[str, Ink]
    family: dict[str, Run]
    margin: float = MARGIN

    @property
    def ragas(self) -> tuple[str, ...]:
        """The Ragas metrics among those measured."""
        return tuple(metric for metric in RAGAS_METRICS if metric in self.metrics)

    @property
    def leading(self) -> tuple[str, ...]:
        """The columns of the leaderboard."""
        return leading_metrics(self.metrics)


def choose(project: Project, runs: Sequence[Run], *, link: bool = True) -> Selection:
    """The row of selectors; what they hold is also in the address.

    Args:
        project: Whose runs they are.
        runs: At least one, newest first.
        link: Whether a button copies a link to the results; tabs with an address of their own have their own.
    """
    pins = runs_in_address(runs)
    if pins.runs:
        return _from_address(project, runs, dict(pins.runs), link=link)
    runs = order_evaluations_first(runs)
    bar = st.container(horizontal=True, gap="small", vertical_alignment="bottom")
    # Taken once: later drawings keep what the user chooses.
    anew, state().refills_choices = state().refills_choices, False
    set_name, set_version, judge = choose_set(bar, runs, anew=anew)
    on_set = [run for run in runs if (run.evaluation_set, run.set_version) == (set_name, set_version)]
    configurations = store().configurations(project)
    order = [item.name for item in configurations]
    # In the order of the configurations, so that colours and rows stay in place when one is run again.
    current = current_runs(on_set, set_name, set_version, judge, order=order)
    names = st.session_state.get(CONFIGURATIONS)
    if anew or (names and not set(names) & set(current)):
        # What was chosen for other questions is not here; nothing chosen at all is a choice. Without being told what to
        # show instead the browser would go on with what it showed before.
        st.session_state[CONFIGURATIONS] = _default_names(list(current))
    picks = bar.multiselect(
        "Configurations",
        list(current),
        _default_names(list(current)),
        key=CONFIGURATIONS,
        bind="query-params",
        width=420,
        wrap=True,
    )
    if len(picks) < len(current):
        # Nobody notices what is not there.
        bar.button(f"Show all {len(current)}", key=SHOW_ALL, icon=":material/select_all:", type="tertiary",
                   on_click=_choose, args=(list(current),))  # fmt: skip
    # In that order, too, whatever order they were picked in.
    selection = {name: run for name, run in current.items() if name in picks}
    baseline = _baseline(bar, list(selection), anew=anew) if selection else ""
    family = family_runs(on_set, configurations, set_name, set_version, judge)
    margin = margin_field(bar, project) if selection else MARGIN
    # Of all runs of the set: taking one out of the picture changes nobody's colour.
    inks = project_inks(project, current)
    if link:
        _copy_link(bar, project, selection)
    return Selection(set_name, set_version, judge, selection, baseline, _metrics(selection), inks, family, margin)


def choose_set(
    bar: st.delta_generator.DeltaGenerator, runs: Sequence[Run], *, anew: bool = False
) -> tuple[str, str, str]:
    """Pickers of an evaluation set and, where it has several, of a judge. Gives name, version and judge.

    Args:
        bar: Where they stand.
        runs: Those to choose among, newest first; at least one.
        anew: Whether another set is shown than before.
    """
    # Several versions of a set are several choices, as scores over other questions cannot be compared.
    labels = set_labels(runs)
    reset_missing(SET, labels)
    set_name, set_version = labels[
        bar.selectbox(
            "Evaluation set", list(labels), key=SET, bind="query-params", width=200, on_change=_forget_choices
        )
    ]
    # Newest first, without a `set`, which would forget the order.
    judges = list(dict.fromkeys(run.judge for run in runs if set_of(run) == (set_name, set_version)))
    judge = judges[0]
    if len(judges) > 1:
        help_text = "Scores of different judges are never compared."
        if anew:
            st.session_state.setdefault(JUDGE, judge)
        reset_missing(JUDGE, judges)
        judge = bar.selectbox("Judge", judges, key=JUDGE, bind="query-params", width=200, help=help_text)
    return set_name, set_version, judge


def margin_field(bar: st.delta_generator.DeltaGenerator, project: Project) -> float:
    """The least difference that matters; in the address, too. What is set here is kept for the project."""
    return float(
        bar.number_input(
            "Margin", 0.001, 1.0, project_margin(store(), project), 0.01, format="%.3g", key=MARGIN_FIELD,
            bind="query-params", width=110, on_change=_keep_margin, args=(project,),
            help="The least difference that matters: a pair whose difference surely lies within it is equivalent. It "
            "is kept for the project: the ladder, reports and files take it, too. Of values that are not between 0 "
            "and 1 it is a share of the baseline's mean.",
        )
    )  # fmt: skip


def _keep_margin(project: Project) -> None:
    save_margin(store(), project, float(st.session_state[MARGIN_FIELD]))


def _from_address(project: Project, runs: Sequence[Run], selection: dict[str, Run], *, link: bool) -> Selection:
    """The runs that the address names, with a baseline to choose among them."""
    first = next(iter(selection.values()))
    where = (first.evaluation_set, first.set_version, first.judge)
    bar = st.container(horizontal=True, gap="small", vertical_alignment="bottom")
    baseline = _baseline(bar, list(selection))
    margin = margin_field(bar, project)
    if link:
        _copy_link(bar, project, selection)
    family = family_with_pins(family_runs(runs, store().configurations(project), *where), selection)
    return Selection(*where, selection, baseline, _metrics(selection), project_inks(project, selection), family, margin)


def _copy_link(bar: st.delta_generator.DeltaGenerator, project: Project, selection: Mapping[str, Run]) -> None:
    """A link to these very runs and to the question that is open."""
    if not selection:
        return
    choices = {name: st.session_state.get(name) for name in (BASELINE, METRIC, ORDER, MARGIN_FIELD)}
    question_address = {name: st.query_params.get(name) for name in (EXAMPLE, ONE)}
    more = {name: str(value) for name, value in {**choices, **question_address}.items() if value}
    pins = {RUNS: ids_text(run.id for run in selection.values()), **more}
    with bar:
        copy_link(project, "Results", pins, "results_link",
                  "A link to these runs. It shows the same when others have been run since.")  # fmt: skip


def _metrics(runs: Mapping[str, Run]) -> tuple[str, ...]:
    """All that were measured, in the order of the catalogue; those of other tools behind, in the order of theirs."""
    own = [metric for metric in METRICS if any(metric in run.metrics for run in runs.values())]
    return tuple(dict.fromkeys([*own, *(metric for run in runs.values() if run.imported for metric in run.metrics)]))


def _choose(names: list[str]) -> None:
    st.session_state[CONFIGURATIONS] = names


def _default_names(names: Sequence[str]) -> list[str]:
    """The baseline, and the last of the others."""
    if not names:
        return []
    baseline = names[baseline_position(names)]
    # Counted from the end: the last ones are the newest.
    rest = [name for name in names if name != baseline][1 - _SHOWN_AT_FIRST :]
    return [name for name in names if name in {baseline, *rest}]


def show_run(run: Run, runs: Sequence[Run]) -> None:
    """Let the selectors stand so that this run is among what is shown. Called before they are drawn.

    Where another run of its configuration counts by now, this one is shown alone.
    """
    unpin()
    runs = order_evaluations_first(runs)
    label = next((name for name, place in set_labels(runs).items() if place == set_of(run)), None)
    if label is None:
        return
    if (st.session_state.get(SET, label), st.session_state.get(JUDGE, run.judge)) != (label, run.judge):
        _forget_choices()
    st.session_state[SET] = label
    judges = {other.judge for other in runs if set_of(other) == set_of(run)}
    if len(judges) > 1:
        st.session_state[JUDGE] = run.judge
    latest = current_runs(runs, *set_of(run), run.judge)
    first = [latest[name].id for name in _default_names(list(latest))]
    names = st.session_state.get(CONFIGURATIONS)
    if run.id in ([latest[name].id for name in names if name in latest] if names else first):
        return
    _forget_choices()
    # The usual choice does not show it, so it is named in the address: beside the others if it counts, else alone.
    if run.id not in first:
        current = run.id in {other.id for other in latest.values()}
        pin([*first, run.id] if current else [run.id])


def order_evaluations_first(runs: Sequence[Run]) -> list[Run]:
    """Evaluations, then comparisons of prompts, which count only on questions that nothing else was run on.

    A quick comparison would else take the place of the evaluation before it.
    """
    whole = [run for run in runs if not run.comparison]
    sets_of_evaluations = {set_of(run) for run in whole}
    return [*whole, *(run for run in runs if run.comparison and set_of(run) not in sets_of_evaluations)]


def set_of(run: Run) -> tuple[str, str]:
    """The set of a run, as `set_labels` tells sets apart."""
    return run.evaluation_set, run.set_version


def _forget_choices() -> None:
    """Another set has other runs: what was chosen among those of the last one is forgotten."""
    # Metric and order stay: they mean the same for all sets.
    names = (JUDGE, CONFIGURATIONS, BASELINE, EXAMPLE, ONE)
    for name in names:
        st.session_state.pop(name, None)
    drop_from_address(names.__contains__)
    state().refills_choices = True


def reset_missing(key: str, options: Sequence[str] | Mapping[str, object], first: int = 0) -> None:
    """Let a selector fall back to its first option (or another) where what it shows is gone."""
    # None is the state before the first drawing, where the selector has its default.
    if st.session_state.get(key) not in (None, *options):
        st.session_state[key] = list(options)[first]


def _baseline(bar: st.delta_generator.DeltaGenerator, names: list[str], *, anew: bool = False) -> str:
    help_text = "The others are compared with it, question by question."
    first = baseline_position(names)
    if anew:
        st.session_state[BASELINE] = names[first]
    reset_missing(BASELINE, names, first)
    return str(bar.selectbox("Baseline", names, first, key=BASELINE, bind="query-params", width=180, help=help_text))


def set_labels(runs: Sequence[Run]) -> dict[str, tuple[str, str]]:
    """Label -> name and version of each set with runs, newest first; the version shows where a name has several."""
    sets = list(dict.fromkeys((run.evaluation_set, run.set_version) for run in runs))
    names = [name for name, _ in sets]
    # Six signs of a hash are enough for the versions of one set.
    return {f"{name} ({version[:6]})" if names.count(name) > 1 else name: (name, version) for name, version in sets}


def questions_of(project: Project, selection: Selection) -> Mapping[str, str]:
    """Example id -> question, in the order of the set; from the records where the set is gone."""
    try:
        question_set = set_version(project, selection.set_name, selection.set_version)
        return {example.id: example.question for example in question_set.examples}
    # Deleted; the records of the runs still hold their questions, those of one run suffice.
    except BadInput:
        first = next(iter(selection.runs.values()))
        return {record.example.id: record.example.question for record in store().records(first.id)}
