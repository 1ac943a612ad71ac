"""Fields and old and new form controls of a Word file."""

from __future__ import annotations

import re
from typing import Any

from llmopt_core.documents.package import attribute, child, descendants, local, value_of, whole_number

_BOXES = {True: "☒", False: "☐"}
_OFF = ("0", "false", "off")
# Fields that show nothing, or what is of no use outside of the pages.
_SILENT = frozenset(("", "XE", "TC", "TA", "RD", "SET", "ASK", "PRIVATE", "HYPERLINK", "FORMTEXT", "FORMCHECKBOX",
                     "FORMDROPDOWN", "ADVANCE", "PAGE", "NUMPAGES", "SECTION", "SECTIONPAGES", "PRINT"))  # fmt: skip
# `MACROBUTTON name words`: the words are what is shown.
_BUTTON = re.compile(r"\s*(?:MACROBUTTON|GOTOBUTTON)\s+\S+\s+(.*)", re.IGNORECASE | re.DOTALL)


class Fields:
    """The fields of a text, one inside the other, as they begin and end.

    Attributes:
        without_result: How many show something that is not stored in the file.
    """

    def __init__(self) -> None:
        # Fields stand in fields: each has its instruction.
        self._open: list[list[str]] = []
        self._visibility: list[bool] = []
        self.without_result = 0

    def say(self, instruction: str) -> None:
        """Note words of the instruction of the innermost field."""
        if self._open:
            # Outside of any field an instruction shows nothing.
            self._open[-1].append(instruction)

    def mark(self, kind: str) -> str:
        """Note a `begin`, `separate` or `end`; what the field shows, where its instruction is all there is."""
        if kind == "begin":
            self._open.append([])
            self._visibility.append(False)
        elif kind == "separate" and self._visibility:
            # Behind `separate` stands the stored result, which is read as text.
            self._visibility[-1] = True
        elif kind == "end" and self._open:
            # `end` without `begin` is of a damaged file.
            return self.instruction("".join(self._open.pop()), is_shown=self._visibility.pop())
        return ""

    def instruction(self, text: str, *, is_shown: bool) -> str:
        """What a field with this instruction shows beside its stored result, if it has one."""
        button = _BUTTON.fullmatch(text)
        if is_shown or button:
            return button[1].strip() if button and not is_shown else ""
        # The first word is the kind; without a result it would have shown something.
        self.without_result += (text.split() or [""])[0].upper() not in _SILENT
        return ""


def form_field(item: Any) -> str:
    """The state of an old form's box, or the chosen entry of its list, which stand nowhere in the text."""
    data = child(item, "ffData")
    box = child(data, "checkBox")
    if box is not None:
        state = child(box, "checked")
        # Without a state the box is as it was made.
        state = state if state is not None else child(box, "default")
        return _BOXES[state is not None and attribute(state, "val") not in _OFF]
    choices = child(data, "ddList")
    if choices is None:
        return ""
    entries = [attribute(entry, "val") for entry in choices if local(entry) == "listEntry"]
    # `result` is what was chosen; without it the first entry is shown.
    choice = value_of(choices, "result") or value_of(choices, "default") or "0"
    return dict(enumerate(entries)).get(whole_number(choice, -1), "")


def check_box(control: Any) -> str:
    """The state of a content control that is a box to tick, whatever font draws it; empty for others."""
    box = child(child(control, "sdtPr"), "checkbox")
    # Around paragraphs the control is no box in a line: its text is read.
    if box is None or descendants(control, "p"):
        return ""
    return _BOXES[attribute(child(box, "checked"), "val") in ("1", "true", "on")]
