"""The prompt's fields: templates, few-shot examples, extraction."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from llmopt_core.errors import LlmOptError
from llmopt_core.prompts.spec import FewShotSpec, PromptSpec
from llmopt_core.prompts.template import variables_in
from llmopt_ui.components import show_error
from llmopt_ui.forms.fields import Fields
from llmopt_ui.tables import table_editor

_SELECT = {
    "all": "All of them",
    "first": "The first k",
    "random": "k at random",
    "nearest": "The k nearest to the question",
    "diverse": "k near the question and unlike each other",
}
# What the program fills in itself; all other variables must be columns of the question file.
_OWN = {"question", "context", "documents"}


def prompt_fields(before: PromptSpec, token: str) -> dict[str, Any]:
    """Edit a prompt; a chain's steps stay as they are."""
    fields = Fields("edit", token)
    system = fields.area("System message", "system", before.system, height=80)
    help_text = "Jinja2: `{{ question }}`, `{{ context }}` for the retrieved chunks, any column of the question file."
    template = fields.area("User message", "template", before.template, height=140, help=help_text)
    _variables(system, template)
    if before.steps:
        st.caption(f"The chain's steps stay: {', '.join(step.name for step in before.steps)}.")
    few_shot = _few_shot(before.few_shot, template, fields)
    group = "A regular expression with a group named answer. Empty takes the whole text."
    pattern = "Answer:\\s*(?P<answer>.+)"
    extract = fields.text("Take the answer out of the text", "extract", before.extract, placeholder=pattern, help=group)
    changes = {"system": system, "template": template, "few_shot": few_shot, "extract": extract}
    return {**before.model_dump(mode="json"), **changes}


def _variables(system: str, template: str) -> None:
    try:
        variables = variables_in(system) | variables_in(template)
    # A message that is being typed is broken for a while: said, and the form stays.
    except LlmOptError as error:
        show_error(str(error))
        return
    if "question" not in variables:
        st.caption("No message uses {{ question }}: every question gets the same prompt.")
    further = sorted(variables - _OWN)
    if further:
        st.caption(f"Needs these columns of the question file: {', '.join(further)}")


def _few_shot(before: FewShotSpec | None, template: str, fields: Fields) -> dict[str, Any] | None:
    spec = before or FewShotSpec()
    columns = ["question", "answer", *(["context"] if "context" in template else [])]
    # Further columns of examples that are there, or saving would drop them.
    columns_to_show = list(dict.fromkeys([*columns, *(key for example in spec.examples for key in example)]))
    table = pd.DataFrame(
        [{column: example.get(column, "") for column in columns_to_show} for example in spec.examples],
        columns=columns_to_show,
        # Without a row pandas could not tell what the columns hold, and the editor would offer no text.
        dtype="string",
    )
    st.markdown("Few-shot examples", help="Worked examples that are shown to the model before the question.")
    # The number of columns in the key: the editor cannot lay edits over a table that has another shape.
    rows = table_editor(table, num_rows="dynamic", key=f"{fields.key('shots')}_{len(columns_to_show)}")
    left, right = st.columns([3, 1], gap="medium")
    select = fields.at(left).choice("Which are shown", "select", _SELECT, spec.select)
    # A spec may keep 0, which must not become another one by being looked at.
    k = fields.at(right).number("k", "k", 0, None, spec.k, disabled=select == "all")
    examples = examples_from(rows)
    if not examples:
        return None
    return {**spec.model_dump(mode="json"), "examples": examples, "select": select, "k": k}


def examples_from(table: pd.DataFrame) -> list[dict[str, str]]:
    """The typed rows that have an answer, without their empty cells."""
    rows = table.fillna("").to_dict("records")
    # An example without an answer would teach the model to say nothing.
    return [{str(k): str(v) for k, v in row.items() if str(v)} for row in rows if str(row.get("answer", "")).strip()]
