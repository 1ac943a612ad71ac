"""Errors meant for users. Each message is one sentence: what is wrong, where, and what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# A line break of any kind with the blanks around it. Begun only where no white space stands before, and possessive: a
# million blanks are looked at once.
_LINE_BREAKS = re.compile(r"(?<!\s)[^\S\n\v\f\r\x1c-\x1e\x85\u2028\u2029]*+[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]\s*+")
# A quoted or unbroken text of more than 300 characters, such as a whole prompt in place of a path: its beginning and
# its end tell which one it is.
_LONG_VALUE = re.compile(r"(?<!\w)'[^']{301,}'(?!\w)|\S{301,}")
# By their published prefixes: OpenAI and those who imitate it (sk-), AWS (AKIA, ASIA), GitHub (ghp_ ...), Hugging Face
# (hf_), Google (AIza), Slack (xox...), Groq (gsk_), xAI (xai-). The lengths keep words such as "sk-learn" out.
_KEY = re.compile(
    r"\b(?:sk-[A-Za-z0-9_-]{20,}|(?:AKIA|ASIA)[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{30,}|hf_[A-Za-z0-9]{30,}"
    r"|AIza[A-Za-z0-9_-]{30,}|xox[abprs]-[A-Za-z0-9-]{10,}|gsk_[A-Za-z0-9]{30,}|xai-[A-Za-z0-9]{30,})\b"
)


# Characters of a value in a sentence: enough to know it by.
_LONGEST_VALUE = 60


def has_key(text: str) -> bool:
    """Whether what looks like the key of a service stands in a text."""
    return _KEY.search(text) is not None


def hide_keys(text: str) -> str:
    """The text with `***` in place of what looks like the key of a service."""
    return _KEY.sub("***", text)


class LlmOptError(Exception):
    """Base of every error that is shown to the user as it is.

    What it quotes may hold anything: line breaks become spaces, a very long value is cut in its middle, and what looks
    like a key is hidden.
    """

    def __init__(self, message: str = "") -> None:
        line = hide_keys(_LINE_BREAKS.sub(" ", message))
        super().__init__(_LONG_VALUE.sub(lambda match: f"{match.group()[:200]}\u2026{match.group()[-60:]}", line))


class BadInput(LlmOptError):
    """A file, form or configuration is wrong. Names file and line where there is one."""


def field_problem(error: Mapping[str, Any]) -> str:
    """What pydantic says of one field, as the end of a sentence that begins with the field's name.

    Args:
        error: One of `ValidationError.errors()`.
    """
    kind, message = str(error["type"]), str(error["msg"])
    if kind == "missing":
        return "is missing"
    # Before the general case, which would quote the value: it may be a key.
    if kind == "extra_forbidden":
        return "is an unknown setting"
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        message = "should be a mapping"
    # Pydantic's sentence begins with its own word for the field; ours begins with the field's name.
    message = re.sub(r"^(Input|String|List|Tuple|Dictionary|Value) ", "", message)
    message = message.replace("a valid tuple", "a list").replace("a valid string", "a text")
    # The value as it was written, cut: a whole document may stand in the wrong place. A key is hidden before the cut,
    # which could make it too short to be known as one.
    if "input" not in error:
        return message
    value = hide_keys(repr(error["input"]))
    # With a sign that it goes on, or a text would seem to have no closing quote.
    return f"{message}, not {value if len(value) <= _LONGEST_VALUE else f'{value[:_LONGEST_VALUE]}…'}"


class EndpointError(LlmOptError):
    """A model endpoint refused, failed or answered nonsense.

    Attributes:
        kind: `unreachable`, `timeout`, `unauthorized`, `not-found`, `rate-limited`, `bad-request`, `server-error`,
            `bad-answer`, or `truncated`.
        usage: What the call took although nothing came of it (a `Usage`); None where nothing is paid or known.
    """

    def __init__(self, message: str, kind: str = "server-error", usage: Any = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.usage = usage


OUTAGES = frozenset(
    ("unreachable", "timeout", "unauthorized", "not-found", "rate-limited", "server-error", "bad-answer", "truncated")
)
"""Kinds of failures that say something about the endpoint, so that the next call is likely to fail as well.

A request it refuses (`bad-request`), a missing variable or a question that is too long belong to one example.
"""


class MissingDependency(LlmOptError):
    """A package, model file or program is absent. The message holds the exact command that installs it."""


class WorkspaceBusy(LlmOptError):
    """Another process holds what this one needs to write."""


class StorageError(LlmOptError):
    """The workspace cannot be read or written: a full disk, a read-only folder, a damaged file."""


class DatabaseConnectionError(StorageError):
    """The database server went away in the middle of a transaction, of which nothing is stored."""


class OutOfBudget(LlmOptError):
    """A run stopped cleanly because its budget was spent."""


class RunOwnershipError(LlmOptError):
    """Another process took the run over, or it was deleted: this one may not write to it any more."""


class Cancellation(LlmOptError):
    """The user cancelled."""
