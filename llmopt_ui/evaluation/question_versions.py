"""The versions of a set, and what changed between any two of them."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from llmopt_core.documents.question_diff import SetDiff, compare_sets
from llmopt_core.runs.values import Project, SavedSet
from llmopt_ui import format as fmt
from llmopt_ui.evaluation_sets import set_version
from llmopt_ui.resources import store
from llmopt_ui.tables import FULL_ROOM, data_table

OLD, NEW = "questions_old_version", "questions_new_version"


def versions_view(project: Project, item: SavedSet) -> None:
    """Two versions to choose, and their difference."""
    versions = [one for one in store().evaluation_sets(project, every_version=True) if one.name == item.name]
    if len(versions) < 2:
        st.caption(
            f"{fmt.markdown(item.name)} has one version. Each change to its questions is kept as another, and can be "
            "compared here."
        )
        return
    # Numbered from the oldest, as people speak of them; the newest come first.
    labels = {
        one.version: f"v{number} · {fmt.moment(one.saved_at)} · {fmt.plural(one.size, 'question')}"
        for number, one in zip(range(len(versions), 0, -1), versions, strict=True)
    }
    names = list(labels)
    left, right = st.columns(2, gap="medium")
    old = left.selectbox("From", names, 1, key=f"{OLD}_{item.name}", format_func=labels.__getitem__)
    new = right.selectbox("To", names, 0, key=f"{NEW}_{item.name}", format_func=labels.__getitem__)
    found = _compare(project, item.name, old, new)
    st.markdown(f"**{fmt.markdown(found.summary)}**")
    if table := diff_rows(found):
        data_table(
            pd.DataFrame(table), room=FULL_ROOM, height=560, lines=3, alt="What changed between the two versions"
        )


# By versions, which never change.
@st.cache_data(max_entries=16, show_spinner=False, hash_funcs={Project: lambda project: project.id})
def _compare(project: Project, name: str, old: str, new: str) -> SetDiff:
    return compare_sets(set_version(project, name, old), set_version(project, name, new))


def diff_rows(found: SetDiff) -> list[dict[str, str]]:
    """A row for each question that came or went, and for each part of one that changed."""
    rows = [
        {"What": word, "Question": one.question, "Before": "", "After": "", "Id": one.id}
        for word, examples in (("+ added", found.added), ("− removed", found.removed))
        for one in examples
    ]
    rows += [
        {"What": f"~ {change.field}", "Question": one.after.question, "Before": change.before, "After": change.after,
         "Id": one.after.id}
        for one in found.changed
        for change in one.changes
    ]  # fmt: skip
    return rows
