"""Which data source is asked, and adding one: a file, a path, a URL, or the sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from llmopt_core.answering.tools.sql.open_database import find_source
from llmopt_core.errors import BadInput
from llmopt_core.labs.data_questions.sample import SOURCE as SAMPLE
from llmopt_core.labs.data_questions.sample import install_sample_shop
from llmopt_core.labs.data_questions.sources import (
    UPLOAD_ENDINGS,
    SavedSource,
    remove_source,
    save_source,
    save_uploads,
    saved_sources,
)
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.components import empty_state, show_errors
from llmopt_ui.pickers import open_next, pick_name, warn_missing
from llmopt_ui.resources import settings, store
from llmopt_ui.session import notify, report_problem, state

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

PICKER = "data_source"
FILE, PLACE, NAME, ADD = "data_source_file", "data_source_place", "data_source_name", "data_source_add"
_SAMPLE, _REMOVE = "data_source_sample", "data_source_remove"


def source_row(project: Project) -> SavedSource | None:
    """Choose a data source, or add one; None where there is none yet."""
    sources = saved_sources(store(), project)
    if not sources:
        box = empty_state(
            "No data source yet",
            "Try the sample shop, or add a database or files of tables below. Nothing is ever written to them.",
            ":material/database:",
        )
        _sample_button(project, box, "primary")
        with st.container(border=True):
            _add_fields(project)
        return None
    names = [one.name for one in sources]
    warn_missing(PICKER, names, "data source")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        name = pick_name(PICKER, names, "Data source", width=320)
        source = next(one for one in sources if one.name == name)
        with st.popover("Add a source", icon=":material/add:"):
            _add_fields(project)
            if SAMPLE not in names:
                _sample_button(project, st, "tertiary")
        st.button(
            "Remove from the list", key=_REMOVE, type="tertiary", icon=":material/delete:", on_click=_remove,
            args=(project, name), help="The database stays, and runs keep their records.",
        )  # fmt: skip
    st.caption(f"{fmt.markdown(source.source)} · version {source.number}")
    return source


def _sample_button(project: Project, place: Any, kind: Any) -> None:
    place.button(
        "Load the sample shop", key=_SAMPLE, type=kind, icon=":material/storefront:", on_click=_install,
        args=(project,), help="A small SQLite database with 44 questions and as many solved queries.",
    )  # fmt: skip


def _install(project: Project) -> None:
    with report_problem():
        source = install_sample_shop(store(), settings(), project)
        open_next(PICKER, source.name)
        notify("The sample shop is added, with its questions and solved queries as two evaluation sets.")


def _remove(project: Project, name: str) -> None:
    with report_problem():
        remove_source(store(), project, name)
        notify(f"{name} is off the list.")


def _add_fields(project: Project) -> None:
    # Emptied after each source that was added.
    token = state().forms
    endings = [ending.removeprefix(".") for ending in UPLOAD_ENDINGS]
    files = st.file_uploader(
        "Database or table files", endings, accept_multiple_files=True, key=f"{FILE}_{token}",
        help="Several table files become one source: a table each.",
    )  # fmt: skip
    place = st.text_input(
        "Or a path or URL", key=f"{PLACE}_{token}", placeholder="postgresql://reader:${SALES_PASSWORD}@host/sales",
        help="Passwords stay in environment variables: write ${NAME} in their place. Use an account that may only "
        "read.",
    )  # fmt: skip
    name = st.text_input("Name", key=f"{NAME}_{token}", placeholder="As the file is called", max_chars=100)
    if st.button("Add", key=ADD, type="primary", icon=":material/add:"):
        with show_errors():
            _add(project, files, (place or "").strip(), (name or "").strip())
            state().forms += 1
            st.rerun()


def _add(project: Project, files: Sequence[UploadedFile], place: str, name: str) -> None:
    if bool(files) == bool(place):
        raise BadInput("Choose files, or name a path or URL: one of the two.")
    if files:
        named = [(file.name, file.getvalue()) for file in files]
        text = str(save_uploads(settings(), project, named))
        usual = files[0].name if len(files) == 1 else f"{files[0].name} and {len(files) - 1} more"
    else:
        # Its name is without a password.
        text, usual = place, find_source(place).name
    # Says at once what is wrong with it, before it stands on the list.
    find_source(text)
    source = save_source(store(), project, name or usual, text)
    open_next(PICKER, source.name)
    notify(f"{source.name} is added.")
