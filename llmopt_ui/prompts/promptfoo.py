"""promptfoo files: a dialog that imports one, and what came of it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from llmopt_core.errors import BadInput, LlmOptError
from llmopt_core.interop.promptfoo.files import ImportResult, adopt, import_uploads, not_run_rows
from llmopt_core.interop.promptfoo.importer import PromptfooImport, import_promptfoo
from llmopt_core.models.endpoint_file import save_endpoint
from llmopt_core.models.trust import Destination, new_destinations, trust
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.components import show_error
from llmopt_ui.keys import endpoints, environment
from llmopt_ui.prompts.setup_draft import save_setup
from llmopt_ui.prompts.state import prompt_state
from llmopt_ui.resources import settings, store
from llmopt_ui.session import state
from llmopt_ui.tables import show_table

_NAME = "promptfoo"
# Rows that stand in full, and pixels of the scrolled box that holds more.
_MOST_ROWS, _TALLEST = 7, 300
_HELP = (
    "Prompts become saved prompts, tests an evaluation set with their assertions, providers the models of "
    "the variants. What is not supported is named, and such a test is not run."
)


def import_button(project: Project) -> None:
    """Opens the dialog."""
    st.button("Import from promptfoo", key="promptfoo_open", icon=":material/upload_file:", help=_HELP,
              on_click=_open, args=(_NAME,))  # fmt: skip
    if state().dialog == _NAME:
        _dialog(project)


def import_result_view() -> None:
    """What the last import of this session became, until it is put away."""
    result = prompt_state().import_result
    if not isinstance(result, ImportResult):
        return
    with st.container(border=True, gap="small"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown(f"**Imported from promptfoo:** {fmt.markdown(_result_facts(result))}", width="content")
            st.button("Put away", key="promptfoo_close", type="tertiary", icon=":material/close:", on_click=_dismiss)
        for sentence in (*result.warnings, *_omissions(result)):
            st.caption(f":material/info: {fmt.markdown(sentence)}")
        if result.not_run:
            _skip_notes(result)


def _skip_notes(result: ImportResult) -> None:
    """What is not run and why, in whole: a reason may be long."""
    rows = [{name: fmt.markdown(text) for name, text in row.items()} for row in not_run_rows(result.not_run)]
    with st.container(height="content" if len(rows) <= _MOST_ROWS else _TALLEST, border=False):
        show_table(rows, "What of the file is not run")


def _result_facts(result: ImportResult) -> str:
    tests = sum(entry.kind == "test" for entry in result.not_run)
    parts = [fmt.plural(len(result.prompts), "prompt"), fmt.plural(result.tests, "test")]
    parts.append(f"{tests} of them not run" if tests else "all of them run")
    return ", ".join([*parts, *(["other tests not read"] if any(e.kind == "tests" for e in result.not_run) else [])])


def _omissions(result: ImportResult) -> list[str]:
    if not result.omissions:
        return []
    names = ", ".join(result.omissions)
    return [f"{names}: beyond the {len(result.setup.variants)} variants that are compared at once; choose below."]


def _dismiss() -> None:
    prompt_state().import_result = None


def _open(dialog: str = "") -> None:
    state().dialog = dialog
    prompt_state().new_hosts = ()


@st.dialog("Import from promptfoo", width="large", on_dismiss=_open)
def _dialog(project: Project) -> None:
    st.caption(_HELP)
    files = st.file_uploader(
        "The promptfooconfig.yaml with the files it names, or a zip of all", accept_multiple_files=True,
        key="promptfoo_files",
    )  # fmt: skip
    path = st.text_input("Or its path on this machine", key="promptfoo_path", placeholder="evals/promptfooconfig.yaml",
                         disabled=bool(files))  # fmt: skip
    name = st.text_input("Call the evaluation set", key="promptfoo_name", placeholder="As its folder")
    submit = st.button("Import", key="promptfoo_import", type="primary")
    # A file from elsewhere names where texts and keys go: without the question a config could send the user's key to
    # a host of its author.
    has_consent = _confirm_hosts(prompt_state().new_hosts)
    if not submit and not has_consent:
        return
    try:
        suite = _read({file.name: file.getvalue() for file in files}, path or "", (name or "").strip())
        endpoints_by_name = endpoints(settings())
        # An endpoint that is known keeps its own address: a file must not move it.
        new_endpoints = [endpoint for key, endpoint in suite.endpoints.items() if key not in endpoints_by_name]
        new = new_destinations(settings(), new_endpoints, environment())
        # Asked for exactly these hosts: another file chosen meanwhile asks again.
        if not set(new) <= set(has_consent):
            prompt_state().new_hosts = tuple(new)
            st.rerun()
        # Before anything is kept, so that the workspace never has an endpoint whose host nobody agreed to.
        trust(settings(), new)
        prompt_state().import_result = result = adopt(store(), project, suite)
        for endpoint in new_endpoints:
            save_endpoint(settings(), endpoint)
    except LlmOptError as error:
        show_error(str(error))
        return
    save_setup(project, result.setup, refill=True)
    _open()
    st.rerun()


def _confirm_hosts(hosts: tuple[Destination, ...]) -> tuple[Destination, ...]:
    """The new hosts, where the user has said that they may get texts and keys."""
    if not hosts:
        return ()
    with st.container(border=True, gap="small"):
        st.markdown(
            ":material/warning: **Hosts that are new here.** Once imported, prompts and texts of the tests are sent "
            f"to them when you compare{_key_note(hosts)}."
        )
        st.text("\n".join(map(str, hosts)))
        # What was shown is what is agreed to.
        return hosts if st.button("Trust and import", key="promptfoo_trust", icon=":material/check:") else ()


def _key_note(hosts: tuple[Destination, ...]) -> str:
    """Which of them get a key; no word of keys that are not sent."""
    count = sum(bool(host.variable) for host in hosts)
    if not count:
        return ", without a key"
    return ", and the named key with them" if count == len(hosts) else ", and to some of them the named key"


def _read(files: dict[str, bytes], path: str, name: str) -> PromptfooImport:
    if files:
        return import_uploads(files, name)
    if not path.strip():
        raise BadInput("Choose a file, or type its path.")
    return import_promptfoo(Path(path.strip()).expanduser(), name=name)
