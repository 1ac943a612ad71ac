"""Other settings for a side: chosen in a dialog, kept in the address, saved with one click."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from llmopt_core.errors import BadInput
from llmopt_core.labs.retrieval.changes import apply_changes, changes_between
from llmopt_core.labs.retrieval.setting_words import setting_title, setting_value
from llmopt_core.retrieval.spec import RetrievalSpec
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.components import show_errors
from llmopt_ui.forms.configuration import configuration_of
from llmopt_ui.forms.retrieval import retrieval_fields
from llmopt_ui.retrieval.sides import Side, save_configuration, set_changes
from llmopt_ui.session import state

DIALOG = "retrieval_settings"


def settings_row(project: Project, sides: Sequence[Side]) -> None:
    """Under each side: what was changed, and the buttons to change, save or undo it."""
    # Two columns also for one side, so that buttons stand below the field they belong to; `strict=False` leaves the
    # second empty.
    for column, side in zip(st.columns(2, gap="medium"), sides, strict=False):
        with column, st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button(
                "Try other settings", key=f"{side.place}_settings", icon=":material/tune:", type="tertiary",
                on_click=_open, args=(side.place,),
            )  # fmt: skip
            if side.changes:
                words = " ".join(f":violet-badge[{fmt.markdown(change)}]" for change in _change_lines(side))
                st.markdown(words, width="content")
                st.button(
                    "Save as configuration", key=f"{side.place}_save", icon=":material/save:",
                    on_click=save_configuration, args=(project, side.configuration, side.place),
                )  # fmt: skip
                st.button("Undo", key=f"{side.place}_undo", type="tertiary", on_click=set_changes,
                          args=(side.place, {}))  # fmt: skip
    # Outside of the columns: Streamlit opens one dialog at a time, and not inside of what is drawn beside it.
    open_side = next((side for side in sides if state().dialog == f"{DIALOG}_{side.place}"), None)
    if open_side is not None:
        _dialog(open_side)


def _open(place: str = "") -> None:
    state().dialog = f"{DIALOG}_{place}" if place else ""


@st.dialog("Other retrieval settings", width="large", on_dismiss=_open)
def _dialog(side: Side) -> None:
    st.caption(f"For {fmt.markdown(side.original.name)} on this page only, until you save it.")
    with show_errors():
        # The fingerprint in the keys: fields are filled anew when the settings were changed elsewhere.
        values = retrieval_fields(side.configuration.retrieval, f"lab_{side.place}_{side.configuration.fingerprint}")
        if st.button("Use these settings", key=f"{DIALOG}_use", type="primary"):
            if values is None:
                # The fields are those of the editor, where retrieval can be switched off.
                raise BadInput("Without retrieval there is nothing to look at here.")
            configuration = configuration_of({**side.original.model_dump(mode="json"), "retrieval": values})
            before = side.original.retrieval or RetrievalSpec()
            changes = changes_between(before, configuration.retrieval or before)
            # The result is thrown away: it raises where the changes do not go together, before they stand in the
            # address.
            apply_changes(side.original, changes)
            set_changes(side.place, changes)
            _open()
            st.rerun()


def _change_lines(side: Side) -> list[str]:
    """`Search: By words (BM25)` for each change."""
    return [f"{setting_title(name)}: {setting_value(name, value)}" for name, value in side.changes.items()]
