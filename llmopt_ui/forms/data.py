"""Widgets <-> how a database is asked. What the form does not show stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from llmopt_core.answering.tools.sql.spec import DataSpec, SolvedQuery
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.labs.data_questions.sources import saved_sources
from llmopt_core.labs.data_questions.strategies import solved_queries
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.evaluation_sets import newest_set, set_choices
from llmopt_ui.forms.fields import Fields
from llmopt_ui.resources import store

METHODS: Mapping[str, str] = {
    "plain": "The schema alone",
    "few-shot-question": "Solved queries of similar questions",
    "few-shot-masked": "Solved queries of questions alike but for schema words",
    "few-shot-skeleton": "Solved queries shaped like a first draft",
}
TOOLS: Mapping[str, str] = {"sql": "SQL (asks the data source)", "calculator": "Calculator"}
_AS_SAVED = "As saved"


def data_fields(project: Project, before: Configuration, token: str) -> dict[str, Any]:
    """The data source and the tools of a configuration; nothing of what is not used, so that fingerprints stay."""
    fields = Fields("edit_data", token)
    saved = {one.source: one for one in saved_sources(store(), project)}
    options = {"": "No data source", **{text: f"{one.name} ({text})" for text, one in saved.items()}}
    if before.data is not None:
        options.setdefault(before.data.source, before.data.source)
    source = fields.choice(
        "Data source", "source", options, before.data.source if before.data is not None else "",
        help="Those of the page Data questions.",
    )  # fmt: skip
    offered = [name for name in TOOLS if name != "sql" or source]
    tools = st.multiselect(
        "Tools that the model may call", offered, [name for name in before.tools if name in offered],
        key=f"edit_tools_{token}_{bool(source)}", format_func=lambda name: TOOLS.get(name, name),
        persist_state="session", placeholder="No tools",
    )  # fmt: skip
    values: dict[str, Any] = {"tools": tuple(tools)} if tools else {}
    if not source:
        return values
    spec = before.data
    if spec is None:
        descriptions = saved[source].descriptions if source in saved else {}
        spec = DataSpec(source=source, descriptions=dict(descriptions))
    if "sql" in tools:
        st.caption("The model calls the tool itself; the options below count where it does not.")
    return {**values, "data": {**strategy_fields(project, spec, fields), "source": source}}


def strategy_fields(project: Project, before: DataSpec, fields: Fields) -> dict[str, Any]:
    """How a model is made to write queries; everything of a `DataSpec` but its source."""
    left, middle, right = fields.place.columns(3, gap="medium")
    method = fields.at(left).choice(
        "Shown with the question", "method", METHODS, before.method,
        help="The last one lets the model draft a query first, and finds solved queries of the same shape (a "
        "hypothetical query).",
    )  # fmt: skip
    examples = before.examples
    if method != "plain":
        examples = _solved_field(project, fields.at(middle), before)
    repair = fields.at(right).number(
        "Repairs at most", "repair", 0, 10, before.repair, 1, help="How often an error of the database goes back to "
        "the model. Measure it: published repairs have harmed as well as mended.",
    )  # fmt: skip
    samples = fields.at(left).number(
        "Drafts that vote", "samples", 1, 50, before.samples, 1, help="With more than one, the most frequent result "
        "is taken. Drafting ends as soon as no other result can win.",
    )  # fmt: skip
    tables = fields.at(middle).number(
        "Tables shown at most", "tables", 1, 1000, before.tables, 1, help="Of a larger schema, those that the "
        "question needs are looked for.",
    )  # fmt: skip
    values = fields.at(right).number("Sample values per column", "values", 0, 20, before.sample_values, 1)
    shots, is_alike = before.shots, before.same_difficulty
    if method != "plain":
        shots = fields.at(left).number("Solved queries shown", "shots", 1, 50, before.shots, 1)
        is_alike = fields.at(middle).toggle(
            "Only as difficult as the draft", "difficulty", before.same_difficulty,
            help="By Spider's rules, from the model's own draft.",
        )  # fmt: skip
    reasoning = fields.at(right).toggle(
        "Columns and tables first", "reasoning", before.reasoning, help="The model names them before the query "
        "(chain of thought).",
    )  # fmt: skip
    empty = fields.at(left).toggle("An empty result is repaired too", "empty", before.repair_empty, disabled=not repair)
    return {
        **before.model_dump(mode="json"), "method": method, "examples": examples, "shots": shots,
        "same_difficulty": is_alike, "reasoning": reasoning, "repair": repair, "repair_empty": empty,
        "samples": samples, "tables": tables, "sample_values": values,
    }  # fmt: skip


def _solved_sets(project: Project) -> list[str]:
    names = [item.name for item in set_choices(project)]
    return [name for name in names if any(one.gold_queries for one in newest_set(project, name).examples)]


def _solved_field(project: Project, fields: Fields, before: DataSpec) -> tuple[SolvedQuery, ...]:
    options = {name: name for name in _solved_sets(project)}
    if before.examples:
        options = {_AS_SAVED: f"{_AS_SAVED} ({fmt.plural(len(before.examples), 'query', 'queries')})", **options}
    if not options:
        fields.place.caption(
            "No evaluation set of this project has right queries; add one with a column `sql` to show solved queries."
        )
        return ()
    usual = next((name for name in options if "solved" in name.lower()), next(iter(options)))
    name = fields.choice("Solved queries from", "solved", options, _AS_SAVED if before.examples else usual)
    return before.examples if name == _AS_SAVED else solved_queries(newest_set(project, name).examples)
