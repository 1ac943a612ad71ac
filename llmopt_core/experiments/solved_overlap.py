"""Questions whose right query stands among the solved queries that a configuration shows, under another wording."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt_core.answering.tools.sql.solved import plain_question
from llmopt_core.answering.tools.sql.spec import DataSpec
from llmopt_core.types import Example


def find_solved(spec: DataSpec | None, examples: Sequence[Example]) -> list[int]:
    """Positions of the examples that a solved query gives away.

    The solved query of the very same question is never shown, so that it gives nothing away; that of a paraphrase is.
    """
    if spec is None or not spec.shows_examples:
        return []
    wordings: dict[str, set[tuple[str, str]]] = {}
    for solved in spec.examples:
        wordings.setdefault(_plain_query(solved.sql), set()).add((solved.database, plain_question(solved.question)))
    return [
        number
        for number, example in enumerate(examples)
        if any(
            question != plain_question(example.question)
            # A name is missing where there is one database.
            and (database == example.database or not database or not example.database)
            for gold in example.gold_queries
            for database, question in wordings.get(_plain_query(gold), ())
        )
    ]


def _plain_query(sql: str) -> str:
    return " ".join(sql.casefold().split()).rstrip("; ")
