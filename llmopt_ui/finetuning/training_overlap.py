"""Which evaluation sets training takes questions from, in red: what is tuned on them cannot be measured with them."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

import streamlit as st

from llmopt_core.finetuning.data.examples import TrainingExample, TrainingSet
from llmopt_core.labs.finetuning.held_out_sets import SetUse, find_set_use
from llmopt_core.runs.values import Project, SavedSet
from llmopt_ui.caveats import red_text
from llmopt_ui.resources import store


def training_overlap_view(project: Project, *parts: Sequence[TrainingExample]) -> None:
    """A red sentence for each evaluation set of which questions stand in these training examples."""
    examples = [example for part in parts for example in part]
    if not examples:
        return
    part = TrainingSet("", tuple(examples))
    for item in store().evaluation_sets(project):
        for use in _find_overlap(part, project, item):
            st.markdown(red_text(use.sentence))


@st.cache_data(
    max_entries=64, show_spinner="Looking for evaluation questions …",
    hash_funcs={TrainingSet: attrgetter("version"), Project: attrgetter("id"), SavedSet: attrgetter("name", "version")},
)  # fmt: skip
def _find_overlap(part: TrainingSet, project: Project, item: SavedSet) -> list[SetUse]:
    return find_set_use(part.examples, [store().evaluation_set(project, item.name, item.version)])
