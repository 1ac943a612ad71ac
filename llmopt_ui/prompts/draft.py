"""A form whose content is kept as a draft while it is typed, until it is saved as a version."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import streamlit as st

from llmopt_core.runs.store_versions import Version
from llmopt_core.runs.values import Project
from llmopt_ui.pickers import open_next
from llmopt_ui.prompts.state import prompt_state
from llmopt_ui.resources import store
from llmopt_ui.session import notify, report_problem

Body = dict[str, Any]


@dataclass(frozen=True)
class Draft(ABC):
    """The form of one prompt or one few-shot set.

    Attributes:
        name: Of what is edited; empty for a new one.
        kind: Of the versions it is saved as.
        keys: What the keys of its fields begin with.
        picker: The key of the picker that shows what was saved.
        starter: Everything of a version, as it is in a new one.
    """

    project: Project
    name: str
    kind: ClassVar[str]
    keys: ClassVar[str]
    picker: ClassVar[str]
    starter: ClassVar[Body]

    @abstractmethod
    def body_from_form(self) -> Body:
        """What stands in the fields; a field that is not drawn yet has what it is filled with."""

    @abstractmethod
    def version_of(self, body: Body) -> Version:
        """Save what stands in the fields."""

    @property
    def form(self) -> str:
        """The form in which it is edited."""
        return f"{self.kind}_{self.project.id}_{self.name}"

    @property
    def slot(self) -> str:
        """The part of widget keys that changes when the form is filled anew."""
        return prompt_state().slot(self.form)

    def values(self, body: Body) -> Body:
        """The part of the form that makes a version."""
        return {key: body[key] for key in self.starter}

    def body_to_edit(self, version: Version | None) -> Body:
        """What the fields are filled with: the draft where there is one, else the newest version."""
        field_values, slot = prompt_state().field_values, self.slot
        # Streamlit forgets the fields when another page is shown; the draft does not.
        if slot not in field_values or f"{self.keys}_name_{slot}" not in st.session_state:
            # The version that editing began on: what was saved elsewhere since can be told.
            fresh = {"name": self.name, "base": version.number if version else 0}
            draft = store().draft(self.project, self.kind, self.name) or {}
            # From the general to the special: fields of later versions of the program, the saved version, then what
            # was typed.
            field_values[slot] = {**self.starter, **(version.body if version else {}), **fresh, **draft}
        return field_values[slot]

    def has_changes(self, body: Body, version: Version | None) -> bool:
        """Whether the form says something else than the newest version."""
        before = {**self.starter, **(version.body if version else {})}
        return self.values(body) != self.values(before) or body["name"] != self.name

    def keep(self) -> None:
        """Called at every change, even when the page is being left."""
        store().save_draft(self.project, self.kind, self.name, self.body_from_form())

    def refill(self, body: Body) -> None:
        """Put another content into the fields and keep it as the draft."""
        store().save_draft(self.project, self.kind, self.name, body)
        prompt_state().fill(self.form)

    def discard(self) -> None:
        """Forget the draft; the fields show the newest version again."""
        store().delete_draft(self.project, self.kind, self.name)
        prompt_state().fill(self.form)

    def text_input(self, label: str, value: str, field: str, **options: Any) -> None:
        """A line of text of the form."""
        # Live: each keystroke is kept, not only what is there when the field is left.
        st.text_input(label, value, key=f"{self.keys}_{field}_{self.slot}", live=True, on_change=self.keep, **options)

    def text_area(self, label: str, value: str, field: str, **options: Any) -> None:
        """A text of the form, as high as it is long."""
        key = f"{self.keys}_text_{field}_{self.slot}"
        st.text_area(label, value, key=key, height="content", on_change=self.keep, **options)

    def save(self) -> None:
        """Save a version and open it."""
        with report_problem():
            version = self.version_of(self.body_from_form())
            # Saved under another name there are two forms: the one that was typed into and the one that is opened.
            for name in {self.name, version.name}:
                replace(self, name=name).discard()
            open_next(self.picker, version.name)
            notify(f"{version.name} saved as version {version.number}.")


def save_row(draft: Draft, version: Version | None, body: Body, saved_text: str) -> None:
    """A note, what to do with the draft, and how it stands; `saved_text` is said where nothing has changed."""
    is_draft = draft.has_changes(body, version)
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        note = prompt_state().field_values[draft.slot].get("note", "")
        draft.text_input("Note", note, "note", width=280, placeholder="What changed, and why")
        st.button("Save version", key=f"{draft.picker}_save", type="primary", icon=":material/save:",
                  on_click=draft.save, disabled=not is_draft)  # fmt: skip
        # Only where there is something to discard.
        if is_draft and store().draft(draft.project, draft.kind, draft.name) is not None:
            st.button("Discard changes", key=f"{draft.picker}_discard", type="tertiary", icon=":material/undo:",
                      on_click=draft.discard)  # fmt: skip
    if not is_draft:
        if saved_text:
            st.caption(saved_text)
        return
    st.caption("Not saved as a version yet. The draft is kept as you type, also when this tab is closed.")
    if version is not None and body["base"] < version.number:
        st.caption(f"The draft was begun on version {body['base']}; version {version.number} is newer.")
