"""The fields of a prompt, and the draft that follows every change of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import streamlit as st

from llmopt_core.experiments.versions.prompts import (
    FEW_SHOT,
    PROMPT,
    newest_versions,
    prompt_from,
    save_prompt,
    version_label,
)
from llmopt_core.prompts.blocks import BLOCKS, block
from llmopt_core.prompts.spec import PromptSpec
from llmopt_core.runs.store_versions import Version
from llmopt_core.runs.values import Project
from llmopt_ui import format as fmt
from llmopt_ui.prompts.draft import Body, Draft
from llmopt_ui.prompts.state import prompt_state
from llmopt_ui.resources import store
from llmopt_ui.session import state

_STEP = {"name": "", "template": "", "system": "", "extract": ""}
_AS_IN_PROMPT, _NONE = "as in this prompt", "none"


class PromptDraft(Draft):
    """A prompt that is edited."""

    kind, keys, picker = PROMPT, "prompt", "prompt"
    starter: ClassVar[Body] = {
        "system": "", "template": "{{ question }}", "steps": [], "few_shot": None, "extract": ""
    }  # fmt: skip

    def body_from_form(self) -> Body:
        """What stands in the fields; a field that is not drawn yet has what it is filled with."""
        slot = self.slot
        base = prompt_state().field_values[slot]

        def field_value(field: str, before: Any) -> Any:
            # A callback runs before the fields are drawn anew, so their newest values are in the session alone.
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
            "few_shot": _few_shot_of(self.project, field_value("shots", _AS_IN_PROMPT), base["few_shot"]),
            "note": field_value("note", base.get("note")) or "",
            "steps": steps,
        }

    def version_of(self, body: Body) -> Version:
        """Save what stands in the fields."""
        return save_prompt(store(), self.project, body["name"], prompt_from(self.values(body)), body["note"])

    def change(self, change: Callable[[Body], Body]) -> None:
        """Fill the fields with what is made of what stands in them."""
        self.refill(change(self.body_from_form()))


def prompt_fields(draft: PromptDraft, body: Body) -> Body:
    """Draw the fields; gives what stands in them."""
    draft.text_input("Name", body["name"], "name", placeholder="support-answer", width=340)
    _blocks(draft)
    rules = "Who the model is, and the rules that always hold"
    draft.text_area("System message", body["system"], "system", placeholder=rules)
    for number, step in enumerate(body["steps"]):
        _step(draft, number, step)
    help_text = "Jinja2: {{ question }}, {{ context }} for retrieved chunks, any column of the question file."
    message = "User message" if not body["steps"] else "User message of the last call"
    draft.text_area(message, body["template"], "template", help=help_text)
    left, right = st.columns(2, gap="small", vertical_alignment="bottom")
    with left:
        draft.text_input(
            "Take the answer out of the text", body["extract"], "extract", placeholder="Answer:\\s*(?P<answer>.+)",
            help="A regular expression with a group named answer; its last match counts. Empty takes the whole text.",
        )  # fmt: skip
    with right:
        _few_shot(draft, body)
    return draft.body_from_form()


def _blocks(draft: PromptDraft) -> None:
    with st.popover("Building blocks", icon=":material/dashboard_customize:", width="content"):
        for entry in BLOCKS:
            with st.container(border=True, gap="xsmall"):
                with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
                    st.markdown(f"**{entry.title}**", width="content")
                    st.button(
                        "Add", key=f"prompt_block_{entry.name}", icon=":material/add:", type="tertiary",
                        on_click=_add_block, args=(draft, entry.name),
                    )  # fmt: skip
                st.caption(entry.why)
                st.code(entry.text, language=None, wrap_lines=True)
        with st.container(border=True, gap="xsmall"):
            st.markdown("**A step of your own**")
            st.caption("Its output is a variable of the steps after it and of the user message.")
            st.button("Add a step", key="prompt_step_add", icon=":material/add:", type="tertiary",
                      on_click=draft.change, args=(_with_step,))  # fmt: skip


def _add_block(draft: PromptDraft, block_name: str) -> None:
    body = draft.body_from_form()
    try:
        # Added to what stands in the fields, saved or not.
        prompt = block(block_name).apply(PromptSpec.model_validate(draft.values(body)))
    # Pydantic's errors are ValueErrors; a prompt that is half typed is no fault of the program.
    except ValueError:
        state().problem = "Correct the prompt first: a building block can only be added to one that is valid."
        return
    draft.refill({**body, **prompt.model_dump(mode="json")})


def _with_step(body: Body) -> Body:
    # A name at once, since the steps after it and the message need one to refer to.
    number = len(body["steps"]) + 1
    return {**body, "steps": [*body["steps"], {**_STEP, "name": f"step{number}", "template": "{{ question }}"}]}


def _step(draft: PromptDraft, number: int, step: Body) -> None:
    def without(body: Body) -> Body:
        # By place and not by name: while they are typed two steps may have the same one.
        return {**body, "steps": [other for place, other in enumerate(body["steps"]) if place != number]}

    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
            title = f"Step {number + 1}: its output is the variable"
            draft.text_input(title, step["name"], f"step_name_{number}", width=280)
            st.button("Remove", key=f"prompt_step_remove_{number}_{draft.slot}", icon=":material/delete:",
                      type="tertiary", on_click=draft.change, args=(without,))  # fmt: skip
        field = f"step_template_{number}"
        draft.text_area("Message of this step", step["template"], field, label_visibility="collapsed")
        with st.expander("System message and extraction of this step"):
            draft.text_area("System message", step["system"], f"step_system_{number}", placeholder="That of the prompt")
            draft.text_input("Take the output out of the text", step["extract"], f"step_extract_{number}")


def _area(field: str) -> str:
    return "text_" if field in ("template", "system") else ""


def _few_shot(draft: PromptDraft, body: Body) -> None:
    sets = newest_versions(store(), draft.project, FEW_SHOT)
    own = len(body["few_shot"]["examples"]) if body["few_shot"] else 0
    options = [*([_AS_IN_PROMPT] if own else []), _NONE, *sets]

    def label(option: str) -> str:
        if option == _AS_IN_PROMPT:
            return f"Those of this prompt ({fmt.plural(own, 'example')})"
        return "No examples" if option == _NONE else version_label(sets[option])

    st.selectbox("Few-shot examples", options, key=f"prompt_shots_{draft.slot}", format_func=label,
                 help="Edit sets in the tab Few-shot. Saving a prompt keeps a copy of the set as it is now.",
                 on_change=draft.keep)  # fmt: skip


def _few_shot_of(project: Project, option: str, before: Any) -> Any:
    if option == _AS_IN_PROMPT:
        return before
    if option == _NONE:
        return None
    version = newest_versions(store(), project, FEW_SHOT).get(option)
    # A set that was deleted meanwhile leaves the examples as they were.
    return before if version is None else version.body
