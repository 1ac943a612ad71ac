"""The form of an evaluation: which set, which configurations, which judge, which metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.evaluation.metrics.catalogue import DATA_METRICS, METRICS, RAGAS_METRICS, metric_title
from llmopt_core.experiments.configuration import configuration_from
from llmopt_core.experiments.document_clusters import clusters_of
from llmopt_core.experiments.experiment_file import DEFAULT_DATA_METRICS
from llmopt_core.models.base import BUILTIN
from llmopt_core.reporting.verdict_words import power_words
from llmopt_core.runs.question_splits import part_name, part_of
from llmopt_core.runs.values import Project, SavedConfiguration, SavedSet
from llmopt_core.statistics.clusters import count_clusters
from llmopt_core.types import Example
from llmopt_core.types.parts import CONFIRM, NEVER_SEEN, SEARCH
from llmopt_ui import format as fmt
from llmopt_ui.budget import budget_field
from llmopt_ui.evaluation_sets import set_version
from llmopt_ui.forms.fields import Fields
from llmopt_ui.keys import endpoints
from llmopt_ui.model_choice import USUAL, model_choice
from llmopt_ui.resources import settings, store
from llmopt_ui.runs.start import RUN_CONFIGURATIONS, RUN_SET

if TYPE_CHECKING:
    from llmopt_core.experiments.plan import Plan

START = "run_start"
RUN_METRICS = "run_metrics"
JUDGE, JUDGE_MODEL = "run_judge", "run_judge_model"
CONCURRENCY, BUDGET = "run_concurrency", "run_budget"
_PARTS = {
    SEARCH: "To try and choose on.",
    CONFIRM: "To confirm what was chosen on the search part.",
    NEVER_SEEN: "For the last number: each look at it makes it less unseen, and is marked in later runs.",
}
# What answers and retrieval are judged by at first; further metrics ask for more than most sets have.
_USUAL = (*RAGAS_METRICS, "answer_f1", "hit_rate")


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What the form says when it is sent."""

    set_name: str
    configurations: Sequence[str]
    metrics: Sequence[str]
    judge: str
    judge_model: str
    limit: int | None
    concurrency: int
    budget_usd: float | None


def run_form(
    project: Project, sets: Sequence[SavedSet], configurations_there: Sequence[SavedConfiguration]
) -> RunRequest | None:
    """Draw the form; gives what it says in the moment it is sent."""
    configurations = [item.name for item in configurations_there]
    # No form of Streamlit's: limit and budget are those of the chosen set, and all is kept when another tab is opened.
    with st.container(border=True):
        left, right = st.columns(2, gap="large")
        set_name = _set(left, sets)
        names = left.multiselect(
            "Configurations", configurations, configurations, key=RUN_CONFIGURATIONS, persist_state="session", wrap=True
        )
        with right:
            judge, judge_model = _judge()
        version = next(item.version for item in sets if item.name == set_name)
        metrics = _metrics(set_version(project, set_name, version).examples)
        limit, concurrency, budget = _limits(set_name)
        _power_line(set_version(project, set_name, version).examples[:limit])
        submit = st.button("Evaluate", key=START, type="primary", icon=":material/play_arrow:")
    if not submit:
        return None
    return RunRequest(set_name, names, metrics, judge, judge_model, limit, concurrency, budget)


def _metrics(examples: Sequence[Example]) -> list[str]:
    """Those of data questions only where the set has them: elsewhere none of them could be scored."""
    has_queries = any(example.gold_queries for example in examples)
    offered = [name for name in METRICS if has_queries or name not in DATA_METRICS]
    # A set of the other kind is another field, with what is usual there.
    key, usual = (f"{RUN_METRICS}_data", DEFAULT_DATA_METRICS) if has_queries else (RUN_METRICS, _USUAL)
    return list(
        st.multiselect("Metrics", offered, list(usual), key=key, format_func=metric_title, persist_state="session")
    )


def _set(place: st.delta_generator.DeltaGenerator, sets: Sequence[SavedSet]) -> str:
    sizes = {item.name: item.size for item in sets}

    def label(name: str) -> str:
        return f"{name} ({fmt.plural(sizes[name], 'question')})"

    name = str(place.selectbox("Evaluation set", list(sizes), key=RUN_SET, format_func=label, persist_state="session"))
    part = part_of(name)
    if part is not None:
        place.caption(_PARTS[part[1]])
    elif part_name(name, NEVER_SEEN) in sizes:
        place.caption(
            "This set is split: all of it holds the questions that are never to be seen before the last number."
        )
    return name


def _judge() -> tuple[str, str]:
    others = [name for name in endpoints(settings()) if name != BUILTIN]

    def label(name: str) -> str:
        return "Built-in judge (grounding)" if name == BUILTIN else f"A model on {name}"

    judge = st.selectbox("Judge", [BUILTIN, *others], key=JUDGE, format_func=label, persist_state="session")
    # The field stays without other endpoints, so that the form does not jump when one is added.
    usual = USUAL if others else "Not used by the built-in judge"
    model = model_choice(
        st, judge, "", JUDGE_MODEL, label="Judge's model", placeholder=usual, disabled=not others,
        persist_state="session",
    )  # fmt: skip
    return judge, model


def _limits(set_name: str) -> tuple[int | None, int, float | None]:
    one, two, three = st.columns(3, gap="large")
    fields = Fields("run", set_name)
    limit = fields.at(one).number("Questions at most", "limit", 1, None, None, placeholder="All",
                                  help="Takes the first ones of the set.")  # fmt: skip
    # Four by default: small servers of one's own slow down with more, and services take many more.
    concurrency = two.number_input("At once", 1, 64, 4, key=CONCURRENCY, help="Questions in work at the same time.",
                                   persist_state="session")  # fmt: skip
    help_text = (
        "All configurations together stop cleanly before they cost more, the pilot included. What is done is kept."
    )
    # By set: what a small set may cost says nothing about a large one.
    budget = budget_field(three, f"{BUDGET}_{set_name}", help_text, persist_state="session")
    return (int(limit) if limit else None), int(concurrency), budget


def _power_line(examples: Sequence[Example]) -> None:
    """What so many questions would show."""
    clusters = clusters_of({one.id: {span.document for span in one.references} for one in examples})
    st.caption(fmt.markdown(power_words(len(examples), count_clusters(list(clusters.values())))))


def plan_from(project: Project, request: RunRequest, configurations: Mapping[str, SavedConfiguration]) -> Plan:
    """What is to be run.

    Raises:
        BadInput: Nothing is chosen, or a stored configuration cannot be read.
    """
    from llmopt_core.experiments.plan import Plan

    if not request.configurations or not request.metrics:
        raise BadInput("Choose at least one configuration and one metric.")
    return Plan(
        project=project.name,
        # By the name of the store, since a spec may hold the one it had when it was saved.
        configurations=[
            configuration_from({**configurations[name].spec, "name": name}) for name in request.configurations
        ],
        evaluation_set=store().evaluation_set(project, request.set_name),
        documents=store().documents(project),
        metrics=request.metrics,
        # The built-in judge has rules and no model, so what stands in the model's field is left aside.
        judge=JudgeSpec() if request.judge == BUILTIN else JudgeSpec(endpoint=request.judge, model=request.judge_model),
        concurrency=request.concurrency,
        limit=request.limit,
        budget_usd=request.budget_usd,
    )
