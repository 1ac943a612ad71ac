"""What is left of a query, and of a question, without the words of its database."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from llmopt_core.text.scripts import EAST_ASIAN, is_east_asian

# What stands in the place of schema words and values.
BLANK = "_"

# Bounded: of a thousand opening quotes each would look to the end for its closing one.
_NUMBER_OR_QUOTE = re.compile(r"\"[^\"]{0,200}\"|'[^']{0,200}'|“[^”]{0,200}”|「[^」]{0,200}」|\d+(?:[.,]\d+)*")
# Shorter names, such as `id`, would hide ordinary words; two Chinese characters are a word.
_SHORTEST_NAME, _SHORTEST_EAST_ASIAN_NAME = 3, 2
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# Queries whose parts are kept: each question of a set looks at the whole pool of solved ones.
_QUERIES_KEPT = 20_000


@lru_cache(_QUERIES_KEPT)
def skeleton(sql: str, dialect: str) -> tuple[str, ...]:
    """The tokens of a query with each run of names and values as one blank (DAIL-SQL's query skeleton).

    What sqlglot cannot split into tokens has an empty skeleton.
    """
    words: list[str] = []
    for kind, text in _tokens(sql, dialect):
        word = text.upper() if kind == "word" else BLANK
        if word != BLANK or words[-1:] != [BLANK]:
            words.append(word)
    return tuple(words)


@lru_cache(_QUERIES_KEPT)
def query_words(sql: str, dialect: str) -> tuple[str, ...]:
    """The names and values in a query: what a question words with them belongs to its database."""
    return tuple(dict.fromkeys(text for kind, text in _tokens(sql, dialect) if kind in ("name", "value")))


def _tokens(sql: str, dialect: str) -> list[tuple[str, str]]:
    """Each token as a `word` of the language, a `name`, a `value` or a `mark` between names; with its text."""
    from sqlglot import Dialect
    from sqlglot.errors import TokenError
    from sqlglot.tokens import TokenType

    language = Dialect.get_or_raise(dialect)
    try:
        tokens = language.tokenize(sql)
    except (TokenError, RecursionError):
        return []
    # Names of types are names of columns as often: `date`, `year`, `name`, `text`.
    names = {TokenType.VAR, TokenType.IDENTIFIER, TokenType.INDEX, *language.parser_class.TYPE_TOKENS}
    names -= {TokenType.NULL, TokenType.INTERVAL}
    values = {
        TokenType.STRING, TokenType.NUMBER, TokenType.NATIONAL_STRING, TokenType.RAW_STRING, TokenType.BYTE_STRING,
        TokenType.HEREDOC_STRING, TokenType.HEX_STRING, TokenType.UNICODE_STRING,
    }  # fmt: skip
    kinds = []
    for place, token in enumerate(tokens):
        kind = token.token_type
        # `COUNT (`: the function is a part of the shape, the column in it is not.
        is_call = tokens[place + 1].token_type is TokenType.L_PAREN if place + 1 < len(tokens) else False
        if kind in (TokenType.DOT, TokenType.STAR):
            kinds.append(("mark", token.text))
        elif kind in values:
            kinds.append(("value", token.text))
        else:
            is_name = kind in names and (not is_call or kind is TokenType.IDENTIFIER)
            kinds.append(("name" if is_name else "word", token.text))
    return kinds


def skeleton_similarity(a: tuple[str, ...], b: tuple[str, ...]) -> float:
    """Jaccard similarity of the tokens of two skeletons, counted as often as they stand there; 0 without tokens."""
    count_a, count_b = Counter(a), Counter(b)
    union = sum((count_a | count_b).values())
    return sum((count_a & count_b).values()) / union if union else 0.0


def mask_question(question: str, names: Iterable[str]) -> str:
    """The question with schema words, numbers and quoted values as blanks.

    Args:
        question: As asked.
        names: Of tables and columns, and sample values of columns, as they stand in the schema.
    """
    masked = _NUMBER_OR_QUOTE.sub(BLANK, question)
    words = {word for name in names for word in _wordings(name)}
    if words:
        # The longest first: `order items` is one name and not the table `order` beside a word.
        alternatives = "|".join(map(_pattern, sorted(words, key=lambda word: (-len(word), word))))
        masked = re.sub(alternatives, BLANK, masked, flags=re.IGNORECASE)
    return re.sub(rf"{BLANK}(?:\s*{BLANK})+", BLANK, masked)


def _wordings(name: str) -> Iterable[str]:
    """A name as questions say it: in words, one of them or several."""
    if is_east_asian(name):
        return (name,) if len(name) >= _SHORTEST_EAST_ASIAN_NAME else ()
    if len(name) < _SHORTEST_NAME:
        return ()
    word = _CAMEL.sub(" ", name).replace("_", " ").casefold().strip()
    # `countries` and `country`, of a table of either name.
    if word.endswith("ies"):
        return (word, f"{word[:-3]}y")
    if word.endswith("y"):
        return (word, f"{word[:-1]}ies")
    return (word, word[:-1]) if word.endswith("s") and not word.endswith("ss") else (word,)


def _pattern(word: str) -> str:
    text = re.escape(word).replace(r"\ ", r"[\s_-]*")
    # Chinese has no spaces around its words, and Korean ends them in particles.
    if is_east_asian(word):
        return text
    return rf"(?<![^\W{EAST_ASIAN}]){text}(?:s|es)?(?![^\W{EAST_ASIAN}])"
