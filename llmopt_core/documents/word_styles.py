"""What the styles and the numbering of a Word file say of a paragraph: its heading level and its list mark."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from llmopt_core.documents.package import attribute, child, local, value_of, whole_number

# Styles are known by their English name, whatever language Word shows them in.
_HEADING = re.compile(r"heading (\d)", re.IGNORECASE)
# `%1.%2`: the numbers of the levels above stand in the mark.
_PLACE = re.compile(r"%(\d)")
_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"),
          (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip
BULLET = "- "


@dataclass(frozen=True, slots=True)
class Look:
    """What a style says, itself or by what it is based on: heading level from 1 (0 for none), list and list level."""

    level: int = 0
    list_style: bool = False
    number: str = ""
    depth: str = ""


class Styles:
    """The paragraph styles of a document."""

    def __init__(self, root: Any) -> None:
        styles = [style for style in (root if root is not None else ()) if local(style) == "style"]
        # By id: names are for people.
        self._styles = {attribute(style, "styleId"): style for style in styles}
        self._default = next(
            (attribute(s, "styleId") for s in styles
             if attribute(s, "type") == "paragraph" and attribute(s, "default") in ("1", "true", "on")), ""
        )  # fmt: skip
        self._looks: dict[str, Look] = {}

    def look(self, style: str) -> Look:
        """What a paragraph of this style looks like."""
        style = style or self._default
        if style not in self._looks:
            self._looks[style] = self._look(style)
        return self._looks[style]

    def _look(self, style: str) -> Look:
        level, number, depth, list_style = 0, "", "", False
        known_styles: set[str] = set()
        # Styles may be based on each other in a circle, in a damaged file.
        while style in self._styles and style not in known_styles:
            known_styles.add(style)
            element = self._styles[style]
            name = value_of(element, "name")
            paragraph = child(element, "pPr")
            # The nearest that says something counts.
            level = level or _level_of_name(name) or outline_level(paragraph)
            list_style = list_style or name.startswith("List ")
            numbering = child(paragraph, "numPr")
            number = number or value_of(numbering, "numId")
            depth = depth or value_of(numbering, "ilvl")
            style = value_of(element, "basedOn")
        # Body text (-1) is no heading.
        return Look(max(level, 0), list_style, number, depth)


def _level_of_name(name: str) -> int:
    heading = _HEADING.fullmatch(name)
    # Word's own styles go to 9, Markdown to 6. The title of a document is of the first level.
    return max(1, min(6, int(heading[1]))) if heading else int(name == "Title")


def outline_level(paragraph: Any) -> int:
    """The heading level that `pPr` gives, from 1 to 6; -1 where it says body text, 0 where it says nothing."""
    value = value_of(paragraph, "outlineLvl")
    level = whole_number(value, -1)
    if level < 0:
        return 0
    # Nine is body text.
    return min(6, level + 1) if level < 9 else -1


def switch(properties: Any, name: str) -> str:
    """`on` or `off` where the properties say, else empty."""
    element = child(properties, name)
    if element is None:
        return ""
    # The element alone means on.
    return "off" if attribute(element, "val") in ("0", "false", "off") else "on"


class Numbering:
    """The lists of a document; counts their items as they come."""

    def __init__(self, root: Any) -> None:
        items = list(root) if root is not None else []
        self._abstract = {attribute(i, "abstractNumId"): i for i in items if local(i) == "abstractNum"}
        self._numbers = {attribute(i, "numId"): i for i in items if local(i) == "num"}
        self._counts: dict[str, dict[int, int]] = {}

    def mark(self, number: str, depth: str) -> str | None:
        """The mark of the next item, such as `2.1 `, with a space; None where there is no such list."""
        numbering = self._numbers.get(number)
        level = whole_number(depth)
        # Word has nine levels.
        if numbering is None or level > 8:
            return None
        levels = self._levels(numbering)
        if level not in levels:
            return None
        kind = value_of(levels[level], "numFmt")
        if kind == "bullet":
            # Bullets count nothing.
            return BULLET
        # Lists of one abstract list go on counting in each other, as Word has it.
        counts = self._counts.setdefault(value_of(numbering, "abstractNumId"), {})
        # A higher item begins the deeper levels anew.
        for deeper in [key for key in counts if key > level]:
            del counts[deeper]
        for above in range(level + 1):
            # A level that was left out begins at its start; this one by one less, as it is counted below.
            if above not in counts:
                counts[above] = self._start(numbering, levels, above) - (above == level)
        counts[level] += 1
        if kind == "none":
            return ""
        text = _PLACE.sub(lambda place: _count(levels, counts, int(place[1]) - 1), value_of(levels[level], "lvlText"))
        return text.strip() + " " if text.strip() else ""

    def _levels(self, number: Any) -> dict[int, Any]:
        abstract = self._abstract.get(value_of(number, "abstractNumId"))
        # A list may replace levels of its abstract list.
        overrides = [c for c in (child(o, "lvl") for o in number if local(o) == "lvlOverride") if c is not None]
        levels = [item for item in (abstract if abstract is not None else ()) if local(item) == "lvl"]
        return {whole_number(attribute(item, "ilvl")): item for item in levels + overrides}

    @staticmethod
    def _start(number: Any, levels: dict[int, Any], level: int) -> int:
        for item in number:
            if local(item) == "lvlOverride" and attribute(item, "ilvl") == str(level):
                # Restarted by the list itself.
                start = whole_number(value_of(item, "startOverride"), -1)
                if start >= 0:
                    return start
        return whole_number(value_of(levels.get(level), "start"), 1)


def _count(levels: dict[int, Any], counts: dict[int, int], level: int) -> str:
    return count_in(value_of(levels.get(level), "numFmt"), counts.get(level, 1))


def count_in(kind: str, count: int) -> str:
    """A number as a list shows it; `kind` by Word's names, such as `lowerRoman`."""
    if kind in ("lowerLetter", "upperLetter") and count > 0:
        # After `z` comes `aa`, then `bb`: the same letter again. Nine at most, as a damaged file may count to millions.
        letter = chr(ord("a") + (count - 1) % 26) * min(9, (count - 1) // 26 + 1)
        return letter if kind == "lowerLetter" else letter.upper()
    # Roman numerals end at 3999.
    if kind in ("lowerRoman", "upperRoman") and 0 < count < 4000:
        return _roman(count) if kind == "lowerRoman" else _roman(count).upper()
    return f"{count:02d}" if kind == "decimalZero" else str(count)


def _roman(count: int) -> str:
    out = ""
    for value, letters in _ROMAN:
        out += letters * (count // value)
        count %= value
    return out
