"""The fields of a form: their keys are made alike, and what stands in them is kept while other pages are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st


@dataclass(frozen=True, slots=True)
class Fields:
    """Draws the fields of one form.

    Each field takes its label, the name in its key, and then what the widget of Streamlit takes.

    Attributes:
        form: What the keys begin with.
        token: What they end with: which thing is edited.
        place: Where the fields are drawn, such as a column.
    """

    form: str
    token: str
    place: Any = st

    def at(self, place: Any) -> Fields:
        """The same form, drawn elsewhere."""
        return Fields(self.form, self.token, place)

    def key(self, name: str) -> str:
        """The key of a field."""
        return f"{self.form}_{name}_{self.token}"

    def number(self, label: str, name: str, *limits: float | None, **options: Any) -> Any:
        """A number: at least, at most, before, step."""
        return self.place.number_input(label, *limits, key=self.key(name), persist_state="session", **options)

    def text(self, label: str, name: str, value: str = "", **options: Any) -> str:
        """A line of text."""
        return self.place.text_input(label, value, key=self.key(name), persist_state="session", **options) or ""

    def area(self, label: str, name: str, value: str = "", **options: Any) -> str:
        """A text of several lines."""
        return self.place.text_area(label, value, key=self.key(name), persist_state="session", **options) or ""

    def toggle(self, label: str, name: str, value: bool, **options: Any) -> bool:
        """A switch."""
        return bool(self.place.toggle(label, value, key=self.key(name), persist_state="session", **options))

    def choice(self, label: str, name: str, options: Mapping[str, str] | Sequence[str], value: str, **more: Any) -> str:
        """One of several; a mapping has the words they are shown as. What was chosen before is always among them."""
        # What a newer version or a file by hand has set may be unknown here: it must neither break the form nor be
        # changed by it.
        names = list(dict.fromkeys([*options, value]))
        if isinstance(options, Mapping):
            more.setdefault("format_func", lambda option: options.get(option, option))
        choice = self.place.selectbox(
            label, names, names.index(value), key=self.key(name), persist_state="session", **more
        )
        return str(choice or "")
