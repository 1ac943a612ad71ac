"""The sidebar: which project, and a way to add or rename one."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from llmopt_core.errors import LlmOptError
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.components import empty_state, show_error
from llmopt_ui.project_switch import leave_project
from llmopt_ui.resources import store
from llmopt_ui.running_jobs import running_jobs
from llmopt_ui.session import PROJECT, notify, state

NEW = "project_new"
NEW_NAME = "project_new_name"
NEW_DESCRIPTION = "project_new_description"
RENAME = "project_rename"
MORE = "project_more"
_SENTENCES_AT_MOST = 20
"""A damaged workspace may have thousands; the first ones say what kind of damage it is."""
RENAME_FIELD = "project_renamed"


def sidebar() -> None:
    """Draw the project selector. What it holds is also in the address."""
    projects = {project.name: project for project in store().projects()}
    # Taken once; a request that stayed would undo the next choice in the selector.
    request, state().next_project = state().next_project, ""
    # Before the selector is drawn: its key and the address may be set only until then.
    if _is_leaving(projects, request):
        leave_project()
    _remember_missing(projects)
    if request:
        st.session_state[PROJECT] = request
    # Deleted or renamed in another window: Streamlit raises an error for a value that is not among the options.
    if st.session_state.get(PROJECT, "") not in projects:
        st.session_state.pop(PROJECT, None)
    with st.sidebar:
        name = st.selectbox("Project", list(projects), key=PROJECT, bind="query-params", on_change=leave_project)
        state().project_id = projects[name].id if name else 0
        if name and projects[name].description:
            st.caption(fmt.markdown(fmt.shorten(projects[name].description, 140)))
        with st.container(horizontal=True, gap="small"):
            st.button("New", key=NEW, icon=":material/add:", type="tertiary", on_click=_ask, args=(NEW,))
            if name:
                st.button("Rename", key=RENAME, icon=":material/edit:", type="tertiary", on_click=_ask, args=(RENAME,))
            st.button("More", key=MORE, icon=":material/more_horiz:", type="tertiary", on_click=_ask, args=(MORE,),
                      help="Copy, export, import, delete")  # fmt: skip
        running_jobs(name or "")
    if name and state().missing_project:
        _show_missing(state().missing_project, name)
    if state().dialog == NEW:
        _new_project()
    elif state().dialog == RENAME and name:
        _rename_project(name)
    elif state().dialog == MORE:
        _whole_project(projects[name] if name else None)


def _remember_missing(projects: Mapping[str, Project]) -> None:
    """Remember the project of a link that is not there: the address forgets it as soon as another is shown."""
    name = st.query_params.get(PROJECT, "")
    # Only before the first project was shown: later the address is the app's own and not a link.
    if name and name not in projects and not state().project_id:
        state().missing_project = name


def _show_missing(link_name: str, current: str) -> None:
    sentence = (
        f"There is no project {fmt.shorten(link_name, 80)} in this workspace: it was renamed or deleted, or the link "
        f"is of another workspace. What you see is the project {current}."
    )
    st.warning(fmt.markdown(sentence), icon=":material/link_off:")
    st.button("Put away", key="missing_project", type="tertiary", on_click=_put_away_missing)


def _put_away_missing() -> None:
    state().missing_project = ""


def _is_leaving(projects: Mapping[str, Project], request: str) -> bool:
    """Whether another project is to be shown: the one shown is gone, or another is wanted; not where it was renamed."""
    current = state().project_id
    if not current:
        return False
    # By id, since a renamed project is still the same one, and nothing typed for it may be lost.
    is_gone = all(project.id != current for project in projects.values())
    return is_gone or (request in projects and projects[request].id != current)


def _ask(dialog: str = "") -> None:
    """Open a dialog, or close the open one."""
    state().dialog = dialog


def has_project() -> bool:
    """Whether there is a project to show; says what to do where there is none."""
    if st.session_state.get(PROJECT):
        return True
    with empty_state("No project", "Make one, or import a project file.", ":material/folder:"):
        st.button("New project", key="empty_new", icon=":material/add:", type="primary", on_click=_ask, args=(NEW,))
        st.button("Import", key="empty_import", icon=":material/upload:", on_click=_ask, args=(MORE,))
    return False


def unreadable_values() -> None:
    """What the page asked for and could not be read, at its end; nothing where all could."""
    name = st.session_state.get(PROJECT)
    sentences = store().unreadable(name) if name else ()
    if not sentences:
        return
    with st.expander(
        f"{fmt.plural(len(sentences), 'stored value')} could not be read", icon=":material/warning:", key="unreadable"
    ):
        st.caption("They are damaged, or another version of the program wrote them. All else is as it was.")
        for sentence in sentences[:_SENTENCES_AT_MOST]:
            st.text(sentence, width="stretch")
        if len(sentences) > _SENTENCES_AT_MOST:
            st.caption(f"and {len(sentences) - _SENTENCES_AT_MOST:,} more")


@st.dialog("New project", on_dismiss=_ask)
def _new_project() -> None:
    st.caption("One project is one LLM feature: its documents, questions, configurations and runs.")
    with st.form("project_new_form", border=False):
        name = st.text_input("Name", key=NEW_NAME, placeholder="Support answers", max_chars=200)
        description = st.text_input("What it is for", key=NEW_DESCRIPTION, placeholder="Optional")
        submit = st.form_submit_button("Create project", type="primary")
    if not submit:
        return
    try:
        project = store().create_project(name or "", description or "")
    except LlmOptError as error:
        show_error(str(error))
        return
    _open(project.name, f"Project {project.name} created.")


@st.dialog("Rename project", on_dismiss=_ask)
def _rename_project(old: str) -> None:
    with st.form("project_rename_form", border=False):
        name = st.text_input("New name", value=old, key=RENAME_FIELD, max_chars=200)
        submit = st.form_submit_button("Rename project", type="primary")
    if not submit:
        return
    try:
        project = store().rename_project(old, name or "")
    except LlmOptError as error:
        show_error(str(error))
        return
    _open(project.name, f"Renamed to {project.name}.")


@st.dialog("Whole project", on_dismiss=_ask)
def _whole_project(project: Project | None) -> None:
    # Read only where it is opened.
    from llmopt_ui.project_dialog import project_parts

    result = project_parts(project)
    if result is not None:
        _open(*result)


def _open(name: str, message: str) -> None:
    # The selector is drawn already, and its value cannot be set until the next run.
    state().next_project = name
    _ask()
    notify(message)
    st.rerun()
