"""The usual rungs of text-to-SQL, from a plain prompt up, as configurations that differ by one thing each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmopt_core.answering.tools.sql.spec import SolvedQuery
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.types import Example


@dataclass(frozen=True, slots=True)
class Strategy:
    """A rung.

    Attributes:
        name: Of its configuration.
        changes: Fields of `DataSpec` that it sets over the base.
        why: What it tries, in one sentence.
        needs_examples: Whether it shows solved queries.
    """

    name: str
    changes: Mapping[str, Any]
    why: str
    needs_examples: bool = False


STRATEGIES = (
    Strategy("plain", {}, "The schema and the question alone: the baseline."),
    Strategy("reasoning", {"reasoning": True}, "Columns, then tables, then the query (chain of thought)."),
    Strategy("few-shot question", {"method": "few-shot-question"}, "Solved queries of the nearest questions.", True),
    Strategy(
        "few-shot masked",
        {"method": "few-shot-masked"},
        "Solved queries of questions that are alike once schema words and values are masked.",
        True,
    ),
    Strategy(
        "few-shot skeleton",
        {"method": "few-shot-skeleton"},
        "Solved queries whose shape is that of a query which the model drafts first (a hypothetical query).",
        True,
    ),
    Strategy(
        "same difficulty",
        {"method": "few-shot-question", "same_difficulty": True},
        "Solved queries as difficult as the model's draft.",
        True,
    ),
    Strategy("repair", {"repair": 1}, "An error of the database goes back to the model once."),
    Strategy("vote", {"samples": 5}, "Up to five drafts; the most frequent result is taken (self-consistency)."),
)


def solved_queries(examples: Iterable[Example]) -> tuple[SolvedQuery, ...]:
    """The questions whose query is known, as they are shown to a model."""
    return tuple(
        SolvedQuery(question=one.question, sql=one.gold_queries[0], database=one.database)
        for one in examples
        if one.gold_queries
    )


def rungs(base: Configuration, names: Sequence[str], solved: Sequence[SolvedQuery]) -> list[Configuration]:
    """A configuration for each named strategy, on the model, prompt and source of the base.

    What needs solved queries and has none is left out.

    Args:
        base: Has a data source.
        names: Of `STRATEGIES`.
        solved: Queries that are shown; none of the questions that are asked should be among them.
    """
    if base.data is None:
        raise AssertionError("asked for strategies of a configuration without data source")
    plain = {"method": "plain", "reasoning": False, "repair": 0, "samples": 1, "same_difficulty": False, "examples": ()}
    return [
        base.model_copy(
            update={
                "name": strategy.name,
                "data": base.data.model_copy(
                    update={
                        **plain,
                        **({"examples": tuple(solved)} if strategy.needs_examples else {}),
                        **strategy.changes,
                    }
                ),
            }
        )
        for strategy in STRATEGIES
        if strategy.name in names and (solved or not strategy.needs_examples)
    ]
