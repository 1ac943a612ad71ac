"""Assertions as tables: for all answers, and for one example."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from llmopt_core.evaluation.assertions.columns import (
    EXAMPLE_COLUMN,
    THRESHOLD_COLUMN,
    assertions_of,
    threshold_of,
    without_assertions,
)
from llmopt_core.evaluation.assertions.spec import ASSERTION_EXPLANATIONS
from llmopt_core.experiments.assertion_rows import EMPTY, TYPES, assertions_from_rows, row_of
from llmopt_core.experiments.comparison_setup import Setup
from llmopt_core.runs.values import Project
from llmopt_core.types import EvaluationSet, Example, fingerprint
from llmopt_ui import format as fmt
from llmopt_ui.components import show_errors
from llmopt_ui.evaluation_sets import newest_set
from llmopt_ui.prompts.state import prompt_state
from llmopt_ui.prompts.table import Row, edit_rows
from llmopt_ui.resources import store
from llmopt_ui.session import notify, report_problem

_DRAFT = "example checks"
_VALUE_HELP = (
    "A text; may use {{ question }}, {{ reference }} and variables. Several texts: a | b. A length: 10-200 words. "
    "A schema: JSON."
)
_COLUMNS: dict[str, Any] = {
    "type": st.column_config.SelectboxColumn("Assertion", options=list(TYPES), width=115),
    "value": st.column_config.TextColumn("Value", help=_VALUE_HELP, width=175),
    "threshold": st.column_config.NumberColumn(
        "Threshold", help="Least similarity, rubric score or metric; most seconds or USD.", width=105
    ),
    "case_sensitive": st.column_config.CheckboxColumn(
        "Case", help="Compare upper and lower case.", default=True, width=70
    ),
    "negate": st.column_config.CheckboxColumn("Not", help="Pass where the condition fails.", default=False, width=65),
    "weight": st.column_config.NumberColumn("Weight", min_value=0.0, default=1.0, width=85),
    # Kept, not shown: imported checks have names of their own.
    "name": None,
}
_TYPES = {"threshold": "Float64", "case_sensitive": "boolean", "negate": "boolean", "weight": "Float64"}


def assertions_table(project: Project, setup: Setup, slot: str) -> Setup:
    """Draw the table of assertions for all answers, and the way to those of single examples."""
    before = [{**EMPTY, **row} for row in setup.check_rows] or [EMPTY]
    rows = edit_rows(f"setup_checks_{slot}", before, _COLUMNS, types=_TYPES)
    # Rows without both are empty ones of the editor.
    rows_to_keep = tuple(row for row in rows if row.get("type") or row.get("value"))
    with show_errors():
        # Read only to say what is wrong with them; the rows themselves are what is kept.
        assertions_from_rows(rows_to_keep)
    with st.container(horizontal=True, gap="small"):
        with st.popover("What each assertion does", icon=":material/help:", type="tertiary"):
            for name in TYPES:
                st.markdown(f"**{fmt.markdown(name)}** :gray[{fmt.markdown(ASSERTION_EXPLANATIONS[name])}]")  # type: ignore[index]
        if setup.source == "set" and setup.set_name:
            with st.popover("Assertions of one example", icon=":material/rule:", type="tertiary"):
                _example_assertions(project, setup.set_name)
    return setup.model_copy(update={"check_rows": rows_to_keep})


def _example_assertions(project: Project, set_name: str) -> None:
    """The assertions an example brings along; saving them makes a new version of the set."""
    question_set = newest_set(project, set_name)
    counts = {example.id: len(assertions_of(example)) for example in question_set.examples}
    texts = {
        e.id: f"{e.id} ({fmt.plural(counts[e.id], 'assertion')}) · {fmt.shorten(e.question, 60)}"
        for e in question_set.examples
    }
    example_id = st.selectbox("Example", list(texts), key=f"example_checks_{set_name}", format_func=texts.__getitem__)
    example = next(one for one in question_set.examples if one.id == example_id)
    st.caption("Asked of this example's answers in addition. Kept with the evaluation set, as a new version of it.")
    form = f"example_checks_{project.id}_{set_name}_{example_id}"
    key = f"example_checks_table_{prompt_state().slot(form)}"
    start_rows = [row_of(assertion) for assertion in assertions_of(example)] or [EMPTY]
    draft = store().draft(project, _DRAFT, _draft_of(question_set, example)) or {}
    rows = edit_rows(key, draft.get("rows", start_rows), _COLUMNS, types=_TYPES)
    # Every drawing would write to the store otherwise.
    if rows != draft.get("rows", start_rows):
        store().save_draft(project, _DRAFT, _draft_of(question_set, example), {"rows": rows})
    st.button("Save the assertions of this example", key=f"example_checks_save_{form}", icon=":material/save:",
              on_click=_save, args=(project, question_set, example, rows, form))  # fmt: skip


def _draft_of(question_set: EvaluationSet, example: Example) -> str:
    """Under which name the typed assertions of an example are kept."""
    return fingerprint([question_set.name, example.id])


def _save(project: Project, question_set: EvaluationSet, example: Example, rows: list[Row], form: str) -> None:
    with report_problem():
        assertions = assertions_from_rows(rows)
        assertion_values = [assertion.model_dump(mode="json", exclude_defaults=True) for assertion in assertions]
        # Imported files keep assertions in several columns; all of them are replaced by one.
        own = without_assertions(example.variables)
        # It belongs to all assertions of the example and has no cell in the table, so it is carried over.
        if (threshold := threshold_of(example)) is not None:
            own[THRESHOLD_COLUMN] = threshold
        example_after = replace(
            example, variables={**own, EXAMPLE_COLUMN: assertion_values} if assertion_values else own
        )
        examples = tuple(example_after if one.id == example.id else one for one in question_set.examples)
        store().save_evaluation_set(project, EvaluationSet(question_set.name, examples))
        store().delete_draft(project, _DRAFT, _draft_of(question_set, example))
        prompt_state().fill(form)
        notify(f"{fmt.plural(len(assertions), 'assertion')} saved with {example.id}.")
