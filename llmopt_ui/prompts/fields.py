"""The fields of a prompt, and the draft that follows every change of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from llmopt_core.experiments.versions.prompts import FEW_SHOT, PROMPT, newest_versions, version_label
from llmopt_core.prompts.blocks import BLOCKS, block
from llmopt_core.prompts.spec import PromptSpec
from llmopt_core.runs.store_versions import Version
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.prompts.state import prompt_state
from llmopt_ui.resources import store
from llmopt_ui.session import state

NEW = ""
STARTER: dict[str, Any] = {"system": "", "template": "{{ question }}", "steps": [], "few_shot": None, "extract": ""}
_STEP = {"name": "", "template": "", "system": "", "extract": ""}
_AS_IN_PROMPT, _NONE = "as in this prompt", "none"

Body = dict[str, Any]


def form_of(project: Project, name: str) -> str:
    """The form in which this prompt is edited."""
    return f"{project.id}_{name}"


def body_of(prompt: PromptSpec) -> Body:
    """A prompt as plain values of the form."""
    return prompt.model_dump(mode="json")


def body_to_edit(project: Project, version: Version | None) -> Body:
    """What the form's fields are filled with: the draft where there is one, else the newest version."""
    name = version.name if version else NEW
    slot = prompt_state().slot(form_of(project, name))
    field_values = prompt_state().field_values
    # Streamlit forgets the fields when another page is shown; the draft does not.
    if slot not in field_values or f"prompt_name_{slot}" not in st.session_state:
        draft = store().draft(project, PROMPT, name)
        fresh = {"name": name, "base": version.number if version else 0}
        field_values[slot] = draft or {**STARTER, **(version.body if version else {}), **fresh}
    return field_values[slot]


def prompt_fields(project: Project, name: str, body: Body) -> Body:
    """Draw the fields; gives what stands in them."""
    slot = prompt_state().slot(form_of(project, name))
    on_change: dict[str, Any] = {"on_change": keep, "args": (project, name)}
    st.text_input(
        "Name", body["name"], key=f"prompt_name_{slot}", placeholder="support-answer", live=True, width=340, **on_change
    )
    _blocks(project, name)
    st.text_area(
        "System", body["system"], key=f"prompt_text_system_{slot}", height="content",
        placeholder="Who the model is, and the rules that always hold", **on_change,
    )  # fmt: skip
    for number, step in enumerate(body["steps"]):
        _step(project, name, slot, number, step)
    st.text_area(
        "User message" if not body["steps"] else "User message of the last call", body["template"],
        key=f"prompt_text_template_{slot}", height="content",
        help="Jinja2: {{ question }}, {{ context }} for retrieved chunks, any column of the question file.",
        **on_change,
    )  # fmt: skip
    left, right = st.columns(2, gap="small", vertical_alignment="bottom")
    with left:
        st.text_input(
            "Take the answer out of the text", body["extract"], key=f"prompt_extract_{slot}", live=True,
            placeholder="Answer:\\s*(?P<answer>.+)",
            help="A regular expression with a group named answer; its last match counts. Empty takes the whole text.",
            **on_change,
        )  # fmt: skip
    with right:
        _few_shot(project, slot, body, on_change)
    return body_from_form(project, name)


def body_from_form(project: Project, name: str) -> Body:
    """What stands in the fields; a field that is not drawn yet has what it is filled with."""
    slot = prompt_state().slot(form_of(project, name))
    base = prompt_state().field_values[slot]

    def field_value(field: str, before: Any) -> Any:
        return st.session_state.get(f"prompt_{field}_{slot}", before)

    steps = [
        {field: field_value(f"{_area(field)}step_{field}_{number}", step[field]) or "" for field in _STEP}
        for number, step in enumerate(base["steps"])
    ]
    return {
        **base,
        "name": field_value("name", base["name"]) or "",
        "system": field_value("text_system", base["system"]) or "",
        "template": field_value("text_template", base["template"]) or "",
        "extract": field_value("extract", base["extract"]) or "",
        "few_shot": _few_shot_of(project, field_value("shots", _AS_IN_PROMPT), base["few_shot"]),
        "note": field_value("note", base.get("note")) or "",
        "steps": steps,
    }


def prompt_values(body: Mapping[str, Any]) -> Body:
    """The part of the form that makes a prompt."""
    return {key: value for key, value in body.items() if key in STARTER}


def has_changes(body: Body, version: Version | None) -> bool:
    """Whether the form says something else than the newest version."""
    before = {**STARTER, **version.body} if version else STARTER
    return prompt_values(body) != before or body["name"] != (version.name if version else NEW)


def refill(project: Project, name: str, body: Body) -> None:
    """Put another content into the fields and keep it as the draft."""
    store().save_draft(project, PROMPT, name, body)
    prompt_state().fill(form_of(project, name))


def discard(project: Project, name: str) -> None:
    """Forget the draft; the fields show the newest version again."""
    store().delete_draft(project, PROMPT, name)
    prompt_state().fill(form_of(project, name))


def keep(project: Project, name: str) -> None:
    """Called at every change, even when the page is being left."""
    store().save_draft(project, PROMPT, name, body_from_form(project, name))


def _apply(project: Project, name: str, change: Callable[[Body], Body]) -> None:
    refill(project, name, change(body_from_form(project, name)))


def _blocks(project: Project, name: str) -> None:
    with st.popover("Building blocks", icon=":material/dashboard_customize:", width="content"):
        for entry in BLOCKS:
            with st.container(border=True, gap="xsmall"):
                with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
                    st.markdown(f"**{entry.title}**", width="content")
                    st.button(
                        "Add", key=f"prompt_block_{entry.name}", icon=":material/add:", type="tertiary",
                        on_click=_add_block, args=(project, name, entry.name),
                    )  # fmt: skip
                st.caption(entry.why)
                st.code(entry.text, language=None, wrap_lines=True)
        with st.container(border=True, gap="xsmall"):
            st.markdown("**A step of your own**")
            st.caption("Its output is a variable of the steps after it and of the user message.")
            st.button("Add a step", key="prompt_step_add", icon=":material/add:", type="tertiary", on_click=_apply,
                      args=(project, name, _with_step))  # fmt: skip


def _add_block(project: Project, name: str, block_name: str) -> None:
    body = body_from_form(project, name)
    try:
        prompt = block(block_name).apply(PromptSpec.model_validate(prompt_values(body)))
    except ValueError:
        state().problem = "Correct the prompt first: a building block can only be added to one that is valid."
        return
    refill(project, name, {**body, **body_of(prompt)})


def _with_step(body: Body) -> Body:
    number = len(body["steps"]) + 1
    return {**body, "steps": [*body["steps"], {**_STEP, "name": f"step{number}", "template": "{{ question }}"}]}


def _step(project: Project, name: str, slot: str, number: int, step: Body) -> None:
    on_change: dict[str, Any] = {"on_change": keep, "args": (project, name)}

    def without(body: Body) -> Body:
        return {**body, "steps": [other for place, other in enumerate(body["steps"]) if place != number]}

    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
            st.text_input(
                f"Step {number + 1}: its output is the variable", step["name"], live=True, width=280,
                key=f"prompt_step_name_{number}_{slot}", **on_change,
            )  # fmt: skip
            st.button("Remove", key=f"prompt_step_remove_{number}_{slot}", icon=":material/delete:", type="tertiary",
                      on_click=_apply, args=(project, name, without))  # fmt: skip
        st.text_area(
            "Message of this step", step["template"], key=f"prompt_text_step_template_{number}_{slot}",
            height="content", label_visibility="collapsed", **on_change,
        )  # fmt: skip
        with st.expander("System message and extraction of this step"):
            st.text_area(
                "System", step["system"], key=f"prompt_text_step_system_{number}_{slot}", height="content",
                placeholder="That of the prompt", **on_change,
            )  # fmt: skip
            st.text_input("Take the output out of the text", step["extract"], live=True,
                          key=f"prompt_step_extract_{number}_{slot}", **on_change)  # fmt: skip


def _area(field: str) -> str:
    return "text_" if field in ("template", "system") else ""


def _few_shot(project: Project, slot: str, body: Body, on_change: dict[str, Any]) -> None:
    sets = newest_versions(store(), project, FEW_SHOT)
    own = len(body["few_shot"]["examples"]) if body["few_shot"] else 0
    options = [*([_AS_IN_PROMPT] if own else []), _NONE, *sets]

    def label(option: str) -> str:
        if option == _AS_IN_PROMPT:
            return f"Those of this prompt ({fmt.plural(own, 'example')})"
        return "No examples" if option == _NONE else version_label(sets[option])

    st.selectbox("Few-shot examples", options, key=f"prompt_shots_{slot}", format_func=label,
                 help="Edit sets in the tab Few-shot. Saving a prompt keeps a copy of the set as it is now.",
                 **on_change)  # fmt: skip


def _few_shot_of(project: Project, option: str, before: Any) -> Any:
    if option == _AS_IN_PROMPT:
        return before
    if option == _NONE:
        return None
    version = newest_versions(store(), project, FEW_SHOT).get(option)
    return before if version is None else version.body
