"""Regular expressions written by users, over text written by models: checked first, and stopped when they run away."""

from __future__ import annotations

import re
from typing import Any

import regex  # type: ignore[import-untyped]

from llmopt_core.errors import BadInput

SECONDS = 1.0
MAX_UNFOLDED = 100_000

# An escape, a character class, a group's bracket, the least number of a repeat, or any other character.
_PART = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[()]|\{(\d+)(?:,\d*)?\}|.", re.DOTALL)


def compiled_pattern(pattern: str, ignore_case: bool = False) -> Any:
    """The compiled expression (Python's syntax and that of the `regex` package).

    Raises:
        BadInput: It is not a regular expression, or its repeats make it very long.
    """
    if _unfolded(pattern) > MAX_UNFOLDED:
        raise BadInput(f"{pattern[:200]!r} is too large: its repeats make more than {MAX_UNFOLDED:,} steps.")
    try:
        return regex.compile(pattern, regex.IGNORECASE if ignore_case else 0)
    except regex.error as error:
        raise BadInput(f"{pattern!r} is not a regular expression: {error}.") from error


def _unfolded(pattern: str) -> int:
    """About how long the expression is with its repeats written out, as compiling does it."""
    outer: list[int] = []
    total = last = 0
    for part in _PART.finditer(pattern):
        if part[0] == "(":
            outer.append(total)
            total = last = 0
        elif part[0] == ")" and outer:
            last = total
            total += outer.pop()
        elif part[1] is not None:
            total += last * (int(part[1][:12]) - 1) if int(part[1][:12]) else 0
        else:
            last = 1
            total += 1
    return total


def matches(pattern: str, text: str, *, ignore_case: bool = False, seconds: float = SECONDS) -> list[Any]:
    """Every match of the pattern in the text.

    Raises:
        BadInput: The pattern is wrong, or takes longer than `seconds` on this text.
    """
    expression = compiled_pattern(pattern, ignore_case)
    try:
        # `concurrent` lets other threads go on while this one searches.
        return list(expression.finditer(text, timeout=seconds, concurrent=True))
    except TimeoutError as error:
        raise BadInput(
            f"The regular expression {pattern!r} takes more than {seconds:g} s on a text of {len(text):,} characters; "
            "look for nested repeats such as `(a+)+`."
        ) from error


def extract_answer(pattern: str, text: str) -> str | None:
    """The group `answer` of the pattern's last match in the text, trimmed; None where there is no match.

    An empty pattern takes the whole text. The dot matches line breaks only where the pattern says so.

    Raises:
        BadInput: The pattern is wrong or runs away.
    """
    if not pattern:
        return text.strip()
    found = matches(pattern, text)
    return (found[-1]["answer"] or "").strip() if found else None


def checked_pattern(pattern: str) -> str:
    """The pattern itself.

    Raises:
        ValueError: It is not a regular expression with a group named `answer`; empty is allowed.
    """
    if not pattern:
        return pattern
    try:
        groups = compiled_pattern(pattern).groupindex
    except BadInput as error:
        raise ValueError(str(error)) from error
    if "answer" not in groups:
        raise ValueError(f"{pattern!r} needs a named group `(?P<answer>...)` that says which part is the answer")
    return pattern
