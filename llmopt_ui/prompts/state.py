"""What a browser session remembers of the prompt lab: one typed object under one key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from llmopt_core.models.trust import Destination

_KEY = "llmopt_prompt_state"


@dataclass
class PromptState:
    """The session's own things in the prompt lab. What is typed lives in the store, as drafts.

    Attributes:
        revisions: How often the fields of a form were filled anew; part of their keys.
        filled: What each form's fields were last filled with, by the form's slot.
        unveiled: Whether a voter looks at the result of a comparison, where they said so; by comparison and voter.
        voter: Who votes here; None where the browser was not asked yet whom it remembers.
        voted_on: The comparisons that the remembered voter has voted on from this browser.
        own_votes: The examples that were voted on from here, by comparison and voter.
        imported: What the last import of a promptfoo file became.
        new_hosts: Where a promptfoo file that waits for it would send texts and keys.
        opened: The prompt, few-shot set or comparison to open at the next rerun, by its picker's key.
    """

    revisions: dict[str, int] = field(default_factory=dict)
    filled: dict[str, dict[str, Any]] = field(default_factory=dict)
    opened: dict[str, str] = field(default_factory=dict)
    unveiled: dict[tuple[str, str], bool] = field(default_factory=dict)
    voter: str | None = None
    voted_on: tuple[str, ...] = ()
    own_votes: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    imported: object = None
    new_hosts: tuple[Destination, ...] = ()

    def slot(self, form: str) -> str:
        """The part of widget keys that changes when the form is filled anew."""
        return f"{form}_{self.revisions.get(form, 0)}"

    def fill(self, form: str) -> None:
        """Let the form's fields be filled anew at the next rerun."""
        self.filled.pop(self.slot(form), None)
        self.revisions[form] = self.revisions.get(form, 0) + 1


def prompt_state() -> PromptState:
    """The state of the current session."""
    found = st.session_state.get(_KEY)
    if found is None:
        found = st.session_state[_KEY] = PromptState()
    return found


def open_next(picker: str, name: str) -> None:
    """Let a picker show this name at the next rerun."""
    prompt_state().opened[picker] = name


def addressed(name: str, options: Sequence[str], default: str) -> dict[str, Any]:
    """Arguments of a widget whose choice stands in the address by itself, not by how it is shown there.

    Streamlit's own binding writes labels into the address, and those of such widgets change.
    """
    key = f"{name}_choice"
    wanted = prompt_state().opened.pop(name, "")
    if wanted in options:
        st.query_params[name] = st.session_state[key] = wanted
    elif st.session_state.get(key) not in options:
        found = st.query_params.get(name, default)
        st.session_state[key] = found if found in options else default
    return {"key": key, "on_change": _into_address, "args": (name, key, default)}


def tell_gone(name: str, options: Sequence[str], what: str) -> None:
    """Say that what the address names is not in this project, such as a comparison that was deleted."""
    named = st.query_params.get(name, "")
    if named and named not in options:
        st.warning(f"The {what} that this link names is not in this project.", icon=":material/link_off:")


def _into_address(name: str, key: str, default: str) -> None:
    chosen = st.session_state[key]
    if chosen in (None, default):
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = chosen


def picked(picker: str, names: list[str], label: str, **options: Any) -> str:
    """A picker of names that stands in the address, and goes where `open_next` sent it."""
    wanted = prompt_state().opened.pop(picker, "")
    if wanted in names:
        st.session_state[picker] = wanted
    elif st.session_state.get(picker) not in (None, *names):
        del st.session_state[picker]
    return str(st.selectbox(label, names, key=picker, bind="query-params", **options))
