"""A saved prompt as the prompt of a configuration."""

from __future__ import annotations

import streamlit as st

from llmopt_core.experiments.versions.prompts import PROMPT, prompt_from, version_label
from llmopt_core.prompts.spec import PromptSpec
from llmopt_core.runs.store_versions import Version
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.resources import store

SAVED_PROMPT = "edit_saved_prompt"
_HERE = ""


def saved_prompt_choice(project: Project, before: PromptSpec, token: str) -> PromptSpec | None:
    """Choose among saved prompts, by version and label; None where the prompt is written in the configuration.

    Args:
        project: Whose prompts.
        before: That of the configuration; the version that says the same is chosen at first.
        token: Part of the field's key.
    """
    labels = _choices(project)
    if not labels:
        return None
    # Compared by what they say: configurations keep texts, not the name of a version.
    specs = {key: prompt_from(version.body) for key, version in labels.items()}
    current = next((key for key, spec in specs.items() if spec == before), _HERE)
    options = [_HERE, *labels]
    choice = st.selectbox(
        "Prompt", options, options.index(current), key=f"{SAVED_PROMPT}_{token}", persist_state="session", width=420,
        format_func=lambda key: version_label(labels[key]) if key else "Written here",
        help="Saved on the page Prompts. The configuration keeps the texts as they are now: a later version or a label "
        "that moves changes nothing here.",
    )  # fmt: skip
    if not choice:
        return None
    _preview(specs[choice])
    return specs[choice]


def _choices(project: Project) -> dict[str, Version]:
    """Of each saved prompt the newest version, and those that have a label."""
    versions = store().versions(project, PROMPT)
    # Versions come from old to new, so the last to write is the newest.
    newest = {version.name: version.number for version in versions}
    return {
        f"{version.name}@{version.number}": version
        # The newest first, as they are looked for.
        for version in reversed(versions)
        if version.labels or version.number == newest[version.name]
    }


def _preview(spec: PromptSpec) -> None:
    for title, text in (("System message", spec.system), *((step.name, step.template) for step in spec.steps),
                        ("User message", spec.template)):  # fmt: skip
        if text:
            st.caption(fmt.markdown(title))
            st.code(text, language=None, wrap_lines=True)
    if spec.few_shot is not None and spec.few_shot.examples:
        st.caption(f"With {fmt.plural(len(spec.few_shot.examples), 'few-shot example')}.")
