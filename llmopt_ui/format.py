"""Numbers, times and money as short plain text. At most three significant digits."""

from __future__ import annotations

import re
from datetime import datetime

from llmopt_core.reporting.formatting import (
    DASH,
    change,
    dollars,
    duration,
    interval,
    money,
    number,
    p_value,
    plural,
    score,
    short_time,
    with_sign,
)
from llmopt_core.text import words
from llmopt_ui.viewer_time import viewer_zone

__all__ = [
    "DASH", "change", "count", "day", "dollars", "duration", "file_stem", "full_moment", "interval", "markdown",
    "moment", "money", "number", "p_value", "plural", "score", "short_time", "shorten", "with_sign",
]  # fmt: skip


def count(value: int | None) -> str:
    """`48`, `12.3 k`, `1.2 M`."""
    if value is None:
        return DASH
    # Up to here the exact figure is as short as a rounded one.
    if value < 10_000:
        return f"{value:,}"
    return f"{number(value / 1000)} k" if value < 1_000_000 else f"{number(value / 1_000_000)} M"


def moment(when: datetime, *, seconds: bool = False) -> str:
    """A day and a time where the viewer is, such as "4 Mar, 16:20"; with its seconds where moments are close."""
    here = when.astimezone(viewer_zone())
    # Not `%-d`, which Windows refuses.
    return f"{here.day} {here:%b, %H:%M}" + (f":{here:%S}" if seconds else "")


def day(when: datetime) -> str:
    """A day with its year where the viewer is, such as "4 Mar 2026"."""
    here = when.astimezone(viewer_zone())
    return f"{here.day} {here:%b %Y}"


def full_moment(when: datetime) -> str:
    """A day with its year, and a time, where the viewer is, such as "4 Mar 2026, 16:20"."""
    return f"{day(when)}, {when.astimezone(viewer_zone()):%H:%M}"


def shorten(text: str, limit: int = 80) -> str:
    """One line of at most `limit` characters, cut with an ellipsis."""
    return words.shorten(text, limit)


_APART = "\u2060"
"""A word joiner: unseen, without width, and no line breaks there."""

_READ_LATER = re.compile(
    r"https?:(?=//)|www(?=\.)|(?<=[\w.+-])@(?=[-\w]+\.)|:(?=[a-z][\w/+-]*:)|(?:^|(?<=\s))[-<>~](?=(?:->|[->=])(?:\s|$))",
    re.IGNORECASE,
)
"""What Streamlit makes links, icons and arrows of after it has read the Markdown, so that escaping does not help."""


def markdown(text: str) -> str:
    """User text made safe inside Markdown: whatever could be read as more than text is shown as it stands."""
    flat = _READ_LATER.sub(lambda match: match.group() + _APART, " ".join(text.split()))
    # Every sign that begins something in Markdown or in Streamlit's additions to it: `:` icons and colours, `$`
    # formulas, `~` strike-through, `&` entities. A backslash before any of them shows the sign itself.
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|<>~:$&])", r"\\\1", flat)


def file_stem(text: str) -> str:
    """A name that is safe in a file name."""
    # Letters of all languages stay. No slash, colon or space, and no dot at the start, which would hide the file.
    return re.sub(r"[^\w.-]+", "-", text).strip("-.") or "results"


def unbroken(text: str) -> str:
    """The text with spaces at which no line breaks."""
    return text.replace(" ", "\u00a0")
