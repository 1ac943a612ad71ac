"""The data source of a configuration: which questions go there, and what decides the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from llmopt_core.answering.data_answer import answer_from_database, without_result
from llmopt_core.answering.tools.base import Tool
from llmopt_core.answering.tools.calculator import Calculator
from llmopt_core.answering.tools.sql.open_database import OpenDatabase, find_source
from llmopt_core.answering.tools.sql.spec import DataSpec
from llmopt_core.answering.tools.sql.strategy import OnAttempt
from llmopt_core.answering.tools.sql_tool import SqlTool
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.data_preflight import writes_queries
from llmopt_core.index.embedding_cache import encode_with_cache
from llmopt_core.models.base import EmbeddingSpec, Vectors
from llmopt_core.retrieval.routing import Route, Router
from llmopt_core.types import GOLD_VARIABLE, Answer, Example

if TYPE_CHECKING:
    from llmopt_core.models.registry import Models

OnText = Callable[[str], None]

# Raise it when prompts or strategies come to give other answers to the same question.
_VERSION = "data-1"


class DataStage:
    """Everything of a configuration that has to do with its data source and its tools.

    Args:
        configuration: With `data`, `tools`, both or neither.
        models: Of the current event loop.
    """

    def __init__(self, configuration: Configuration, models: Models) -> None:
        self._configuration = configuration
        self._models = models
        self._databases: dict[str, OpenDatabase] = {}
        self._routes: dict[tuple[str, str | None], Route] = {}

    @property
    def spec(self) -> DataSpec | None:
        """How the data source is asked; None without one."""
        return self._configuration.data

    @property
    def writes_queries(self) -> bool:
        """Whether questions are turned into queries by a strategy, and not by the model's own calls of a tool."""
        return writes_queries(self._configuration)

    async def route(self, example: Example) -> Route | None:
        """Where the question goes: None to the database, as all do without a router; else with its category."""
        spec = self.spec
        if spec is None or spec.routing is None or not self.writes_queries:
            return None
        key = (example.question, example.category)
        if key not in self._routes:
            router = Router(spec.routing, self._models, self.encode)
            (route,) = await router.route([example.question], [example.category])
            if any(trace.warning for trace in route.traces):
                # It may come off the next time.
                return route
            self._routes[key] = route
        return self._routes[key]

    def sends_to_database(self, route: Route | None) -> bool:
        """Whether a query answers a question of this route, and not the documents."""
        if not self.writes_queries or self.spec is None:
            return False
        return route is None or route.category in self.spec.categories

    def may_ask_database(self, example: Example) -> bool:
        """Whether a query may answer the question, as far as is known without asking a router."""
        spec = self.spec
        if not self.writes_queries or spec is None:
            return False
        return spec.routing is None or spec.routing.method != "given" or example.category in spec.categories

    def without_gold(self, example: Example) -> Example:
        """The example without the right query, so that no prompt can show it; unchanged without a data source."""
        if self.writes_queries:
            return without_result(example)
        if self.spec is None or not example.gold_queries:
            return example
        return replace(example, variables={k: v for k, v in example.variables.items() if k != GOLD_VARIABLE})

    def database(self, example: Example) -> OpenDatabase:
        """The database that the example asks.

        Raises:
            BadInput: There is none.
        """
        if self.spec is None:
            raise AssertionError("asked for a database by a configuration without data source")
        name = example.database
        if name not in self._databases:
            self._databases[name] = OpenDatabase(find_source(self.spec.source, name))
        return self._databases[name]

    def identity(self, example: Example) -> list[object]:
        """What of data source and tools decides the answer; nothing without them, so that former keys stay."""
        configuration = self._configuration
        if configuration.data is None and not configuration.tools:
            return []
        # The place of a database decides nothing, its content does.
        values = None if self.spec is None else self.spec.model_dump(mode="json", exclude={"source"})
        version = None if self.spec is None else self.database(example).version
        return [_VERSION, list(configuration.tools), values, version]

    async def tools(self, example: Example) -> tuple[Sequence[Tool], SqlTool | None]:
        """The tools that the model is offered for an example; that of queries remembers them."""
        names = self._configuration.tools
        sql: SqlTool | None = None
        if "sql" in names and self.spec is not None:
            database = self.database(example)
            sql = SqlTool(database, await database.view(example.question, self.spec, self.encode))
        kinds: dict[str, Tool | None] = {"sql": sql, "calculator": Calculator()}
        return [tool for name in names if (tool := kinds[name]) is not None], sql

    async def answer(
        self, example: Example, repeat: int = 0, on_text: OnText | None = None, on_attempt: OnAttempt | None = None
    ) -> Answer:
        """The answer of the database; see `answer_from_database`."""
        configuration = self._configuration
        if configuration.data is None:
            raise AssertionError("asked for data by a configuration without data source")
        database = await asyncio.to_thread(self.database, example)
        return await answer_from_database(
            example, database, configuration.data, configuration.prompt, configuration.model, self._models, on_text,
            on_attempt, repeat=repeat, encode=self.encode,
        )  # fmt: skip

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Texts -> unit vectors, for search in schemas and among solved queries."""
        return encode_with_cache(texts, self._models.embedder(EmbeddingSpec()), self._models.cache)
