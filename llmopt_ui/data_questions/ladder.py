"""The ladder of strategies over a labelled set: run them, read each against its parent, keep or drop it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from llmopt_core.answering.tools.sql.spec import SolvedQuery
from llmopt_core.errors import BadInput
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.evaluation.metrics.catalogue import DATA_METRICS
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.plan import Plan, asks_service
from llmopt_core.labs.data_questions.accuracy import EXECUTION
from llmopt_core.labs.data_questions.sources import SavedSource
from llmopt_core.labs.data_questions.strategies import STRATEGIES, rungs, solved_queries
from llmopt_core.runs.values import Project, Run, SavedSet
from llmopt_ui.budget import budget_field
from llmopt_ui.button_to import button_to
from llmopt_ui.components import section
from llmopt_ui.data_questions.asker import asker_fields
from llmopt_ui.data_questions.ladder_results import ladder_results
from llmopt_ui.data_questions.question_sets import labelled_sets, needs_sample_note, set_field
from llmopt_ui.evaluation_sets import newest_set, set_version
from llmopt_ui.forms.fields import Fields
from llmopt_ui.navigation import EVALUATION
from llmopt_ui.resources import store
from llmopt_ui.runs.progress import follow_evaluations
from llmopt_ui.runs.start import check_start, start_evaluation, start_pilot
from llmopt_ui.session import notify, state

CHOSEN, SOLVED, LIMIT, START, BUDGET = (
    "rungs_chosen", "rungs_solved", "rungs_limit", "rungs_start", "rungs_budget",
)  # fmt: skip
_NOBODY = "None"


def ladder_tab(project: Project, source: SavedSource) -> None:
    """Choose a set and strategies, run them, read the ladder."""
    questions = set_field(project)
    if questions is None:
        return
    needs_sample_note(source, questions)
    is_running = follow_evaluations(project)
    runs = ladder_runs_of(project, questions)
    with st.expander("Run strategies", expanded=not runs, icon=":material/play_arrow:"):
        _form(project, source, questions, is_running=is_running)
    if not runs:
        st.caption("No strategy was run on this set yet.")
        return
    section("Ladder of strategies", "Each against the last one before it that was kept, on the same questions.")
    ladder_results(project, source, questions, runs)


def ladder_runs_of(project: Project, questions: SavedSet) -> list[Run]:
    """The runs on this state of the set that were measured by execution accuracy."""
    return [
        run
        for run in store().runs(project)
        if run.evaluation_set == questions.name and run.set_version == questions.version
        and EXECUTION in run.metrics and run.done and not run.comparison
    ]  # fmt: skip


def _form(project: Project, source: SavedSource, questions: SavedSet, *, is_running: bool) -> None:
    model = asker_fields(Fields("rungs", str(project.id)))
    words = {one.name: f"{one.name}: {one.why}" for one in STRATEGIES}
    left, right = st.columns([3, 2], gap="medium")
    names = left.multiselect(
        "Strategies", list(words), [one.name for one in STRATEGIES if one.name in ("plain", "repair")], key=CHOSEN,
        persist_state="session", wrap=True, format_func=lambda name: words.get(name, name),
    )  # fmt: skip
    sets = [one.name for one in labelled_sets(project) if one.name != questions.name]
    options = [*sorted(sets, key=lambda name: "solved" not in name.lower()), _NOBODY]
    solved_set = right.selectbox(
        "Solved queries from", options, key=f"{SOLVED}_{project.id}_{questions.name}", persist_state="session",
        help="Questions that are asked too are left out.",
    )  # fmt: skip
    solved: tuple[SolvedQuery, ...] = ()
    if solved_set != _NOBODY:
        asked = {one.question for one in set_version(project, questions.name, questions.version).examples}
        solved = solved_queries(one for one in newest_set(project, solved_set).examples if one.question not in asked)
    if not solved and any(one.needs_examples for one in STRATEGIES if one.name in names):
        st.caption("Without solved queries the few-shot strategies are left out.")
    one, two = st.columns(2, gap="medium")
    limit = one.number_input("Questions at most", 1, None, None, placeholder="All", key=LIMIT, persist_state="session")
    budget = budget_field(two, BUDGET, persist_state="session")
    if st.button("Run them", key=START, type="primary", icon=":material/play_arrow:", disabled=is_running):
        base = Configuration.model_validate(
            {"name": "base", "model": model, "data": {"source": source.source, "descriptions": source.descriptions}}
        )
        _start(project, _plan(project, questions, rungs(base, names, solved), limit, budget))
    if state().pilot_job and store().job(state().pilot_job).project == project.name:
        button_to(EVALUATION, "See what it will take, and start it", "data_to_estimate", "Run")


def _plan(
    project: Project, questions: SavedSet, configurations: Sequence[Configuration], limit: int | None,
    budget: float | None,
) -> Plan:  # fmt: skip
    if not configurations:
        raise BadInput("Choose at least one strategy that can be run.")
    return Plan(
        project=project.name, configurations=configurations,
        evaluation_set=store().evaluation_set(project, questions.name), documents=(), metrics=DATA_METRICS,
        judge=JudgeSpec(), limit=int(limit) if limit else None, budget_usd=budget,
    )  # fmt: skip


def _start(project: Project, plan: Plan) -> None:
    check_start(plan)
    if asks_service(plan):
        # What is paid is told first, where evaluations are started.
        start_pilot(project, plan)
        notify("A pilot finds out what it will take.")
    else:
        start_evaluation(project, plan)
    st.rerun()
