"""The query in what a model wrote."""

from __future__ import annotations

import re

# ```sql ... ```; the closing fence may be missing where the answer was cut.
_FENCE = re.compile(
    r"```[ \t]*(?:sql|sqlite|duckdb|postgresql|postgres)?[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL | re.IGNORECASE
)
# What models write before the final query of a chain of thought.
_LABEL = re.compile(r"^[ \t>*#]*(?:final )?(?:sql|query|sql query)[ \t*]*:[ \t*]*", re.IGNORECASE | re.MULTILINE)
_WORD = r"(?:SELECT\b|WITH\s+(?:RECURSIVE\s+)?[\w\"`\[\]]+\s*(?:\([^)]*\)\s*)?AS\b)"
_START = re.compile(rf"\b{_WORD}", re.IGNORECASE)
# A query begins its line; `to select the rows` in prose does not.
_LINE_START = re.compile(rf"^[ \t]*{_WORD}", re.IGNORECASE | re.MULTILINE)
_QUOTES = {"'": "'", '"': '"', "`": "`", "[": "]"}


def find_query(text: str) -> str:
    """The query in a model's answer, without its semicolon; empty where there is none.

    The last fenced block counts, else what follows the last `SQL:`, else the first SELECT or WITH. It ends at a
    semicolon outside of quotes, or at a blank line.
    """
    blocks = [block for block in _FENCE.findall(text) if _START.search(block)]
    if blocks:
        return _one_statement(blocks[-1])
    labels = list(_LABEL.finditer(text))
    if labels and _START.search(text, labels[-1].end()):
        text = text[labels[-1].end() :]
    start = _LINE_START.search(text) or _START.search(text)
    return "" if start is None else _one_statement(text[start.start() :], blank_line_ends=True)


def _one_statement(text: str, *, blank_line_ends: bool = False) -> str:
    """Up to the first semicolon outside of quotes and comments."""
    text = text.strip()
    place = 0
    while place < len(text):
        if text.startswith("--", place):
            place = _after(text, "\n", place)
        elif text.startswith("/*", place):
            place = _after(text, "*/", place)
        elif text[place] in _QUOTES:
            place = _after(text, _QUOTES[text[place]], place + 1)
        elif text[place] == ";" or (blank_line_ends and re.match(r"\n[ \t]*\n", text[place:])):
            return text[:place].strip()
        else:
            place += 1
    return text


def _after(text: str, end: str, place: int) -> int:
    found = text.find(end, place)
    return len(text) if found < 0 else found + len(end)
