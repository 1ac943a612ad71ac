"""The query in what a model wrote."""

from __future__ import annotations

import re

from llmopt_core.text.json_replies import plain_objects, without_thinking

# ```sql ... ``` with any language; the closing fence may be missing where the answer was cut.
_BLOCK = re.compile(
    r"(?P<fence>```|~~~)[ \t]*(?:(?!(?:select|with|values|from)\b)(?P<language>[\w+.-]+)(?=\s))?"
    r"(?P<body>.*?)(?:(?P=fence)|\Z)",
    re.DOTALL | re.IGNORECASE,
)
# Labels of blocks that hold a query, besides all that end in `sql`: models name any dialect they know.
_DIALECTS = frozenset(
    ("sqlite", "sqlite3", "duckdb", "postgres", "bigquery", "snowflake", "redshift", "hive", "spark", "oracle")
)
# Keys of a query in a JSON answer.
_KEYS = ("sql", "query", "sql_query", "final_sql", "final_query")
# What models write before the final query of a chain of thought.
_LABEL = re.compile(r"^[ \t>*#]*(?:final )?(?:sql ?query|sql|query)[ \t*]*[:：][ \t*]*", re.IGNORECASE | re.MULTILINE)
# Marks around a query, and those of a chat template that came through.
_MARKS = re.compile(r"</?sql(?:query)?>|\[/?SQL\]|<\|[^|<>\n]{1,40}\|>", re.IGNORECASE)
_WORD = r"(?:SELECT\b|WITH\s+(?:RECURSIVE\s+)?[\w\"`\[\]]+\s*(?:\([^)]*\)\s*)?AS\b)"
_START = re.compile(rf"\b{_WORD}", re.IGNORECASE)
# A query begins its line, maybe in brackets; `to select the rows` in prose does not.
_LINE_START = re.compile(rf"^[ \t]*(?:\([ \t\n]*)*(?:{_WORD}|VALUES\s*\()", re.IGNORECASE | re.MULTILINE)
_COMMENTS = re.compile(r"(?:\s|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*", re.DOTALL)
_QUOTES = {"'": "'", '"': '"', "`": "`", "[": "]"}
_BLANK_LINE = re.compile(r"\n[ \t]*\n\s*")
# A line that goes on with the query: `FROM` in capitals or in small letters, and not the `From` of a sentence.
_CLAUSES = (
    "AND|AS|CASE|CROSS|ELSE|END|EXCEPT|FETCH|FROM|FULL|GROUP|HAVING|INNER|INTERSECT|JOIN|LEFT|LIMIT|NATURAL|OFFSET|ON|"
    "OR|ORDER|OUTER|OVER|QUALIFY|RIGHT|THEN|UNION|USING|VALUES|WHEN|WHERE|WINDOW"
)
_GOES_ON = re.compile(rf"\s*(?!/\*|--)(?:[(),=<>+*/|-]|(?:{_CLAUSES}|{_CLAUSES.lower()})\b)")
# Where prose may begin behind a query that nothing ends.
_PROSE = re.compile(r"\n|[.:]\s+(?=[A-Z])|[。；]")


def find_query(text: str, dialect: str = "sqlite") -> str:
    """The query in a model's answer, without its semicolon; empty where there is none.

    The last fenced block with a query counts, else the value of `sql` in a JSON answer, else what follows the last
    `SQL:`, else the first SELECT, WITH or VALUES. Without a fence it ends at a semicolon outside of quotes, at a blank
    line behind which no clause goes on, or where prose begins.

    Args:
        text: All that the model wrote.
        dialect: Whose SQL it is.
    """
    text = without_thinking(text.replace("\r\n", "\n"))
    block = _query_block(text)
    if block:
        return _one_statement(block)
    value = _json_query(text)
    if value:
        return _one_statement(value)
    text = _MARKS.sub("\n\n", text)
    labels = list(_LABEL.finditer(text))
    if labels and _START.search(text, labels[-1].end()):
        text = text[labels[-1].end() :]
    start = _LINE_START.search(text) or _START.search(text)
    if start is None:
        return ""
    begin = start.start()
    # `SELECT ...` in a sentence: the tick that opened it closes it.
    if text[:begin].endswith("`") and (end := text.find("`", begin)) > 0:
        return _one_statement(text[begin:end])
    return _without_prose(_one_statement(text[begin:], blank_line_ends=True), dialect)


def begins_query(text: str) -> bool:
    """Whether a text begins with a query, behind comments and brackets."""
    comments = _COMMENTS.match(text)
    return _LINE_START.match(text[comments.end() if comments else 0 :]) is not None


def _query_block(text: str) -> str:
    """The body of the last block that is a query; of one that is labelled as such whatever statement it holds."""
    blocks = [(str(match["language"] or "").lower(), str(match["body"]).strip()) for match in _BLOCK.finditer(text)]
    labelled = [body for language, body in blocks if language.endswith("sql") or language in _DIALECTS]
    plain = [body for language, body in blocks if not language]
    queries = [body for body in labelled if begins_query(body)] or [body for body in labelled if body]
    queries = queries or [body for body in plain if begins_query(body)]
    return queries[-1] if queries else ""


def _json_query(text: str) -> str:
    # The last one counts, as with blocks.
    for value in reversed(list(plain_objects(text))):
        for key, query in value.items():
            if key.lower() in _KEYS and isinstance(query, str) and query.strip():
                return query
    return ""


def _one_statement(text: str, *, blank_line_ends: bool = False) -> str:
    """Up to the first semicolon outside of quotes and comments."""
    text = text.strip()
    place = depth = 0
    # The main query of a WITH comes behind its parts, which some models set apart by blank lines.
    is_open = text[:4].upper() == "WITH"
    while place < len(text):
        if text.startswith("--", place):
            place = _after(text, "\n", place)
        elif text.startswith("/*", place):
            place = _after(text, "*/", place)
        elif text[place] in _QUOTES:
            place = _after(text, _QUOTES[text[place]], place + 1)
        elif text[place] in ";；":
            return text[:place].strip()
        elif blank_line_ends and depth <= 0 and (gap := _BLANK_LINE.match(text, place)):
            selects = text[gap.end() : gap.end() + 6].upper() == "SELECT"
            if not (_GOES_ON.match(text, gap.end()) or (is_open and selects) or text[:place].rstrip().endswith(",")):
                return text[:place].strip()
            is_open = is_open and not selects
            place = gap.end()
        else:
            depth += {"(": 1, ")": -1}.get(text[place], 0)
            place += 1
    return text


def _without_prose(text: str, dialect: str) -> str:
    """The query without what a model said behind it: the longest beginning that can be read, where the rest is prose.

    A query whose fault stands at its end stays whole, so that the database tells it.
    """
    if not text or _can_be_read(text, dialect):
        return text
    for place in reversed([match.start() for match in _PROSE.finditer(text)]):
        rest = text[place:].lstrip(".:。；\n ")
        if not _GOES_ON.match(rest) and _can_be_read(text[:place], dialect):
            return text[:place].strip()
    return text


def _can_be_read(text: str, dialect: str) -> bool:
    from sqlglot import parse_one
    from sqlglot.errors import SqlglotError

    try:
        parse_one(text, read="postgres" if dialect == "postgresql" else dialect)
    except (SqlglotError, RecursionError):
        return False
    return True


def _after(text: str, end: str, place: int) -> int:
    found = text.find(end, place)
    return len(text) if found < 0 else found + len(end)
