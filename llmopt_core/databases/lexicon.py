"""A query as its tokens: that parser and engine see the same ones, and which of them are calls."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from llmopt_core.databases.functions import FUNCTIONS, NO_CALLS
from llmopt_core.databases.source import Dialect

if TYPE_CHECKING:
    from sqlglot.tokens import Token

_TEXT = re.compile(r"(?:[nN]|[uU]&)?'(?:[^']|'')*+'")
# Behind a backslash a quote does not end the text, which not every engine and setting agrees upon.
_ESCAPED_TEXT = re.compile(r"[eE]'(?:[^'\\]|''|\\[^'])*+'")
_BITS = re.compile(r"[bBxX]'[0-9a-fA-F]*+'|0[xX][0-9a-fA-F_]++|0[bB][01_]++")
_DOLLARS = re.compile(r"\$(\w*)\$(?:(?!\$\1\$).)*+\$\1\$", re.DOTALL)
_NAME = re.compile(r'"(?:[^"]|"")++"')
_SQLITE_NAME = re.compile(r'"(?:[^"]|"")++"|`(?:[^`]|``)++`|\[[^\]]++\]')
# What all engines take for space between words.
_BLANKS = " \t\r\n\f"
# Outside of texts: controls, spaces other than the plain one, and signs without a width.
_INVISIBLE = re.compile(
    r"[\x00-\x08\x0b\x0e-\x1f\x7f-\xa0\xad\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]"
)
_STRINGS = {
    "STRING": _TEXT, "NATIONAL_STRING": _TEXT, "UNICODE_STRING": _TEXT, "BYTE_STRING": _ESCAPED_TEXT,
    "RAW_STRING": _ESCAPED_TEXT, "HEX_STRING": _BITS, "BIT_STRING": _BITS, "HEREDOC_STRING": _DOLLARS,
}  # fmt: skip
# Words that begin a statement which is no query. A text that cannot be parsed and holds one of them is no slip of the
# pen.
_STATEMENT_WORDS = """
    alter analyze attach begin call checkpoint commit copy create deallocate declare delete detach discard do drop
    exec execute export grant import insert install into listen load lock merge move notify outfile pragma prepare
    reassign refresh reindex release reset revoke rollback savepoint security set shutdown truncate unlisten update
    vacuum xp_cmdshell
    """
_STATEMENTS = frozenset(_STATEMENT_WORDS.split())


def space_exponents(sql: str, tokens: Sequence[Token]) -> str:
    """The text with a space behind numbers such as `1e3`, where a sign follows that sqlglot takes for one of theirs."""
    places = [
        token.start + found.end()
        for token in tokens
        if token.token_type.name == "NUMBER"
        and (found := re.match(r"[\d.]+[eE][+-]?\d+(?=[+-])", sql[token.start : token.end + 3]))
    ]
    for place in reversed(places):
        sql = f"{sql[:place]} {sql[place:]}"
    return sql


def begins_as_query(tokens: Sequence[Token]) -> bool:
    """Whether the first word is one that a query may begin with."""
    words = (token.text.lower() for token in tokens if token.token_type.name != "L_PAREN")
    return next(words, "") in ("select", "with", "from")


def without_comments(sql: str, tokens: Sequence[Token], dialect: Dialect) -> str | None:
    """The text without comments and closing semicolons; None where the engine may read a token otherwise.

    Comments nest in some engines and not in others: the engine gets none, so that nothing hides in them.
    """
    pieces: list[str] = []
    end = 0
    for token in tokens:
        text = sql[token.start : token.end + 1]
        if not _is_plain(token, text, dialect):
            return None
        gap = sql[end : token.start]
        if not gap.strip() and gap.strip(_BLANKS):
            return None
        # A line break stays: two texts with one between them are one text.
        pieces += [gap if not gap.strip() else "\n" if "\n" in gap else " ", text]
        end = token.end + 1
    return "".join(pieces).strip()


def _is_plain(token: Token, text: str, dialect: Dialect) -> bool:
    kind = token.token_type.name
    if kind not in _STRINGS and _INVISIBLE.search(text):
        return False
    if kind == "IDENTIFIER":
        if dialect == "sqlite":
            return _SQLITE_NAME.fullmatch(text) is not None
        return _NAME.fullmatch(text) is not None
    pattern = _STRINGS.get(kind)
    return pattern is None or pattern.fullmatch(text) is not None


def call_problem(tokens: Sequence[Token], dialect: Dialect, names: Collection[int]) -> str | None:
    """The first call of a function that is not on the list, as a sentence.

    Args:
        tokens: All of the query.
        dialect: Whose list.
        names: Where names of tables with columns behind them begin, such as `n (i)`.
    """
    allowed = FUNCTIONS[dialect]
    for token, following in pairwise(tokens):
        if following.token_type.name != "L_PAREN" or token.start in names or not _is_word(token):
            continue
        # Some words are one token, such as GROUPING SETS.
        name = token.text.lower().rpartition(" ")[2]
        quoted = token.token_type.name == "IDENTIFIER"
        if name not in allowed and (quoted or name not in NO_CALLS):
            return call_sentence(token.text)
    return None


def call_sentence(name: str) -> str:
    """That a function is not on the list."""
    return f"The function {name[:60]} is not on the list of those that a query may call."


def _is_word(token: Any) -> bool:
    if token.token_type.name == "IDENTIFIER":
        return True
    # Keywords have types of their own, so that the text decides.
    return token.token_type.name not in _STRINGS and (token.text[:1].isalpha() or token.text[:1] in "_$@")


def looks_hostile(sql: str, tokens: Sequence[Token], dialect: Dialect) -> bool:
    """Whether a text that cannot be parsed is more than a query with a slip in it."""
    words = (token.text.lower() for token in tokens if _is_word(token) and token.token_type.name != "IDENTIFIER")
    if any(word in _STATEMENTS for word in words):
        return True
    outside = "".join(sql[token.start : token.end + 1] for token in tokens if token.token_type.name not in _STRINGS)
    # Signs that look like others, such as the Greek question mark, and what only tools for databases read.
    strange = any(not sign.isascii() and not sign.isalpha() for sign in outside) or "\\" in outside
    return strange or call_problem(tokens, dialect, ()) is not None
