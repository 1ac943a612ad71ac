"""The rows of a comparison: examples of an evaluation set, or typed ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from llmopt_core.experiments.comparison_plan import MOST_REPEATS
from llmopt_core.experiments.comparison_setup import Setup, select_examples
from llmopt_core.runs.values import Project
from llmopt_core.types import EvaluationSet
from llmopt_ui import format as fmt
from llmopt_ui.evaluation_sets import newest_set, set_choices
from llmopt_ui.forms.fields import Fields
from llmopt_ui.prompts.table import edit_rows
from llmopt_ui.tables import data_table

_SOURCES = {"set": "Examples of a set", "free": "Free input"}
_TAKES = {"first": "The first", "random": "Random", "all": "All", "chosen": "Chosen by hand"}


def rows_fields(project: Project, setup: Setup, slot: str) -> Setup:
    """Draw the fields; gives the setup with what was chosen."""
    sets = [item.name for item in set_choices(project)]
    # The only choice without a set; what was chosen before is kept for when there is one.
    before = setup.source if sets else "free"
    fields = Fields("rows", slot)
    source = st.segmented_control("Rows", list(_SOURCES), default=before, required=True, key=fields.key("source"),
                                  format_func=_SOURCES.__getitem__, label_visibility="collapsed", disabled=not sets,
                                  persist_state="session")  # fmt: skip
    setup_after = setup.model_copy(update={"source": source or before})
    setup_after = (
        _input_table(setup_after, fields)
        if setup_after.source == "free"
        else _set_rows(project, setup_after, sets, fields)
    )
    return _repeats(setup_after, fields)


def _set_rows(project: Project, setup: Setup, sets: list[str], fields: Fields) -> Setup:
    one, two, three = st.columns([3, 2, 2], gap="small")
    before = setup.set_name if setup.set_name in sets else sets[0]
    name = fields.at(one).choice("Evaluation set", "set", sets, before)
    take = fields.at(two).choice("Which", "take", _TAKES, setup.take)
    by_number = take not in ("all", "chosen")
    count = fields.at(three).number("How many", "count", 1, 10_000, setup.count, disabled=not by_number)
    question_set = newest_set(project, name)
    setup_after = setup.model_copy(update={"set_name": name, "take": take, "count": count})
    if take == "chosen":
        setup_after = setup_after.model_copy(update={"ids": _choose_examples(question_set, setup.ids, fields.token)})
    elif take == "random":
        setup_after = setup_after.model_copy(update={"seed": fields.number("Seed", "seed", 0, 10_000, setup.seed)})
    rows = fmt.plural(len(select_examples(question_set, setup_after).examples), "row")
    st.caption(f"{rows} of {len(question_set.examples):,} in {fmt.markdown(name)}.")
    return setup_after


def _choose_examples(question_set: EvaluationSet, before: Sequence[str], slot: str) -> tuple[str, ...]:
    """A table to tick examples in."""
    # Streamlit's tables know rows by number, the setup by id, which holds when the set changes.
    places = {example.id: place for place, example in enumerate(question_set.examples)}
    table = pd.DataFrame(
        {
            "Id": list(places),
            "Question": [example.question for example in question_set.examples],
            "Category": [example.category or "" for example in question_set.examples],
        }
    )
    selection = data_table(
        table, height=260, key=f"rows_chosen_{question_set.name}_{slot}", on_select="rerun",
        selection_mode="multi-row", alt="Examples to choose from",
        selection_default={"selection": {"rows": [places[one] for one in before if one in places]}},
    )  # fmt: skip
    return tuple(table["Id"].iloc[list(selection.selection.rows)])


def _input_table(setup: Setup, fields: Fields) -> Setup:
    """Free input: one row per question, with further variables in columns of their own."""
    names = list(dict.fromkeys(["question", "reference", *(key for row in setup.inputs for key in row)]))
    further = fields.text("Further variables", "columns", ", ".join(names[2:]), live=True, placeholder="tone, product",
                          help="Names of columns for variables of the prompt.")  # fmt: skip
    # Only what can be a variable of a template; half-typed names are left aside until they can.
    variables = [name.strip() for name in further.split(",") if name.strip().isidentifier()]
    config: dict[str, Any] = {
        "question": st.column_config.TextColumn("Question", width="large"),
        "reference": st.column_config.TextColumn("Reference answer", width="medium"),
        **{name: st.column_config.TextColumn(name) for name in variables},
    }
    # The columns in the key: an editor cannot lay its edits over a table of another shape.
    rows = edit_rows(f"rows_inputs_{'_'.join(config)}_{fields.token}", setup.inputs or [{"question": ""}], config)
    # Empty rows belong to the editor.
    rows_to_keep = [{name: str(value or "") for name, value in row.items()} for row in rows if any(row.values())]
    return setup.model_copy(update={"inputs": tuple(rows_to_keep)})


def _repeats(setup: Setup, fields: Fields) -> Setup:
    left, right = st.columns(2, gap="small")
    repeats = fields.at(left).number("Answers per cell", "repeats", 1, MOST_REPEATS, setup.repeats,
                                     help="More than one shows how stable an answer is.")  # fmt: skip
    at_once = fields.at(right).number("At once", "at_once", 1, 64, setup.concurrency,
                                      help="Answers in work at the same time, over all columns.")  # fmt: skip
    keep = fields.toggle("Keep few-shot examples that repeat a row", "keep", setup.keep_repeated,
                         help="By default they are left out: a model would copy its own example.")  # fmt: skip
    return setup.model_copy(update={"repeats": repeats, "concurrency": at_once, "keep_repeated": keep})
