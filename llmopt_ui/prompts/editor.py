"""The Editor tab: a prompt's text on the left, what it becomes on the right, its versions below."""

from __future__ import annotations

from functools import partial

import streamlit as st

from llmopt_core.errors import LlmOptError
from llmopt_core.experiments.experiment import list_configurations
from llmopt_core.experiments.versions.prompts import (
    PROMPT,
    newest_versions,
    prompt_from,
    prompts_of_configurations,
    save_prompt,
)
from llmopt_core.runs.store_versions import Version
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.components import empty_state, plain_fragment, show_errors, side_by_side
from llmopt_ui.pickers import open_next, pick_name
from llmopt_ui.prompts.fields import (
    NEW,
    Body,
    body_from_form,
    body_to_edit,
    discard,
    form_of,
    has_changes,
    keep,
    prompt_fields,
    prompt_values,
)
from llmopt_ui.prompts.preview import preview_view
from llmopt_ui.prompts.state import prompt_state
from llmopt_ui.prompts.versions import versions_view
from llmopt_ui.resources import store
from llmopt_ui.session import notify, rerun_after_action, state

PICKER, SAVE, NOTE = "prompt", "prompt_save", "prompt_note"
_NEW = "New prompt"


def editor_view(project: Project) -> None:
    """The whole tab."""
    versions = newest_versions(store(), project, PROMPT)
    if not versions:
        _first_prompt(project)
    name = pick_name(PICKER, [*versions, _NEW], "Prompt", width=340)
    _editor(project, versions.get(name))


@plain_fragment
def _editor(project: Project, version: Version | None) -> None:
    rerun_after_action()
    name = version.name if version else NEW
    left, right = side_by_side([11, 9], "editor")
    with left:
        body = prompt_fields(project, name, body_to_edit(project, version))
        is_draft = has_changes(body, version)
        _draft_state(project, version, body, is_draft)
    with right:
        preview_view(project, body)
    if version is not None:
        refill = partial(discard, project, name)
        with show_errors():
            versions = store().versions(project, PROMPT, name)
            versions_view(project, versions, prompt_values(body) if is_draft else None, refill)


def _draft_state(project: Project, version: Version | None, body: Body, is_draft: bool) -> None:
    """Whether something is unsaved, and the way to save it."""
    name = version.name if version else NEW
    slot = prompt_state().slot(form_of(project, name))
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        st.text_input("Note", prompt_state().field_values[slot].get("note", ""), key=f"{NOTE}_{slot}", width=300,
                      placeholder="What changed, and why", live=True, on_change=keep,
                      args=(project, name))  # fmt: skip
        st.button("Save version", key=SAVE, type="primary", icon=":material/save:", on_click=_save,
                  args=(project, name), disabled=not is_draft)  # fmt: skip
        if is_draft and store().draft(project, PROMPT, name) is not None:
            st.button("Discard changes", key="prompt_discard", type="tertiary", icon=":material/undo:",
                      on_click=discard, args=(project, name))  # fmt: skip
    if not is_draft:
        st.caption(f"Saved as version {version.number}." if version else "Write the prompt; it is kept while you type.")
        return
    st.caption("Not saved as a version yet. The draft is kept as you type, also when this tab is closed.")
    if version is not None and body.get("base", 0) < version.number:
        st.caption(f"The draft was begun on version {body['base']}; version {version.number} is newer.")


def _save(project: Project, name: str) -> None:
    body = body_from_form(project, name)
    try:
        version = save_prompt(store(), project, body["name"], prompt_from(prompt_values(body)), body["note"])
    except LlmOptError as error:
        state().problem = str(error)
        return
    for form in {name, version.name}:
        discard(project, form)
    open_next(PICKER, version.name)
    notify(f"{version.name} saved as version {version.number}.")


def _first_prompt(project: Project) -> None:
    """No prompt yet: offer those of the configurations."""
    prompts = prompts_of_configurations({item.name: item for item in list_configurations(store(), project)})
    hint = "Write one below" + (", or start from what this project's configurations say." if prompts else ".")
    with empty_state("No saved prompts yet", hint, ":material/edit_note:"):
        if prompts:
            st.button(f"Take over {fmt.plural(len(prompts), 'prompt')}", key="prompt_take_over", on_click=_copy_prompts,
                      args=(project,), icon=":material/move_to_inbox:")  # fmt: skip


def _copy_prompts(project: Project) -> None:
    configurations = {item.name: item for item in list_configurations(store(), project)}
    for name, prompt in prompts_of_configurations(configurations).items():
        save_prompt(store(), project, name, prompt, "From the configuration of this name")
    open_next(PICKER, next(reversed(prompts_of_configurations(configurations))))
