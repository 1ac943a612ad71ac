"""Look before spending: can the data source of a configuration answer the questions of this set?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from llmopt_core.answering.tools.sql.open_database import find_source
from llmopt_core.answering.tools.sql.spec import DataSpec
from llmopt_core.databases.schema_reader import read_schema
from llmopt_core.errors import BadInput
from llmopt_core.evaluation.metrics.catalogue import GOLD_METRICS
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.types import EvaluationSet, Example


def check_gold_metrics(metrics: Sequence[str], evaluation_set: EvaluationSet) -> None:
    """Refuse metrics that compare with right queries where no example has one.

    Raises:
        BadInput: Names metric and set.
    """
    needy = [name for name in metrics if name in GOLD_METRICS]
    if needy and not any(example.gold_queries for example in evaluation_set.examples):
        raise BadInput(
            f"The metric {needy[0]} needs right queries, but no example of {evaluation_set.name} has one; add a column "
            "`sql`, or take the metric out."
        )


def check_data(configuration: Configuration, evaluation_set: EvaluationSet) -> None:
    """Refuse a data source that cannot be asked; nothing without one.

    Raises:
        BadInput: A database is missing or cannot be read, no question could ever go to it, or solved queries are to be
            shown and there are none.
    """
    spec, name = configuration.data, configuration.name
    if spec is None:
        return
    if not spec.examples and (spec.method != "plain" or spec.same_difficulty):
        what = spec.method if spec.method != "plain" else "same_difficulty"
        raise BadInput(f"{name} chooses solved queries by {what}, but has none; name some under data: examples.")
    _check_routing(spec, name)
    asking = [example for example in evaluation_set.examples if _may_ask(spec, example)]
    for database, example in _first_of_each(asking):
        try:
            read_schema(find_source(spec.source, database))
        except BadInput as error:
            raise BadInput(f"{name} cannot ask the database of question {example.id}: {error}") from error


def writes_queries(configuration: Configuration) -> bool:
    """Whether questions are turned into queries by a strategy, and not by the model's own calls of a tool."""
    return configuration.data is not None and "sql" not in configuration.tools


def retrieves(configuration: Configuration) -> bool:
    """Whether some question may go to documents: without a router all go to the database."""
    data = configuration.data
    goes_elsewhere = writes_queries(configuration) and data is not None and data.routing is None
    return configuration.retrieval is not None and not goes_elsewhere


def _check_routing(spec: DataSpec, name: str) -> None:
    if spec.routing is None:
        return
    if not spec.categories:
        raise BadInput(
            f"{name} has a router for its data source, but no category goes there; name those that do under "
            "data: categories."
        )
    # A category that is given stands in the set, and the router need not know it.
    known = spec.routing.categories
    unknown = sorted(set(spec.categories) - set(known)) if spec.routing.method != "given" else []
    if unknown:
        raise BadInput(
            f"{name} sends the category {unknown[0]} to its data source, which its router does not know; known are: "
            f"{', '.join(known) or 'none'}."
        )


def _may_ask(spec: DataSpec, example: Example) -> bool:
    if spec.routing is None:
        return True
    if spec.routing.method == "given":
        return example.category in spec.categories
    # Where it goes is known once it was routed; what looks like a data question should be able to go there.
    return bool(example.database or example.gold_queries)


def _first_of_each(examples: Iterable[Example]) -> Iterable[tuple[str, Example]]:
    """Each database once, with the first example that asks it."""
    firsts: dict[str, Example] = {}
    for example in examples:
        firsts.setdefault(example.database, example)
    return firsts.items()
