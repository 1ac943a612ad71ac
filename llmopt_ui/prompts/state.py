"""What a browser session remembers of the prompt lab: one typed object under one key."""

from __future__ import annotations

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
        field_values: What each form's fields were last filled with, by the form's slot.
        reveals: Whether a voter looks at the result of a comparison, where they said so; by comparison and voter.
        voter: Who votes here; None where the browser was not asked yet whom it remembers.
        vote_memory: The comparisons that the remembered voter has voted on from this browser.
        own_votes: The examples that were voted on from here, by comparison and voter.
        import_result: What the last import of a promptfoo file became.
        new_hosts: Where a promptfoo file that waits for it would send texts and keys.
    """

    revisions: dict[str, int] = field(default_factory=dict)
    field_values: dict[str, dict[str, Any]] = field(default_factory=dict)
    reveals: dict[tuple[str, str], bool] = field(default_factory=dict)
    voter: str | None = None
    vote_memory: tuple[str, ...] = ()
    own_votes: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    import_result: object = None
    new_hosts: tuple[Destination, ...] = ()

    def slot(self, form: str) -> str:
        """The part of widget keys that changes when the form is filled anew."""
        return f"{form}_{self.revisions.get(form, 0)}"

    def fill(self, form: str) -> None:
        """Let the form's fields be filled anew at the next rerun."""
        # The values of the former turn; fields of the next one have other keys.
        self.field_values.pop(self.slot(form), None)
        self.revisions[form] = self.revisions.get(form, 0) + 1


def prompt_state() -> PromptState:
    """The state of the current session."""
    current = st.session_state.get(_KEY)
    if current is None:
        current = st.session_state[_KEY] = PromptState()
    return current
