"""GitHub's Markdown: tables whose cells show the text of users as it stands."""

from __future__ import annotations

import re
from collections.abc import Sequence

from llmopt_core.text.valid_text import without_surrogates

# Every sign that begins something in Markdown or HTML.
_SIGNS = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~&$])")
# What GitHub makes mentions, references, emoji and links of after it has read the Markdown, so that escaping does not
# help: nobody may be called by the name of a configuration.
_READ_LATER = re.compile(r"(?<=[@#:])(?=[^\s@#:])|(?<=\bGH)(?=-\d)|(?<=\bwww)(?=\.)", re.IGNORECASE)
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# A word joiner: unseen, without width, and no line breaks there.
_APART = "\u2060"


def plain_text(text: str, limit: int = 200) -> str:
    """The text of a user as one line that GitHub shows as it stands; a very long one is cut."""
    flat = " ".join(without_surrogates(text).split())
    visible = _CONTROLS.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), flat)
    cut = visible if len(visible) <= limit else f"{visible[: limit - 1]}…"
    return _SIGNS.sub(r"\\\1", _READ_LATER.sub(_APART, cut))


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are Markdown already; see `plain_text`."""
    lines = [_row(header), _row(["---"] * len(header)), *map(_row, rows)]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
