"""The labelled set that is looked at: questions whose right query is known."""

from __future__ import annotations

import streamlit as st

from llmopt_core.labs.data_questions.golds.job import AuditArguments
from llmopt_core.labs.data_questions.sources import SavedSource
from llmopt_core.runs.values import Project, SavedSet
from llmopt_ui import format as fmt
from llmopt_ui.button_to import button_to
from llmopt_ui.components import empty_state
from llmopt_ui.evaluation_sets import newest_set, set_choices
from llmopt_ui.navigation import EVALUATION
from llmopt_ui.pickers import pick_name

PICKER = "data_set"


def labelled_sets(project: Project) -> list[SavedSet]:
    """Those whose questions have right queries."""
    sets = set_choices(project)
    return [one for one in sets if any(example.gold_queries for example in newest_set(project, one.name).examples)]


def set_field(project: Project) -> SavedSet | None:
    """Choose one; None where there is none yet."""
    sets = labelled_sets(project)
    if not sets:
        with empty_state(
            "No questions with right queries yet",
            "Add a question file with the columns question and sql (and database where there are several).",
            ":material/quiz:",
        ):
            button_to(EVALUATION, "Add questions", "data_to_questions", "Questions")
        return None
    # Solved queries are for prompts: asked about themselves they would be answered by themselves.
    names = sorted((one.name for one in sets), key=lambda name: "solved" in name.lower())
    sizes = {one.name: one for one in sets}
    name = pick_name(
        PICKER, names, "Labelled set", width=340,
        format_func=lambda one: f"{one} ({fmt.plural(sizes[one].size, 'question')})" if one in sizes else one,
    )  # fmt: skip
    return sizes[name]


def audit_arguments(source: SavedSource, questions: SavedSet) -> AuditArguments:
    """What an audit of this set on this source is asked for by."""
    return AuditArguments(evaluation_set=questions.name, set_version=questions.version, source=source.source)


def needs_sample_note(source: SavedSource, questions: SavedSet) -> None:
    """Nothing proves that a set belongs to a source but its queries, which the runs and the audit try."""
    st.caption(fmt.markdown(f"Asked on {source.name}: {source.source}. Set {questions.name}, as it stands now."))
