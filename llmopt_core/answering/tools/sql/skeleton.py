"""What is left of a query, and of a question, without the words of its database."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

# What stands in the place of schema words and values.
BLANK = "_"

_NUMBER_OR_QUOTE = re.compile(r"\"[^\"]*\"|'[^']*'|“[^”]*”|「[^」]*」|\d+(?:[.,]\d+)*")
# Shorter names, such as `id`, would hide ordinary words.
_SHORTEST_NAME = 3


def skeleton(sql: str, dialect: str) -> tuple[str, ...]:
    """The tokens of a query with each run of names and values as one blank (DAIL-SQL's query skeleton).

    What sqlglot cannot split into tokens has an empty skeleton.
    """
    from sqlglot import tokenize
    from sqlglot.errors import TokenError
    from sqlglot.tokens import TokenType

    try:
        tokens = tokenize(sql, read=dialect)
    except (TokenError, RecursionError):
        return ()
    values = {TokenType.VAR, TokenType.IDENTIFIER, TokenType.STRING, TokenType.NUMBER, TokenType.DOT, TokenType.STAR}
    words: list[str] = []
    for place, token in enumerate(tokens):
        # `COUNT (`: the function is a part of the shape, the column in it is not.
        is_call = token.token_type is TokenType.VAR and _follows(tokens, place, TokenType.L_PAREN)
        word = BLANK if token.token_type in values and not is_call else token.text.upper()
        if word != BLANK or words[-1:] != [BLANK]:
            words.append(word)
    return tuple(words)


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
    words = {name.replace("_", " ").casefold() for name in names if len(name) >= _SHORTEST_NAME}
    if words:
        # The longest first: `order items` is one name and not the table `order` beside a word.
        alternatives = "|".join(map(re.escape, sorted(words, key=lambda word: (-len(word), word))))
        # Plurals of names are the names: `How many singers`, of the table `singer`.
        masked = re.sub(rf"(?<!\w)(?:{alternatives})(?:s|es)?(?!\w)", BLANK, masked, flags=re.IGNORECASE)
    return re.sub(rf"{BLANK}(?:\s+{BLANK})+", BLANK, masked)


def _follows(tokens: list[object], place: int, kind: object) -> bool:
    return place + 1 < len(tokens) and getattr(tokens[place + 1], "token_type", None) is kind
