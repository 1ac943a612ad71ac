"""What is done to a project as a whole: copy, export, import, delete."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import streamlit as st

from llmopt_core.experiments.project_deletion import delete_project
from llmopt_core.experiments.project_file import copy_project, export_project, import_project
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.components import downloads, show_errors
from llmopt_ui.resources import settings, store

COPY_NAME, FILE, IMPORT, CONFIRM, DELETE = (
    "project_copy_name", "project_file", "project_import", "project_confirm", "project_delete",
)  # fmt: skip
_DELETE = "Delete for good"


def project_parts(project: Project | None) -> tuple[str, str] | None:
    """The four parts of the dialog. Gives the project to open next and a notice, once something was done."""
    # Both must be known where their part failed before it could answer.
    copy_result = import_result = None
    if project is not None:
        # Each part by itself: a damaged document stops the export, and must not take the way to delete the project
        # with it.
        with show_errors():
            _export(project)
        with show_errors():
            copy_result = _copy(project)
    with show_errors():
        import_result = _import()
    if project is not None:
        if copy_result is not None:
            return copy_result.name, f"{project.name} copied to {copy_result.name}."
        with show_errors():
            # One action at a time: what was just imported is opened, whatever is ticked below.
            if import_result is None and _delete(project):
                return "", f"{project.name} deleted."
    return None if import_result is None else (import_result.name, f"Imported as {import_result.name}.")


def _export(project: Project) -> None:
    st.markdown("**Export**")
    st.caption("One file with documents, evaluation sets, prompts, configurations, runs, labels and votes. It holds no "
               "keys and no paths of this machine.")  # fmt: skip
    name = f"{fmt.file_stem(project.name)}.zip"
    # Made when the button is pressed: a project with its runs may be large, and opening the dialog must not wait for
    # it.
    downloads("project_export", ("Project file (ZIP)", lambda: _file_of(project), name))


def _file_of(project: Project) -> bytes:
    buffer = io.BytesIO()
    export_project(store(), project, buffer)
    return buffer.getvalue()


def _copy(project: Project) -> Project | None:
    with st.form("project_copy_form", border=False):
        name = st.text_input(
            "Copy as",
            f"{project.name} as of {fmt.day(datetime.now(UTC))}"[:200],
            key=COPY_NAME,
            max_chars=200,
        )
        submit = st.form_submit_button("Copy project", icon=":material/content_copy:")
    return copy_project(store(), project, name or "") if submit else None


def _import() -> Project | None:
    with st.form("project_import_form", border=False):
        file = st.file_uploader("Import a project file", type=["zip"], key=FILE)
        submit = st.form_submit_button("Import project", icon=":material/upload:", key=IMPORT)
    if not submit:
        return None
    if file is None:
        st.caption("Choose a file first.")
        return None
    return import_project(store(), file)


def _delete(project: Project) -> bool:
    runs = len(store().runs(project))
    with st.form("project_delete_form", border=False):
        st.markdown("**Delete**")
        st.caption(f"Removes the project with {fmt.plural(runs, 'run')}, its documents and all else of it. "
                   "This cannot be undone.")  # fmt: skip
        sure = st.checkbox(f"Yes, remove {fmt.markdown(project.name)}", key=CONFIRM)
        submit = st.form_submit_button(_DELETE, icon=":material/delete:", key=DELETE)
    if submit and not sure:
        st.caption("Tick the box first.")
    if not (submit and sure):
        return False
    delete_project(store(), settings(), project)
    return True
