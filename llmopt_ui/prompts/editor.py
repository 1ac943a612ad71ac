"""The Editor tab: a prompt's text on the left, what it becomes on the right, its versions below."""

from __future__ import annotations

import streamlit as st

from llmopt_core.experiments.experiment import list_configurations
from llmopt_core.experiments.versions.prompts import (
    PROMPT,
    newest_versions,
    prompts_of_configurations,
    save_prompt,
)
from llmopt_core.runs.store_versions import Version
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.components import empty_state, plain_fragment, show_errors, side_by_side
from llmopt_ui.pickers import open_next, pick_name
from llmopt_ui.prompts.draft import save_row
from llmopt_ui.prompts.fields import PromptDraft, prompt_fields
from llmopt_ui.prompts.preview import preview_view
from llmopt_ui.prompts.versions import versions_view
from llmopt_ui.resources import store
from llmopt_ui.session import rerun_after_action

PICKER = "prompt"
_NEW = "New prompt"


def editor_view(project: Project) -> None:
    """The whole tab."""
    versions = newest_versions(store(), project, PROMPT)
    # Above the editor, which is drawn all the same: writing one needs no button.
    if not versions:
        _first_prompt(project)
    name = pick_name(PICKER, [*versions, _NEW], "Prompt", width=340)
    _editor(project, versions.get(name))


@plain_fragment
def _editor(project: Project, version: Version | None) -> None:
    rerun_after_action()
    draft = PromptDraft(project, version.name if version else "")
    left, right = side_by_side([11, 9], "editor")
    with left:
        body = prompt_fields(draft, draft.body_to_edit(version))
        saved_text = (
            f"Saved as version {version.number}." if version else "Write the prompt; it is kept while you type."
        )
        save_row(draft, version, body, saved_text)
    with right:
        preview_view(project, draft.values(body))
    if version is not None:
        with show_errors():
            # Named by what it is compared with: what stands in the form, where it differs.
            body_before = draft.values(body) if draft.has_changes(body, version) else None
            versions_view(project, store().versions(project, PROMPT, draft.name), body_before, draft.discard)


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
    # The last one, since configurations come from old to new.
    open_next(PICKER, next(reversed(prompts_of_configurations(configurations))))
