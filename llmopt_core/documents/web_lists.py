"""The marks of list items on a page."""

from __future__ import annotations

from typing import Any

from llmopt_core.documents.word_styles import BULLET, count_in


def list_marks(root: Any) -> dict[Any, str]:
    """The mark of each item of an ordered list, such as `3. ` or `c. `; items of others have a bullet."""
    marks: dict[Any, str] = {}
    for list_element in root.iter("ol"):
        items = [item for item in list_element if item.tag == "li"]
        down = "reversed" in list_element.attrib
        # From `start`; a list that counts down begins with the number of its items.
        number = _whole(list_element.get("start"), len(items) if down else 1)
        for item in items:
            # An item may say its own number, and those after it go on from there.
            number = _whole(item.get("value"), number)
            marks[item] = f"{count_in(_KINDS.get(list_element.get('type', '1'), 'decimal'), number)}. "
            number += -1 if down else 1
    return marks


def mark_of(item: Any, marks: dict[Any, str]) -> str:
    """What stands before a list item."""
    return marks.get(item, BULLET)


def _whole(text: str | None, otherwise: int) -> int:
    text = (text or "").strip()
    # At most six digits, as `start` may say anything.
    return int(text) if text.removeprefix("-").isdecimal() and len(text) < 7 else otherwise


_KINDS = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
