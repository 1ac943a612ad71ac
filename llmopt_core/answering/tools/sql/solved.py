"""Which solved queries a model sees before it writes its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from llmopt_core.answering.tools.sql.skeleton import mask_question, query_words, skeleton, skeleton_similarity
from llmopt_core.answering.tools.sql.spec import DataSpec, SolvedQuery
from llmopt_core.databases.comparison.difficulty import difficulty
from llmopt_core.prompts.few_shot import Encode


def choose_solved(
    spec: DataSpec, question: str, names: Iterable[str], dialect: str, encode: Encode, *, draft: str = ""
) -> list[SolvedQuery]:
    """The solved queries for one question, the most alike last: models follow most what stands next to the question.

    The question's own solved query is never among them, as an answer key would be.

    Args:
        spec: The pool, and what makes a solved query alike.
        question: As asked.
        names: Schema words and sample values, for the masked question.
        dialect: Of the queries.
        encode: Texts -> unit vectors.
        draft: A query that the model wrote before, for what is chosen by it. The right one is never asked for.
    """
    if not spec.shows_examples:
        return []
    pool = [one for one in spec.examples if plain_question(one.question) != plain_question(question)]
    if spec.same_difficulty and draft:
        level = difficulty(draft, dialect)
        alike = [one for one in pool if difficulty(one.sql, dialect) == level]
        # None is as difficult: others teach more than none.
        pool = alike or pool
    scores = _similarity(spec, question, list(names), pool, dialect, encode, draft)
    # Stable, so that equal ones come in the order of the pool on every machine.
    best = np.argsort(-np.asarray(scores), kind="stable")[: spec.shots]
    return [pool[i] for i in reversed(best)]


def _similarity(  # noqa: PLR0917
    spec: DataSpec,
    question: str,
    names: Sequence[str],
    pool: Sequence[SolvedQuery],
    dialect: str,
    encode: Encode,
    draft: str,
) -> Sequence[float]:
    if not pool:
        return ()
    draft_shape = skeleton(draft, dialect) if draft and spec.method == "few-shot-skeleton" else ()
    if draft_shape:
        return [skeleton_similarity(draft_shape, skeleton(one.sql, dialect)) for one in pool]
    texts = [question, *(one.question for one in pool)]
    if spec.method == "few-shot-masked":
        # Each by the words of its own query, as it may be of another database than the question.
        masked = [mask_question(one.question, query_words(one.sql, dialect)) for one in pool]
        texts = [mask_question(question, names), *masked]
    # A draft that could not be read leaves the question to compare by.
    vectors = encode(texts)
    similar: Sequence[float] = (vectors[1:] @ vectors[0]).tolist()
    return similar


def plain_question(question: str) -> str:
    """A question without what decides nothing of its words: case, spaces and the mark at its end."""
    return " ".join(question.casefold().split()).rstrip("?.! ")
