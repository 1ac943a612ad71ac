"""The little that Spider's test suite reads in the text of a query, by the rules of the tokenizer it uses."""

from __future__ import annotations

import re
from collections.abc import Iterator

# In the order in which sqlparse 0.4 tries them. A quote that is never closed is a sign like any other.
_TOKEN = re.compile(
    r"""
      (?P<comment> (?:--|\#\ )[^\r\n]*(?:\r\n|\r|\n|$) | /\*[\s\S]*?\*/ )
    | (?P<quoted> `(?:``|[^`])*` | '(?:''|\\[\s\S]|[^'\\])*' | '(?:''|[^'])*'
                | "(?:""|\\[\s\S]|[^"\\])*" | "(?:""|[^"])*" | (?<![\w\])])\[[^\]\[]+\] )
    | (?P<name> :=|:: | (?:@|\#\#?|\\|(?<!\w)[$:])\w+ | %(?:\(\w+\))?s )
    | (?P<word> [0-9_A-Za-zÀ-ü][_$\#\w]* )
    | (?P<sign> [\s\S] )
    """,
    re.VERBOSE,
)


def _tokens(sql: str) -> Iterator[tuple[str, str]]:
    for match in _TOKEN.finditer(sql):
        yield match.lastgroup or "", match.group()


def first_statement_without_distinct(sql: str) -> str | None:
    """The first statement of a text, each word DISTINCT left out; None where there is no statement.

    A semicolon inside parentheses ends no statement, and END closes a parenthesis, as in the tokenizer that is
    imitated (sqlparse 0.4).
    """
    kept: list[str] = []
    depth = 0
    is_blank = True
    for kind, text in _tokens(sql):
        is_blank = is_blank and text.isspace()
        depth += _depth_change(kind, text)
        if not (kind == "word" and text.lower() == "distinct"):
            kept.append(text)
        if text == ";" and depth <= 0:
            break
    return None if is_blank else "".join(kept)


def _depth_change(kind: str, text: str) -> int:
    if kind == "sign":
        return {"(": 1, ")": -1}.get(text, 0)
    return -1 if kind == "word" and text.upper() == "END" else 0


_TAIL = re.compile(r"(?:[ \t\f\n\r]|--[^\n]*(?:\n|$)|/\*[\s\S]*?(?:\*/|$))*")


def has_one_statement(sql: str) -> bool:
    """Whether Python's sqlite3 takes a text for one statement: only blanks and comments follow its first semicolon."""
    place = 0
    for kind, text in _tokens(sql):
        place += len(text)
        if kind == "sign" and text == ";":
            return _TAIL.fullmatch(sql, place) is not None
    return True
